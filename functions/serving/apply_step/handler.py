"""Task: give a rollout's candidate the weight of a step."""

from shelflife.entry.task import task
from shelflife.serving.tasks import ApplyStep, Progress
from shelflife.serving.wiring import rollout_steps


@task(ApplyStep)
def handler(asked: ApplyStep) -> Progress:
    return rollout_steps().apply(asked)
