"""Task: keep the token with which a paused rollout goes on."""

from shelflife.entry.task import task
from shelflife.serving.tasks import HoldRollout
from shelflife.serving.wiring import rollout_steps


@task(HoldRollout)
def handler(asked: HoldRollout) -> None:
    rollout_steps().hold(asked)
