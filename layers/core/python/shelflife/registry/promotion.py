from dataclasses import dataclass

from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.registry import ModelVersionPromoted
from shelflife.kernel.ids import Clock, NewId, is_name
from shelflife.registry import changing
from shelflife.registry.errors import (
    AliasKeptError,
    AliasMovedError,
    AliasNotFoundError,
    InvalidAliasError,
    ModelVersionNotFoundError,
    TooManyAliasesError,
    VersionNotServableError,
)
from shelflife.registry.model import (
    ALIAS,
    LATEST,
    MOST_ALIASES,
    Change,
    ChangeKind,
    ModelVersion,
    Move,
    RegisteredModel,
)
from shelflife.registry.ports import Commit, ModelVersions, RegisteredModels, Uses


@dataclass(frozen=True, slots=True)
class Promotion:
    """Aliases: which version is in use."""

    models: RegisteredModels
    versions: ModelVersions
    uses: Uses
    now: Clock
    new_id: NewId

    def move(self, asked: Move) -> ModelVersion:
        """Point the alias to the version; it says so on the bus if the version can be served.

        Moving it to where it points already changes nothing and says nothing.

        Raises:
            InvalidAliasError: no alias can be called so.
            ModelVersionNotFoundError: there is no such version.
            VersionNotServableError: a deployment follows the alias, but cannot serve the version.
            TooManyAliasesError: the model has as many as it can have.
            AliasMovedError: another caller moved it meanwhile; try again.
        """
        if ALIAS.fullmatch(asked.alias) is None:
            raise InvalidAliasError(asked.alias)
        seen: list[int | None] = []
        to: list[ModelVersion] = []

        def moving(model: RegisteredModel) -> Commit | None:
            version = self._version(model, asked.version)
            to[:] = [version]
            now = model.aliases.get(asked.alias)
            if now == asked.version:
                return None
            if seen and seen[0] != now:
                raise AliasMovedError(model.name, asked.alias)
            seen[:] = [now]
            return self._moved(model, asked, version)

        changing.committed(self.models, asked.model_name, moving)
        return to[0]

    def remove(self, model_name: str, alias: str, *, removed_by: str) -> None:
        """Let the alias point to nothing; one that does not exist stays so.

        Raises:
            RegisteredModelNotFoundError: there is no such model.
            AliasKeptError: a deployment follows it.
            AliasMovedError: another caller moved it meanwhile; try again.
        """
        seen: list[int] = []

        def removing(model: RegisteredModel) -> Commit | None:
            now = model.aliases.get(alias)
            if now is None:
                return None
            if seen and seen[0] != now:
                raise AliasMovedError(model.name, alias)
            seen[:] = [now]
            follower = self._follower(model, alias)
            if follower is not None:
                raise AliasKeptError(model.name, alias, now, follower)
            change = model.change(
                ChangeKind.ALIAS_MOVED,
                self.now(),
                removed_by,
                reason="removed",
                alias=alias,
                from_version=now,
            )
            rest = {known: version for known, version in model.aliases.items() if known != alias}
            return Commit(model.changed(change, aliases=rest), change=change)

        changing.committed(self.models, model_name, removing)

    def find(self, model_name: str, alias: str) -> tuple[RegisteredModel, ModelVersion]:
        """The model, and the version that the alias points to; `latest` is the highest version.

        Raises:
            RegisteredModelNotFoundError: there is no such model.
            AliasNotFoundError: it points to nothing.
        """
        model = changing.found(self.models, model_name)
        number = model.aliases.get(alias)
        if number is None and alias.lower() == LATEST:
            number = max(model.latest.values(), default=None)
        if number is None:
            raise AliasNotFoundError(model_name, alias)
        return model, self._version(model, number)

    def serving(self, model_name: str, alias: str) -> ModelVersionReference | None:
        """The version behind the alias, if there is one and it can be served."""
        model = self.models.find(model_name)
        number = model.aliases.get(alias) if model else None
        if model is None or number is None:
            return None
        return self._version(model, number).reference()

    def _version(self, model: RegisteredModel, version: int) -> ModelVersion:
        found = self.versions.find(model, version)
        if found is None:
            raise ModelVersionNotFoundError(model.name, version)
        return found

    def _moved(self, model: RegisteredModel, asked: Move, version: ModelVersion) -> Commit:
        promoted = version.reference()
        if promoted is None:
            follower = self._follower(model, asked.alias)
            if follower is not None:
                raise VersionNotServableError(model.name, version.version, asked.alias, follower)
        aliases = model.aliases | {asked.alias: version.version}
        if len(aliases) > MOST_ALIASES:
            raise TooManyAliasesError(model.name, MOST_ALIASES)
        change = model.change(
            ChangeKind.ALIAS_MOVED,
            self.now(),
            asked.moved_by,
            reason=asked.reason,
            alias=asked.alias,
            from_version=model.aliases.get(asked.alias),
            to_version=version.version,
            # A version is promoted on what it was accepted on, unless the caller has newer evidence.
            evaluation_id=asked.evaluation_id or version.evaluation_id,
        )
        news = self._news(change, promoted)
        return Commit(model.changed(change, aliases=aliases), change=change, news=news)

    def _follower(self, model: RegisteredModel, alias: str) -> str | None:
        """A deployment that follows the alias."""
        using = self.uses.of_model(model.name)
        return next((use.deployment for use in using if use.alias == alias), None)

    def _news(
        self, change: Change, promoted: ModelVersionReference | None
    ) -> tuple[ModelVersionPromoted, ...]:
        """Only what a deployment could follow is told."""
        if promoted is None or change.alias is None or not is_name(change.alias):
            return ()
        told = ModelVersionPromoted(
            event_id=self.new_id(),
            happened_at=change.happened_at,
            alias=change.alias,
            promoted=promoted,
            previous_version=change.from_version,
            moved_by=change.made_by,
        )
        return (told,)
