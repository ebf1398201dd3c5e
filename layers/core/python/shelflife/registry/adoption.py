"""Models and versions of another registry, which keep the numbers, stages and times that they had there."""

from dataclasses import dataclass

from shelflife.kernel.ids import Clock, Moment, NewId
from shelflife.registry import changing
from shelflife.registry.errors import (
    InvalidModelNameError,
    ModelVersionTakenError,
    RegisteredModelExistsError,
    RegisteredModelTakenError,
)
from shelflife.registry.model import (
    Change,
    ChangeKind,
    ModelVersion,
    NewVersion,
    RegisteredModel,
    Stage,
    is_model_name,
)
from shelflife.registry.ports import Commit, ModelVersions, RegisteredModels


class AdoptedVersion(NewVersion):
    """A version as it was: what other registries do not know of a version, it does not have."""

    version: int
    stage: Stage
    created_at: Moment
    updated_at: Moment


@dataclass(frozen=True, slots=True)
class Adoption:
    """What is asked a second time is there already, and stays as it is; nothing else is written over."""

    models: RegisteredModels
    versions: ModelVersions
    now: Clock
    new_id: NewId

    def model(
        self, name: str, *, description: str | None, tags: dict[str, str], created_at: Moment, made_by: str
    ) -> RegisteredModel:
        """Take the model in, without versions.

        Raises:
            InvalidModelNameError: no model can be called so.
            RegisteredModelTakenError: the name is another's.
        """
        if not is_model_name(name):
            raise InvalidModelNameError("name", name)
        known = self.models.find(name)
        if known is None:
            at = self.now()
            wanted = RegisteredModel(
                model_id=self.new_id(),
                name=name,
                description=description,
                tags=tags,
                created_at=created_at,
                created_by=made_by,
                updated_at=at,
                named_at=at,
                changed_at=at,
            )
            try:
                self.models.add(wanted, _created(wanted))
            except RegisteredModelExistsError:
                known = self.models.find(name)
            else:
                return wanted
        if known is None or known.created_at != created_at:
            raise RegisteredModelTakenError(name)
        return known

    def version(self, model_name: str, asked: AdoptedVersion, *, made_by: str) -> ModelVersion:
        """Take the version in under its number; a number that was given before is never given again.

        Raises:
            RegisteredModelNotFoundError: there is no such model.
            ModelVersionTakenError: the number is another version's, or was given away before.
            RegisteredModelBusyError: others kept writing the model.
        """
        taken_in: list[ModelVersion] = []

        def adopting(model: RegisteredModel) -> Commit | None:
            known = self.versions.find(model, asked.version)
            if known is not None:
                if (known.source_uri, known.created_at) != (asked.source_uri, asked.created_at):
                    raise ModelVersionTakenError(model.name, asked.version, "it is another one here")
                taken_in[:] = [known]
                return None
            if asked.version <= model.newest:
                reason = f"numbers up to {model.newest} were given already"
                raise ModelVersionTakenError(model.name, asked.version, reason)
            version = ModelVersion(
                **dict(asked), owner_id=model.model_id, model_name=model.name, created_by=made_by
            )
            taken_in[:] = [version]
            latest = model.latest | {asked.stage: asked.version}
            return Commit(model.after(newest=asked.version, latest=latest), added=version)

        changing.committed(self.models, model_name, adopting)
        return taken_in[0]


def _created(model: RegisteredModel) -> Change:
    return Change(
        owner_id=model.model_id,
        model_name=model.name,
        number=model.changes,
        kind=ChangeKind.MODEL_CREATED,
        happened_at=model.changed_at,
        made_by=model.created_by,
        reason="brought over from another registry",
    )
