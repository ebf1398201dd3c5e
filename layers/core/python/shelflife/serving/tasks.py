"""What the workflow `deploy_model` asks of serving, and what it is told."""

from enum import StrEnum

from shelflife.kernel.ids import Name
from shelflife.kernel.model import Model
from shelflife.serving.rollout import RolloutState


class Action(StrEnum):
    """What the workflow does next."""

    #: Wait, then look at the figures.
    BAKE = "bake"
    #: Apply the step of the number that is told.
    APPLY = "apply"
    #: Wait until somebody lets it go on.
    HOLD = "hold"
    #: End the rollout, with the outcome that is told.
    FINISH = "finish"
    #: It is over already.
    STOP = "stop"


class RolloutTask(Model):
    """`execution` is the one that asks: a rollout is carried by one."""

    deployment: Name
    rollout_id: str
    execution: str


class ApplyStep(RolloutTask):
    number: int


class HoldRollout(RolloutTask):
    task_token: str


class EndRollout(RolloutTask):
    outcome: RolloutState
    reason: str


class ExecutionEnd(StrEnum):
    """How an execution ends badly, in Step Functions' words."""

    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"


class StoppedRollout(RolloutTask):
    """`execution` is over; `cause` is what is known of why, and may be empty."""

    status: ExecutionEnd
    cause: str


class Progress(Model):
    """Where a rollout is; every field is always there, for a state machine reads them by path."""

    action: Action
    number: int = 0
    wait_seconds: int = 0
    outcome: RolloutState = RolloutState.RUNNING
    reason: str = ""
