"""Task: say which runs and logged models versions came from."""

from shelflife.contracts.registry import FindRegistered, Registered
from shelflife.entry.task import task
from shelflife.registry.wiring import origins


@task(FindRegistered)
def handler(asked: FindRegistered) -> Registered:
    return origins().registered(asked)
