"""Task: remove an experiment's traces for good, some at a time."""

from shelflife.entry.task import task
from shelflife.tracing.removal_tasks import RemoveTraces, TracesRemoved
from shelflife.tracing.wiring import deletions


@task(RemoveTraces)
def handler(asked: RemoveTraces) -> TracesRemoved:
    return deletions().remove_experiment(asked)
