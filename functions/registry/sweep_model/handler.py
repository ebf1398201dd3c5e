"""News: a model was deleted; clear away what is left of it."""

from shelflife.contracts.registry import RegisteredModelDeleted
from shelflife.entry.news import listener
from shelflife.registry.wiring import leftovers


@listener(RegisteredModelDeleted)
def handler(told: RegisteredModelDeleted) -> None:
    leftovers().clear(told.model_id)
