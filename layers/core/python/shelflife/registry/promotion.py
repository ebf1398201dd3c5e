from dataclasses import dataclass

from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.registry import CHAMPION, ModelVersionPromoted
from shelflife.kernel.ids import Clock, NewId
from shelflife.kernel.paging import Page
from shelflife.registry.errors import (
    AliasKeptError,
    AliasNotFoundError,
    InvalidAliasError,
    ModelVersionNotFoundError,
    VersionNotServableError,
)
from shelflife.registry.model import ALIAS, Alias, AliasMove, ModelVersion, Move
from shelflife.registry.ports import Aliases, ModelVersions


@dataclass(frozen=True, slots=True)
class Promotion:
    """Aliases: which version is in use, and the history of that."""

    aliases: Aliases
    versions: ModelVersions
    now: Clock
    new_id: NewId

    def move(self, asked: Move) -> ModelVersion:
        """Point the alias to the version; it says so on the bus if the version can be served.

        Moving it to where it points already changes nothing and says nothing.

        Raises:
            ModelVersionNotFoundError: there is no such version.
            VersionNotServableError: deployments may follow the alias, but cannot serve the version.
            AliasMovedError: another caller moved it meanwhile; try again.
        """
        if ALIAS.fullmatch(asked.alias) is None:
            raise InvalidAliasError(asked.alias)
        version = self._version(asked.model_name, asked.version)
        seen = self.aliases.find(asked.model_name, asked.alias)
        if seen is not None and seen.version == asked.version:
            return version
        promoted = version.reference()
        if promoted is None and (asked.alias == CHAMPION or self._servable(seen)):
            raise VersionNotServableError(asked.model_name, asked.version, asked.alias)
        move = self._move_of(asked, seen, version)
        self.aliases.move(move, self._news(move, promoted) if promoted else None)
        return version

    def remove(self, model_name: str, alias: str, *, removed_by: str) -> None:
        """Let the alias point to nothing; one that does not exist stays so.

        Raises:
            AliasKeptError: deployments may follow it.
            AliasMovedError: another caller moved it meanwhile; try again.
        """
        seen = self.aliases.find(model_name, alias)
        if seen is None or seen.version is None:
            return
        if self._servable(seen):
            raise AliasKeptError(model_name, alias, seen.version)
        move = AliasMove(
            model_name=model_name,
            alias=alias,
            number=seen.moves + 1,
            from_version=seen.version,
            moved_at=self.now(),
            moved_by=removed_by,
            reason="removed",
        )
        self.aliases.move(move, None)

    def find(self, model_name: str, alias: str) -> tuple[Alias, ModelVersion]:
        """The alias and the version that it points to.

        Raises:
            AliasNotFoundError: it points to nothing.
        """
        found = self.aliases.find(model_name, alias)
        if found is None or found.version is None:
            raise AliasNotFoundError(model_name, alias)
        return found, self._version(model_name, found.version)

    def serving(self, model_name: str, alias: str) -> ModelVersionReference | None:
        """The version behind the alias, if there is one and it can be served."""
        found = self.aliases.find(model_name, alias)
        if found is None or found.version is None:
            return None
        return self._version(model_name, found.version).reference()

    def of_model(self, model_name: str) -> tuple[Alias, ...]:
        return self.aliases.of_model(model_name)

    def history(self, model_name: str, alias: str, limit: int, cursor: str | None) -> Page[AliasMove]:
        """Every move, newest first.

        Raises:
            AliasNotFoundError: the alias never existed.
        """
        if self.aliases.find(model_name, alias) is None:
            raise AliasNotFoundError(model_name, alias)
        return self.aliases.history(model_name, alias, limit, cursor)

    def _version(self, model_name: str, version: int) -> ModelVersion:
        found = self.versions.find(model_name, version)
        if found is None:
            raise ModelVersionNotFoundError(model_name, version)
        return found

    def _servable(self, alias: Alias | None) -> bool:
        if alias is None or alias.version is None:
            return False
        return self._version(alias.model_name, alias.version).candidate is not None

    def _move_of(self, asked: Move, seen: Alias | None, version: ModelVersion) -> AliasMove:
        return AliasMove(
            model_name=asked.model_name,
            alias=asked.alias,
            number=seen.moves + 1 if seen else 1,
            from_version=seen.version if seen else None,
            to_version=asked.version,
            moved_at=self.now(),
            moved_by=asked.moved_by,
            reason=asked.reason,
            # A version is promoted on what it was accepted on, unless the caller has newer evidence.
            evaluation_id=asked.evaluation_id or version.evaluation_id,
        )

    def _news(self, move: AliasMove, promoted: ModelVersionReference) -> ModelVersionPromoted:
        return ModelVersionPromoted(
            event_id=self.new_id(),
            happened_at=move.moved_at,
            alias=move.alias,
            promoted=promoted,
            previous_version=move.from_version,
            moved_by=move.moved_by,
        )
