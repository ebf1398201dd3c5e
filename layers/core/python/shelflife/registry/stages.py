"""Stages: where a version is on its way to production, and its end."""

from collections.abc import Mapping
from dataclasses import dataclass

from shelflife.kernel.ids import Clock
from shelflife.registry import changing
from shelflife.registry.errors import (
    InvalidStageError,
    ModelVersionKeptError,
    ModelVersionNotFoundError,
    StageMovedError,
)
from shelflife.registry.model import ACTIVE, ChangeKind, ModelVersion, RegisteredModel, Stage
from shelflife.registry.ports import Commit, ModelVersions, RegisteredModels, Uses

#: Versions archived in one transaction: each takes three of its hundred writes.
_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class Transition:
    """Asked of a version; `archive` moves all others out of an active stage."""

    model_name: str
    version: int
    stage: Stage
    archive: bool
    moved_by: str


@dataclass(frozen=True, slots=True)
class Stages:
    models: RegisteredModels
    versions: ModelVersions
    uses: Uses
    now: Clock

    def move(self, asked: Transition) -> ModelVersion:
        """Put the version into the stage.

        With `archive`, the 25 highest of the others go in the same moment, the rest in moments after it;
        asked again after a cut in between, it goes on.

        Raises:
            InvalidStageError: others can be archived out of active stages only.
            ModelVersionNotFoundError: there is no such version.
            StageMovedError: another caller moved it meanwhile.
        """
        if asked.archive and asked.stage not in ACTIVE:
            active = " or ".join(ACTIVE)
            raise InvalidStageError(asked.stage.value, f"{active}, if existing versions are to be archived")
        seen: list[Stage] = []
        left: list[int] = []

        def moving(model: RegisteredModel) -> Commit:
            version = self._version(model, asked.version)
            if seen and seen[0] is not version.stage:
                raise StageMovedError(model.name, asked.version)
            seen[:] = [version.stage]
            others = self._others(model, asked) if asked.archive else []
            left[:] = others[_AT_ONCE:]
            return self._moved(model, version, asked, others[:_AT_ONCE])

        model = changing.committed(self.models, asked.model_name, moving)
        while left:
            model = changing.committed(
                self.models, asked.model_name, lambda now: self._archived(now, asked, left)
            )
        return self._version(model, asked.version)

    def latest(self, model: RegisteredModel, stages: tuple[Stage, ...]) -> list[ModelVersion]:
        """The highest version of each of the stages (of all, if none is named), ascending."""
        asked = stages or tuple(Stage)
        return self.versions.find_many(
            model, sorted(version for stage, version in model.latest.items() if stage in asked)
        )

    def delete(self, model_name: str, version: int, *, deleted_by: str) -> None:
        """Forget the version and the aliases that point to it; its number is not given again.

        Raises:
            RegisteredModelNotFoundError: there is no such model.
            ModelVersionNotFoundError: the model has no such version.
            ModelVersionKeptError: a deployment serves it, or follows an alias that points to it.
        """

        def deleting(model: RegisteredModel) -> Commit:
            found = self._version(model, version)
            self._check_unused(model, version)
            change = model.change(
                ChangeKind.VERSION_DELETED, self.now(), deleted_by, version=version, from_stage=found.stage
            )
            after = model.changed(
                change,
                aliases={alias: to for alias, to in model.aliases.items() if to != version},
                latest=self._latest(model, {version: (found.stage, None)}),
                updated_at=change.happened_at,
            )
            return Commit(after, change=change, removed=found)

        changing.committed(self.models, model_name, deleting)

    def _version(self, model: RegisteredModel, version: int) -> ModelVersion:
        found = self.versions.find(model, version)
        if found is None:
            raise ModelVersionNotFoundError(model.name, version)
        return found

    def _others(self, model: RegisteredModel, asked: Transition) -> list[int]:
        staged = self.versions.staged(model, asked.stage, 2 * _AT_ONCE)
        return [number for number in staged if number != asked.version]

    def _moved(
        self, model: RegisteredModel, version: ModelVersion, asked: Transition, others: list[int]
    ) -> Commit:
        archived = self.versions.find_many(model, others)
        moves = {other.version: (other.stage, Stage.ARCHIVED) for other in archived}
        moves[version.version] = (version.stage, asked.stage)
        latest = self._latest(model, moves)
        at = model.moment(self.now())
        moved = ((version, asked.stage), *((other, Stage.ARCHIVED) for other in archived))
        if version.stage is asked.stage and not archived:
            return Commit(model.after(latest=latest, updated_at=at), moved=moved)
        change = model.change(
            ChangeKind.STAGE_MOVED,
            at,
            asked.moved_by,
            version=version.version,
            from_stage=version.stage,
            to_stage=asked.stage,
            archived=tuple(other.version for other in archived),
        )
        return Commit(model.changed(change, latest=latest, updated_at=at), change=change, moved=moved)

    def _archived(self, model: RegisteredModel, asked: Transition, left: list[int]) -> Commit | None:
        """The next of those that did not fit into the first transaction; the rest stays in `left`."""
        others = self._others(model, asked)
        left[:] = others[_AT_ONCE:]
        archived = self.versions.find_many(model, others[:_AT_ONCE])
        if not archived:
            return None
        change = model.change(
            ChangeKind.STAGE_MOVED,
            self.now(),
            asked.moved_by,
            from_stage=asked.stage,
            to_stage=Stage.ARCHIVED,
            archived=tuple(other.version for other in archived),
        )
        latest = self._latest(model, {other.version: (other.stage, Stage.ARCHIVED) for other in archived})
        after = model.changed(change, latest=latest, updated_at=change.happened_at)
        return Commit(after, change=change, moved=tuple((other, Stage.ARCHIVED) for other in archived))

    def _latest(
        self, model: RegisteredModel, moves: Mapping[int, tuple[Stage, Stage | None]]
    ) -> dict[Stage, int]:
        """The highest version of each stage after these moves (from, to); no `to` is the end of a version."""
        latest = dict(model.latest)
        for stage in Stage:
            gone = {version for version, (before, after) in moves.items() if before is stage is not after}
            come = {version for version, (_, after) in moves.items() if after is stage}
            if latest.get(stage) in gone:
                staged = self.versions.staged(model, stage, len(gone) + 1)
                come |= {number for number in staged if number not in gone}
                del latest[stage]
            highest = max([*come, latest.get(stage, 0)])
            if highest:
                latest[stage] = highest
        return latest

    def _check_unused(self, model: RegisteredModel, version: int) -> None:
        for use in self.uses.of_model(model.name):
            if version in use.versions:
                raise ModelVersionKeptError(
                    model.name, version, f"it is live, deployment {use.deployment!r} serves it"
                )
            if use.alias is not None and model.aliases.get(use.alias) == version:
                raise ModelVersionKeptError(
                    model.name,
                    version,
                    f"deployment {use.deployment!r} follows alias {use.alias!r}, which points to it",
                )


def canonical(stage: str) -> Stage:
    """The stage, written in any case.

    Raises:
        InvalidStageError: there is none of that name.
    """
    for known in Stage:
        if known.lower() == stage.lower():
            return known
    raise InvalidStageError(stage, f"one of {', '.join(Stage)}")
