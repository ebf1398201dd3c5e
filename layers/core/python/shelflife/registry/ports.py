from typing import Protocol

from shelflife.contracts.registry import ModelVersionPromoted, ModelVersionRegistered
from shelflife.kernel.ids import Moment
from shelflife.kernel.paging import Page
from shelflife.registry.model import Alias, AliasMove, ModelVersion, RegisteredModel


class RegisteredModels(Protocol):
    def add(self, model: RegisteredModel) -> None:
        """Keep a new model.

        Raises:
            RegisteredModelExistsError: its name is taken.
        """

    def find(self, name: str) -> RegisteredModel | None: ...

    def page(self, limit: int, cursor: str | None) -> Page[RegisteredModel]:
        """All models by name; a model shows up within a second of its creation."""

    def describe(self, name: str, description: str, at: Moment) -> RegisteredModel:
        """Change the description.

        Raises:
            RegisteredModelNotFoundError: there is none.
        """

    def tag(self, name: str, key: str, value: str | None, at: Moment) -> RegisteredModel:
        """Set a tag, or remove it if there is no value.

        Raises:
            RegisteredModelNotFoundError: there is none.
        """

    def remove(self, name: str, newest_version: int) -> None:
        """Forget the model with its versions and aliases, all at once.

        Raises:
            RegisteredModelChangedError: it is gone already, or has a newer version.
            RegisteredModelKeptError: it has more items than one transaction takes.
        """


class ModelVersions(Protocol):
    def newest(self, model_name: str) -> int:
        """The highest version number; 0 before the first."""

    def add(self, version: ModelVersion, news: ModelVersionRegistered | None = None) -> None:
        """Keep a new version, that its job led to it, and the news of it, if there is any.

        Raises:
            ModelVersionExistsError: the number or the job was taken meanwhile.
            RegisteredModelNotFoundError: its model is not there.
        """

    def find(self, model_name: str, version: int) -> ModelVersion | None: ...

    def of_job(self, model_name: str, job_id: str) -> ModelVersion | None:
        """The version that the job led to."""

    def page(self, model_name: str, limit: int, cursor: str | None) -> Page[ModelVersion]:
        """The versions of a model, newest first."""

    def page_of_all(self, limit: int, cursor: str | None) -> Page[ModelVersion]:
        """The versions of all models, newest first; one shows up within a second of its creation."""

    def describe(self, model_name: str, version: int, description: str, at: Moment) -> ModelVersion:
        """Change the description.

        Raises:
            ModelVersionNotFoundError: there is none.
        """

    def tag(self, model_name: str, version: int, tag: tuple[str, str | None], at: Moment) -> ModelVersion:
        """Set a tag (key, value), or remove it if there is no value.

        Raises:
            ModelVersionNotFoundError: there is none.
        """


class Aliases(Protocol):
    def find(self, model_name: str, alias: str) -> Alias | None:
        """The alias, which may have been removed since."""

    def of_model(self, model_name: str) -> tuple[Alias, ...]:
        """Those of its aliases that point to a version, by name."""

    def move(self, move: AliasMove, news: ModelVersionPromoted | None) -> None:
        """Change where the alias points, add to its history, and say so, all at once.

        Raises:
            AliasMovedError: the move's number was taken meanwhile.
        """

    def history(self, model_name: str, alias: str, limit: int, cursor: str | None) -> Page[AliasMove]:
        """Every move, newest first."""
