"""Task: end a job's record with the state that failed, and why."""

from shelflife.entry.task import task
from shelflife.training.model import OutcomeRecorded, RecordFailure
from shelflife.training.wiring import recording


@task(RecordFailure)
def handler(asked: RecordFailure) -> OutcomeRecorded:
    return recording().failure(asked)
