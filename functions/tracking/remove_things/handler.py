"""Task: mark things, remove them for good, or tell what there is to remove."""

from shelflife.entry.task import task
from shelflife.tracking.removal_tasks import RemoveThings, ThingsRemoved
from shelflife.tracking.wiring_removal import removal


@task(RemoveThings)
def handler(asked: RemoveThings) -> ThingsRemoved:
    return removal().settle(asked)
