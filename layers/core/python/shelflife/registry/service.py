from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from shelflife.contracts.registry import ModelVersionRegistered, RegisterVersion
from shelflife.kernel.ids import Clock, NewId
from shelflife.kernel.paging import MAX_LIMIT, Page
from shelflife.registry.errors import (
    CandidateNotPassedError,
    ModelVersionExistsError,
    ModelVersionNotFoundError,
    RegisteredModelExistsError,
    RegisteredModelKeptError,
    RegisteredModelNotFoundError,
)
from shelflife.registry.model import TRAINING, ModelVersion, NewVersion, RegisteredModel
from shelflife.registry.ports import ModelVersions, RegisteredModels

T = TypeVar("T")
#: How often a caller that cannot wait tries for the next number.
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Registry:
    models: RegisteredModels
    versions: ModelVersions
    now: Clock
    new_id: NewId

    def create_model(
        self, name: str, *, description: str | None, tags: dict[str, str], created_by: str
    ) -> RegisteredModel:
        """Make a model without versions.

        Raises:
            RegisteredModelExistsError: its name is taken.
        """
        at = self.now()
        model = RegisteredModel(
            name=name, description=description, tags=tags, created_at=at, created_by=created_by, updated_at=at
        )
        self.models.add(model)
        return model

    def model(self, name: str) -> RegisteredModel:
        """The model.

        Raises:
            RegisteredModelNotFoundError: there is none.
        """
        found = self.models.find(name)
        if found is None:
            raise RegisteredModelNotFoundError(name)
        return found

    def latest(self, model_name: str) -> ModelVersion | None:
        """The version with the highest number, if there is any."""
        return next(iter(self.versions.page(model_name, 1, None).items), None)

    def delete_model(self, name: str) -> None:
        """Forget a model that only MLflow's clients know.

        Raises:
            RegisteredModelNotFoundError: there is none.
            RegisteredModelKeptError: the platform trained a version of it, or it has too many items.
            RegisteredModelChangedError: it changed meanwhile.
        """
        self.model(name)
        versions = list(_all(lambda cursor: self.versions.page(name, MAX_LIMIT, cursor)))
        trained = [version.version for version in versions if version.candidate is not None]
        if trained:
            raise RegisteredModelKeptError(name, f"the platform trained its version {trained[0]}")
        self.models.remove(name, versions[0].version if versions else 0)

    def register(self, asked: RegisterVersion) -> ModelVersion:
        """Give a candidate that passed its validation the model's next version number.

        Asked again for the same job, the same version is answered.

        Raises:
            CandidateNotPassedError: the verdict is another model's, or not every gate passed.
            ModelVersionExistsError: another caller took the number first; try again.
        """
        candidate, verdict = asked.candidate, asked.verdict
        name, job_id, evaluation_id = candidate.model_name, candidate.job_id, verdict.evaluation_id
        if verdict.model_name != name:
            reason = f"judged model {verdict.model_name!r}"
            raise CandidateNotPassedError(name, job_id, evaluation_id, reason)
        failed = [gate.gate for gate in verdict.gates if not gate.passed]
        if failed or not verdict.passed:
            raise CandidateNotPassedError(name, job_id, evaluation_id, f"failed its gates {failed}")
        known = self.versions.of_job(name, job_id)
        if known is not None:
            return known
        self._ensure(name)
        return self._add(
            name,
            NewVersion(
                source_uri=candidate.model.uri,
                run_id=candidate.run_id,
                job_id=job_id,
                candidate=candidate,
                evaluation_id=evaluation_id,
            ),
            created_by=TRAINING,
        )

    def create_version(self, model_name: str, new: NewVersion, *, created_by: str) -> ModelVersion:
        """Give what an MLflow client logged the next version number.

        Raises:
            RegisteredModelNotFoundError: there is no such model.
            ModelVersionExistsError: others kept taking the numbers.
        """
        for _ in range(_TRIES - 1):
            try:
                return self._add(model_name, new, created_by=created_by)
            except ModelVersionExistsError:
                continue
        return self._add(model_name, new, created_by=created_by)

    def version(self, model_name: str, version: int) -> ModelVersion:
        """The version.

        Raises:
            RegisteredModelNotFoundError: there is no such model.
            ModelVersionNotFoundError: the model has no such version.
        """
        found = self.versions.find(model_name, version)
        if found is None:
            self.model(model_name)
            raise ModelVersionNotFoundError(model_name, version)
        return found

    def page_of_versions(self, model_name: str, limit: int, cursor: str | None) -> Page[ModelVersion]:
        """The versions of a model, newest first.

        Raises:
            RegisteredModelNotFoundError: there is no such model.
        """
        self.model(model_name)
        return self.versions.page(model_name, limit, cursor)

    def describe_model(self, name: str, description: str) -> RegisteredModel:
        return self.models.describe(name, description, self.now())

    def tag_model(self, name: str, key: str, value: str | None) -> RegisteredModel:
        return self.models.tag(name, key, value, self.now())

    def describe_version(self, model_name: str, version: int, description: str) -> ModelVersion:
        return self.versions.describe(model_name, version, description, self.now())

    def tag_version(self, model_name: str, version: int, key: str, value: str | None) -> ModelVersion:
        return self.versions.tag(model_name, version, (key, value), self.now())

    def all_models(self) -> Iterator[RegisteredModel]:
        return _all(lambda cursor: self.models.page(MAX_LIMIT, cursor))

    def all_versions(self, model_name: str | None = None) -> Iterator[ModelVersion]:
        """The versions of one model, or of all."""
        if model_name is None:
            return _all(lambda cursor: self.versions.page_of_all(MAX_LIMIT, cursor))
        return _all(lambda cursor: self.versions.page(model_name, MAX_LIMIT, cursor))

    def _ensure(self, name: str) -> None:
        if self.models.find(name) is None:
            try:
                self.create_model(name, description=None, tags={}, created_by=TRAINING)
            except RegisteredModelExistsError:
                return

    def _add(self, model_name: str, new: NewVersion, *, created_by: str) -> ModelVersion:
        at = self.now()
        version = ModelVersion(
            **dict(new),
            model_name=model_name,
            version=self.versions.newest(model_name) + 1,
            created_at=at,
            created_by=created_by,
            updated_at=at,
        )
        self.versions.add(version, self._news(version))
        return version

    def _news(self, version: ModelVersion) -> ModelVersionRegistered | None:
        registered = version.reference()
        if registered is None:
            return None
        return ModelVersionRegistered(
            event_id=self.new_id(), happened_at=version.created_at, registered=registered
        )


def _all(page: Callable[[str | None], Page[T]]) -> Iterator[T]:
    cursor: str | None = None
    while True:
        found = page(cursor)
        yield from found.items
        cursor = found.next_cursor
        if cursor is None:
            return
