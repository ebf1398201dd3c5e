"""Executions of `deploy_model` that ended badly: the rollout that one leaves under way is ended."""

from shelflife.entry.executions import ended_execution
from shelflife.serving.tasks import StoppedRollout
from shelflife.serving.wiring import rollout_steps


@ended_execution(StoppedRollout)
def handler(stopped: StoppedRollout) -> None:
    rollout_steps().end_stopped(stopped)
