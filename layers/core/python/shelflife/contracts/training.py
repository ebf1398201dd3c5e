"""What starts a training, and what it leaves behind."""

from typing import Literal

from shelflife.contracts.models import Candidate
from shelflife.kernel.ids import Name
from shelflife.kernel.model import Model


class StartTraining(Model):
    """The input of `train_model`: a recorded job from the API, or from the bus a reason to make one."""

    trigger: Literal["request", "drift"]
    job_id: str | None = None
    event_id: str | None = None
    model_name: Name | None = None
    reason: str | None = None


class TrainingResult(Model):
    """`result.json`, written last by a job: without it the job has no result."""

    candidate: Candidate
    rows_trained: int
    rows_held_out: int
    largest_parity_error: float
    seconds: float
