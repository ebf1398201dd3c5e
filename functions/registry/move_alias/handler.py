"""Task: point an alias to a version, and let everyone know."""

from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.registry import MoveAlias
from shelflife.entry.task import task
from shelflife.registry.model import Move
from shelflife.registry.wiring import promotion


@task(MoveAlias)
def handler(asked: MoveAlias) -> ModelVersionReference | None:
    return promotion().move(Move(**dict(asked))).reference()
