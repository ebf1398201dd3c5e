"""Task: end a job's record with the version that it led to, or with why it was refused."""

from shelflife.entry.task import task
from shelflife.training.model import OutcomeRecorded, RecordOutcome
from shelflife.training.wiring import recording


@task(RecordOutcome)
def handler(asked: RecordOutcome) -> OutcomeRecorded:
    return recording().outcome(asked)
