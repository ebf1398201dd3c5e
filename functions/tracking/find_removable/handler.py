"""Task: find what is to be removed for good, some things at a time."""

from shelflife.entry.task import task
from shelflife.tracking.removal_tasks import FindRemovable, RemovableFound
from shelflife.tracking.wiring_removal import removal


@task(FindRemovable)
def handler(asked: FindRemovable) -> RemovableFound:
    return removal().find(asked)
