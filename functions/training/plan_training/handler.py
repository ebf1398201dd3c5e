"""Task: settle a job's plan, and answer what its back end needs to run it."""

from shelflife.entry.task import task
from shelflife.training.model import PlannedJob, PlanTraining
from shelflife.training.wiring import planning


@task(PlanTraining)
def handler(asked: PlanTraining) -> PlannedJob:
    return planning().plan(asked)
