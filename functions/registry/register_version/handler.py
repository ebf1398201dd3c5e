"""Task: give a candidate that passed its validation its version number."""

from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.registry import RegisterVersion
from shelflife.entry.task import task
from shelflife.registry.wiring import registry


@task(RegisterVersion)
def handler(asked: RegisterVersion) -> ModelVersionReference | None:
    return registry().register(asked).reference()
