"""Task: look at the figures of a rollout's step, and say what is next."""

from shelflife.entry.task import task
from shelflife.serving.tasks import Progress, RolloutTask
from shelflife.serving.wiring import rollout_steps


@task(RolloutTask)
def handler(asked: RolloutTask) -> Progress:
    return rollout_steps().judge(asked)
