from collections.abc import Sequence
from dataclasses import dataclass

from shelflife.contracts.registry import ModelVersionRegistered, ModelVersionSubmitted, RegisterVersion
from shelflife.kernel.ids import Clock, NewId
from shelflife.kernel.news import News
from shelflife.kernel.paging import Page
from shelflife.registry import changing
from shelflife.registry.errors import (
    CandidateNotPassedError,
    ModelVersionNotFoundError,
    RegisteredModelExistsError,
)
from shelflife.registry.lifecycle import Lifecycle
from shelflife.registry.model import TRAINING, ModelVersion, NewVersion, RegisteredModel, Stage
from shelflife.registry.ports import Commit, ModelVersions, RegisteredModels


@dataclass(frozen=True, slots=True)
class Registry:
    """Models and their versions; aliases are `Promotion`'s, stages are `Stages`'."""

    models: RegisteredModels
    versions: ModelVersions
    lifecycle: Lifecycle
    now: Clock
    new_id: NewId

    def model(self, name: str) -> RegisteredModel:
        """The model.

        Raises:
            RegisteredModelNotFoundError: there is none.
        """
        return changing.found(self.models, name)

    def latest(self, model: RegisteredModel) -> list[ModelVersion]:
        """The highest version of each stage, ascending."""
        return self.versions.find_many(model, sorted(model.latest.values()))

    def latest_of(self, models: Sequence[RegisteredModel]) -> dict[str, list[ModelVersion]]:
        """`latest` of each model, by id, read at once."""
        wanted = [(model, number) for model in models for number in sorted(model.latest.values())]
        latest: dict[str, list[ModelVersion]] = {model.model_id: [] for model in models}
        for version in self.versions.find_all(wanted):
            latest[version.owner_id].append(version)
        return latest

    def version(self, model_name: str, version: int) -> ModelVersion:
        """The version.

        Raises:
            RegisteredModelNotFoundError: there is no such model.
            ModelVersionNotFoundError: the model has no such version.
        """
        return self.version_of(self.model(model_name), version)

    def version_of(self, model: RegisteredModel, version: int) -> ModelVersion:
        """The version of a model that is known.

        Raises:
            ModelVersionNotFoundError: the model has no such version.
        """
        found = self.versions.find(model, version)
        if found is None:
            raise ModelVersionNotFoundError(model.name, version)
        return found

    def page_of_versions(self, model_name: str, limit: int, cursor: str | None) -> Page[ModelVersion]:
        """The versions of a model, newest first.

        Raises:
            RegisteredModelNotFoundError: there is no such model.
        """
        return self.versions.page(self.model(model_name), limit, cursor)

    def describe_model(self, name: str, description: str | None) -> RegisteredModel:
        def described(model: RegisteredModel) -> Commit:
            return Commit(model.after(description=description, updated_at=model.moment(self.now())))

        return changing.committed(self.models, name, described)

    def tag_model(self, name: str, key: str, value: str | None) -> RegisteredModel:
        """Set a tag, or remove it if there is no value."""

        def tagged(model: RegisteredModel) -> Commit:
            rest = {known: text for known, text in model.tags.items() if known != key}
            return Commit(model.after(tags=rest if value is None else rest | {key: value}))

        return changing.committed(self.models, name, tagged)

    def describe_version(self, model_name: str, version: int, description: str) -> ModelVersion:
        return self.versions.describe(self.version(model_name, version), description, self.now())

    def tag_version(self, model_name: str, version: int, key: str, value: str | None) -> ModelVersion:
        """Set a tag, or remove it if there is no value."""
        return self.versions.tag(self.version(model_name, version), key, value)

    def register(self, asked: RegisterVersion) -> ModelVersion:
        """Give a candidate that passed its validation the model's next version number.

        Asked again for the same job, the same version is answered.

        Raises:
            CandidateNotPassedError: the verdict is another model's, or not every gate passed.
            ModelVersionExistsError: the job was being registered by somebody else; try again.
        """
        candidate, verdict = asked.candidate, asked.verdict
        name, job_id, evaluation_id = candidate.model_name, candidate.job_id, verdict.evaluation_id
        if verdict.model_name != name:
            reason = f"judged model {verdict.model_name!r}"
            raise CandidateNotPassedError(name, job_id, evaluation_id, reason)
        failed = [gate.gate for gate in verdict.gates if not gate.passed]
        if failed or not verdict.passed:
            raise CandidateNotPassedError(name, job_id, evaluation_id, f"failed its gates {failed}")
        known = self.versions.of_job(self._ensured(name), job_id)
        if known is not None:
            return known
        new = NewVersion(
            source_uri=candidate.model.uri,
            run_id=candidate.run_id,
            job_id=job_id,
            candidate=candidate,
            evaluation_id=evaluation_id,
        )
        return self.create_version(name, new, created_by=TRAINING)

    def create_version(self, model_name: str, new: NewVersion, *, created_by: str) -> ModelVersion:
        """Give it the model's next version number; no number is given twice.

        Raises:
            RegisteredModelNotFoundError: there is no such model.
            RegisteredModelBusyError: others kept taking the numbers.
            ModelVersionExistsError: its job led to another version already.
        """
        added: list[ModelVersion] = []

        def adding(model: RegisteredModel) -> Commit:
            version = self._next(model, new, created_by)
            added[:] = [version]
            latest = model.latest | {Stage.NONE: version.version}
            after = model.after(newest=version.version, latest=latest, updated_at=version.created_at)
            return Commit(after, added=version, news=self._news(version))

        changing.committed(self.models, model_name, adding)
        return added[0]

    def _next(self, model: RegisteredModel, new: NewVersion, created_by: str) -> ModelVersion:
        at = model.moment(self.now())
        return ModelVersion(
            **dict(new),
            owner_id=model.model_id,
            model_name=model.name,
            version=model.newest + 1,
            created_at=at,
            created_by=created_by,
            updated_at=at,
        )

    def _ensured(self, name: str) -> RegisteredModel:
        found = self.models.find(name)
        if found is not None:
            return found
        try:
            return self.lifecycle.create(name, description=None, tags={}, created_by=TRAINING)
        except RegisteredModelExistsError:
            return self.model(name)

    def _submitted(self, version: ModelVersion) -> tuple[ModelVersionSubmitted, ...]:
        """What has files may turn out to be servable."""
        if version.is_prompt or version.candidate is not None:
            return ()
        told = ModelVersionSubmitted(
            event_id=self.new_id(),
            happened_at=version.created_at,
            model_id=version.owner_id,
            model_name=version.model_name,
            version=version.version,
            logged_model_id=version.model_id or "",
        )
        return (told,)

    def _news(self, version: ModelVersion) -> tuple[News, ...]:
        registered = version.reference()
        if registered is None:
            return self._submitted(version)
        told = ModelVersionRegistered(
            event_id=self.new_id(), happened_at=version.created_at, registered=registered
        )
        return (told,)
