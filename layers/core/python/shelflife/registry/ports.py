from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from shelflife.contracts.data import StoredObject
from shelflife.kernel.ids import Moment
from shelflife.kernel.news import News
from shelflife.kernel.paging import Page
from shelflife.registry.model import Change, ModelVersion, RegisteredModel, Stage, Tenure


@dataclass(frozen=True, slots=True)
class Commit:
    """Writes that are done all at once: the model as it is to be, and what changes with it.

    `moved` are versions as they were, with the stage that each gets; of a `settled` version is known by now
    whether it can be served.
    """

    model: RegisteredModel
    change: Change | None = None
    added: ModelVersion | None = None
    moved: tuple[tuple[ModelVersion, Stage], ...] = ()
    removed: ModelVersion | None = None
    settled: ModelVersion | None = None
    news: tuple[News, ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """What a deployment needs of a model: the alias that it follows, and the versions in its traffic."""

    deployment: str
    alias: str | None = None
    versions: frozenset[int] = frozenset()


class Uses(Protocol):
    """Who uses models, as serving tells it."""

    def of_model(self, model_name: str) -> list[Use]: ...

    def follow(self, model_name: str, deployment: str, alias: str, at: Moment) -> None:
        """Remember what the deployment follows, unless something newer is known."""

    def serve(self, model_name: str, deployment: str, versions: Sequence[int], at: Moment) -> None:
        """Remember what the deployment serves, unless something newer is known."""

    def end(self, model_name: str, deployment: str, at: Moment) -> None:
        """The deployment needs nothing any more, unless something newer is known."""


class Leftovers(Protocol):
    """What stays behind when a model is removed."""

    def clear(self, model_id: str) -> None:
        """Remove it, unless the model is there; what was removed before stays so."""


class RegisteredModels(Protocol):
    def add(self, model: RegisteredModel, change: Change) -> None:
        """Keep a new model.

        Raises:
            RegisteredModelExistsError: its name is taken.
        """

    def find(self, name: str) -> RegisteredModel | None: ...

    def named(self, model_ids: Sequence[str]) -> dict[str, RegisteredModel]:
        """Those of the models that are there, by id."""

    def commit(self, commit: Commit) -> None:
        """Do all writes, or none.

        Raises:
            RegisteredModelChangedError: the model, or what is written with it, changed since it was read.
            ModelVersionExistsError: the added version's job led to another version already.
        """

    def rename(self, before: RegisteredModel, after: RegisteredModel, change: Change) -> None:
        """Keep the model under its new name, with all that is its.

        Raises:
            RegisteredModelExistsError: the new name is taken.
            RegisteredModelChangedError: the model changed since it was read.
        """

    def remove(self, model: RegisteredModel, change: Change, news: News) -> None:
        """Let nobody find the model, or what is its; only its history stays.

        Raises:
            RegisteredModelChangedError: the model changed since it was read.
        """

    def page(  # noqa: PLR0913 - each is a choice of one list
        self,
        *,
        prompts: bool,
        by_age: bool,
        backwards: bool,
        prefix: str,
        limit: int,
        cursor: str | None,
    ) -> Page[RegisteredModel]:
        """Models by name (those with the prefix) or by their last change; one shows up within a second."""

    def after(self, model: RegisteredModel, *, by_age: bool) -> str:
        """The cursor with which a page begins behind this model."""


class VersionOrder(Enum):
    """The lists that versions are in."""

    NUMBER = "number"
    AGE = "age"
    AGE_OF_ALL = "age of all"


class ModelVersions(Protocol):
    def find(self, model: RegisteredModel, version: int) -> ModelVersion | None: ...

    def find_many(self, model: RegisteredModel, numbers: Sequence[int]) -> list[ModelVersion]:
        """Those that are there, ascending."""

    def find_all(self, wanted: Sequence[tuple[RegisteredModel, int]]) -> list[ModelVersion]:
        """Those that are there, in the order in which they are asked for."""

    def of_job(self, model: RegisteredModel, job_id: str) -> ModelVersion | None:
        """The version that the job led to."""

    def of_run(self, run_id: str, limit: int, cursor: str | None) -> Page[tuple[str, int]]:
        """(model id, number) of the versions that came from the run."""

    def page(
        self, model: RegisteredModel, limit: int, cursor: str | None, *, backwards: bool = True
    ) -> Page[ModelVersion]:
        """The versions of a model by number, newest first unless told otherwise."""

    def page_by_age(
        self, model: RegisteredModel, limit: int, cursor: str | None, *, backwards: bool = True
    ) -> Page[ModelVersion]:
        """The versions of a model by their last change; one shows up within a second."""

    def page_of_all(self, limit: int, cursor: str | None, *, prompts: bool = False) -> Page[ModelVersion]:
        """The versions of all models, those changed last first; their `model_name` is not known here.

        One shows up within a second, and those of a model that was deleted may be among them for a while.
        """

    def after(self, version: ModelVersion, order: VersionOrder) -> str:
        """The cursor with which a page in this order begins behind this version."""

    def staged(self, model: RegisteredModel, stage: Stage, limit: int) -> list[int]:
        """The highest numbers in the stage, descending."""

    def describe(self, version: ModelVersion, description: str, at: Moment) -> ModelVersion:
        """Change the description.

        Raises:
            ModelVersionNotFoundError: it is gone.
        """

    def tag(self, version: ModelVersion, key: str, value: str | None) -> ModelVersion:
        """Set a tag, or remove it if there is no value.

        Raises:
            ModelVersionNotFoundError: it is gone.
        """


class ModelFiles(Protocol):
    """Files of models: where clients logged them, and where those that can be served are kept."""

    def folder_of(self, location: str) -> str | None:
        """The folder with the files of an artifact URI; nothing, if that is not in the platform's storage."""

    def sizes(self, folder: str, most: int) -> dict[str, int]:
        """Names of the folder's files, also of those in folders below, with their sizes in bytes."""

    def read(self, folder: str, name: str) -> bytes | None: ...

    def keep(self, model: bytes | memoryview) -> StoredObject:
        """Keep a model for serving; kept again, it is the same object."""


class Histories(Protocol):
    def page(self, model_id: str, limit: int, cursor: str | None, *, backwards: bool = True) -> Page[Change]:
        """Every change, newest first unless told otherwise."""

    def of_alias(self, model_id: str, alias: str, limit: int, cursor: str | None) -> Page[Change]:
        """Every move of the alias, newest first; one shows up within a second."""

    def tenures(self, name: str, limit: int, cursor: str | None) -> Page[Tenure]:
        """Whose name it was, newest first."""

    def tenure_at(self, name: str, at: Moment) -> Tenure | None:
        """Whose name it was then."""
