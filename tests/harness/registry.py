"""A registry in memory, with a clock that goes on a minute at each look."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from shelflife.registry.errors import RegisteredModelChangedError
from shelflife.registry.history import History
from shelflife.registry.inspection import Inspection
from shelflife.registry.lifecycle import Lifecycle
from shelflife.registry.model import Change, ModelVersion, Move, NewVersion, RegisteredModel, Stage
from shelflife.registry.ports import Commit, ModelVersions, RegisteredModels, Use
from shelflife.registry.promotion import Promotion
from shelflife.registry.searching import Searching
from shelflife.registry.service import Registry
from shelflife.registry.stages import Stages, Transition
from shelflife.registry.submission import Submission
from tests.fakes.registry import (
    MemoryHistories,
    MemoryModelVersions,
    MemoryRegisteredModels,
    MemoryRegistry,
)
from tests.fakes.registry_surroundings import MemoryModelFiles, MemoryUses
from tests.harness.models import candidate

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NAME = "bikeshare"


class RacedModels(MemoryRegisteredModels):
    """`meanwhile` are what others do just before our next writes, one each."""

    def __init__(self, kept: MemoryRegistry) -> None:
        super().__init__(kept)
        self.meanwhile: list[Callable[[], object]] = []

    def add(self, model: RegisteredModel, change: Change) -> None:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        super().add(model, change)

    def commit(self, commit: Commit) -> None:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        super().commit(commit)


@dataclass
class Keepers:
    """Where a world keeps its models and versions, if not in memory."""

    models: RegisteredModels
    versions: ModelVersions


@dataclass
class World:
    kept: MemoryRegistry = field(default_factory=MemoryRegistry)
    keepers: Keepers | None = None
    minutes: "count[int]" = field(default_factory=count)
    ids: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.models = RacedModels(self.kept)
        models = self.keepers.models if self.keepers else self.models
        self.versions = self.keepers.versions if self.keepers else MemoryModelVersions(self.kept)
        uses = MemoryUses(self.kept)
        self.lifecycle = Lifecycle(models, uses, self.now, self.new_id)
        self.registry = Registry(models, self.versions, self.lifecycle, self.now, self.new_id)
        self.promotion = Promotion(models, self.versions, uses, self.now, self.new_id)
        self.stages = Stages(models, self.versions, uses, self.now)
        self.history = History(models, MemoryHistories(self.kept))
        self.searching = Searching(models, self.versions)
        self.files = MemoryModelFiles()
        self.inspection = Inspection(models, self.versions, self.files, self.now, self.new_id)
        self.submission = Submission(self.registry, self.promotion)

    def now(self) -> datetime:
        return NOON + timedelta(minutes=next(self.minutes))

    def new_id(self) -> str:
        return f"id-{next(self.ids)}"

    def create(self, name: str = NAME, **tags: str) -> None:
        self.lifecycle.create(name, description=None, tags=tags, created_by="ada")

    def version(self, name: str = NAME, *, trained: bool = False, **changes: Any) -> ModelVersion:
        """One more version of the model, which is made if it is not there."""
        if self.keepers is None and name not in self.kept.models:
            self.create(name)
        plain: dict[str, Any] = {"source_uri": "s3://bucket/model"}
        if trained:
            job_id = f"job-{self.new_id()}"
            made = candidate(job_id=job_id)
            plain |= {"candidate": made, "job_id": job_id, "evaluation_id": f"evaluation-{job_id}"}
        return self.registry.create_version(name, NewVersion(**plain | changes), created_by="ada")

    def point(self, version: int, alias: str = "champion", name: str = NAME, **changes: Any) -> None:
        told = {"reason": "it is better", "moved_by": "ada"} | changes
        self.promotion.move(Move(model_name=name, alias=alias, version=version, **told))

    def stage(self, version: int, stage: Stage, *, archive: bool = False, by: str = "ada") -> ModelVersion:
        return self.stages.move(Transition(NAME, version, stage, archive, by))

    def use(self, deployment: str, alias: str, *versions: int, name: str = NAME) -> None:
        """Serving told that the deployment follows the alias, and serves the versions."""
        self.kept.uses.setdefault(name, []).append(Use(deployment, alias, frozenset(versions)))

    def always_raced(self) -> None:
        """Somebody else writes the model before each of our writes."""

        def raced(self: Any, commit: Commit) -> None:
            raise RegisteredModelChangedError(commit.model.name)

        self.models.commit = raced.__get__(self.models)  # type: ignore[method-assign]
