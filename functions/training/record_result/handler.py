"""Task: read what a job left behind, and write it on the job's record."""

from shelflife.contracts.training import TrainingResult
from shelflife.entry.task import task
from shelflife.training.model import RecordResult
from shelflife.training.wiring import recording


@task(RecordResult)
def handler(asked: RecordResult) -> TrainingResult:
    return recording().result(asked.job_id)
