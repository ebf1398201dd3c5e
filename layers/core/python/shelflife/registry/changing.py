"""Writing a model that others write, too."""

from collections.abc import Callable

from shelflife.registry.errors import (
    RegisteredModelBusyError,
    RegisteredModelChangedError,
    RegisteredModelNotFoundError,
)
from shelflife.registry.model import RegisteredModel
from shelflife.registry.ports import Commit, RegisteredModels

#: Of N callers at once one always succeeds, so each tries N times at the most.
_TRIES = 20


def found(models: RegisteredModels, name: str) -> RegisteredModel:
    """The model.

    Raises:
        RegisteredModelNotFoundError: there is none.
    """
    model = models.find(name)
    if model is None:
        raise RegisteredModelNotFoundError(name)
    return model


def committed(
    models: RegisteredModels, name: str, decide: Callable[[RegisteredModel], Commit | None]
) -> RegisteredModel:
    """Write what `decide` makes of the model; if somebody else wrote it meanwhile, decide anew.

    What `decide` raises is the answer; nothing is written if it has nothing to write. The answer is the model
    afterwards.

    Raises:
        RegisteredModelNotFoundError: there is no such model.
        RegisteredModelBusyError: others kept writing it.
    """
    for _ in range(_TRIES):
        model = found(models, name)
        decided = decide(model)
        if decided is None:
            return model
        try:
            models.commit(decided)
        except RegisteredModelChangedError:
            continue
        return decided.model
    raise RegisteredModelBusyError(name)
