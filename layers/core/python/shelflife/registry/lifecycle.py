"""Models come, get other names, and go."""

from dataclasses import dataclass

from shelflife.contracts.registry import RegisteredModelDeleted
from shelflife.kernel.ids import Clock, NewId
from shelflife.registry import changing
from shelflife.registry.errors import (
    InvalidModelNameError,
    RegisteredModelBusyError,
    RegisteredModelChangedError,
    RegisteredModelExistsError,
    RegisteredModelKeptError,
)
from shelflife.registry.model import Change, ChangeKind, RegisteredModel, is_model_name
from shelflife.registry.ports import RegisteredModels, Uses

_TRIES = 20


@dataclass(frozen=True, slots=True)
class Lifecycle:
    models: RegisteredModels
    uses: Uses
    now: Clock
    new_id: NewId

    def create(
        self, name: str, *, description: str | None, tags: dict[str, str], created_by: str
    ) -> RegisteredModel:
        """Make a model without versions.

        Raises:
            InvalidModelNameError: no model can be called so.
            RegisteredModelExistsError: its name is taken.
        """
        model = self._new(name, description, tags, created_by)
        created = Change(
            owner_id=model.model_id,
            model_name=name,
            number=model.changes,
            kind=ChangeKind.MODEL_CREATED,
            happened_at=model.created_at,
            made_by=created_by,
        )
        try:
            self.models.add(model, created)
        except RegisteredModelExistsError as error:
            taken = self.models.find(name)
            kind = "prompt" if taken is not None and taken.is_prompt else "registered model"
            raise RegisteredModelExistsError(name, kind) from error
        return model

    def rename(self, name: str, new_name: str, *, renamed_by: str) -> RegisteredModel:
        """Call the model otherwise; all that is its goes along.

        Raises:
            InvalidModelNameError: no model can be called so.
            RegisteredModelNotFoundError: there is no such model.
            RegisteredModelExistsError: the new name is taken.
            RegisteredModelKeptError: a deployment knows it by its name.
            RegisteredModelBusyError: others kept writing it.
        """
        if not is_model_name(new_name):
            raise InvalidModelNameError("new_name", new_name)
        for _ in range(_TRIES):
            before = changing.found(self.models, name)
            if new_name == name:
                return before
            self._check_free(name)
            change = before.change(ChangeKind.MODEL_RENAMED, self.now(), renamed_by, to_name=new_name)
            at = change.happened_at
            after = before.changed(change, name=new_name, named_at=at, updated_at=at)
            try:
                self.models.rename(before, after, change)
            except RegisteredModelChangedError:
                continue
            return after
        raise RegisteredModelBusyError(name)

    def delete(self, name: str, *, deleted_by: str) -> None:
        """Forget the model with its versions and aliases; its history stays.

        Raises:
            RegisteredModelNotFoundError: there is none.
            RegisteredModelKeptError: a deployment needs it.
            RegisteredModelBusyError: others kept writing it.
        """
        for _ in range(_TRIES):
            model = changing.found(self.models, name)
            self._check_free(name)
            change = model.change(ChangeKind.MODEL_DELETED, self.now(), deleted_by)
            news = RegisteredModelDeleted(
                event_id=self.new_id(),
                happened_at=change.happened_at,
                model_id=model.model_id,
                model_name=name,
            )
            try:
                self.models.remove(model, change, news)
            except RegisteredModelChangedError:
                continue
            return
        raise RegisteredModelBusyError(name)

    def _new(
        self, name: str, description: str | None, tags: dict[str, str], created_by: str
    ) -> RegisteredModel:
        if not is_model_name(name):
            raise InvalidModelNameError("name", name)
        at = self.now()
        return RegisteredModel(
            model_id=self.new_id(),
            name=name,
            description=description,
            tags=tags,
            created_at=at,
            created_by=created_by,
            updated_at=at,
            named_at=at,
            changed_at=at,
        )

    def _check_free(self, name: str) -> None:
        using = self.uses.of_model(name)
        if using:
            raise RegisteredModelKeptError(name, f"deployment {using[0].deployment!r} follows it")
