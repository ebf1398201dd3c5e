"""Task: end a rollout with its outcome; unless it succeeded, the traffic is as before."""

from shelflife.entry.task import task
from shelflife.serving.tasks import Action, EndRollout, Progress
from shelflife.serving.wiring import rollout_steps


@task(EndRollout)
def handler(asked: EndRollout) -> Progress:
    ended = rollout_steps().end(asked)
    return Progress(action=Action.STOP, outcome=ended.state, reason=ended.outcome or "")
