from typing import Protocol

from shelflife.contracts.data import DatasetManifest
from shelflife.contracts.training import StartTraining, TrainingResult
from shelflife.kernel.paging import Page
from shelflife.training.model import JobOrder, TrainingJob


class Jobs(Protocol):
    def add(self, job: TrainingJob) -> None:
        """Keep a new job.

        Raises:
            TrainingJobExistsError: its id is taken.
        """

    def add_retraining(self, job: TrainingJob, *, after: str | None) -> None:
        """Keep a new job as its model's retraining, in the place of the one with the id `after`.

        Raises:
            TrainingJobExistsError: its id is taken.
            RetrainingRunningError: the model's retraining is not `after`.
        """

    def change(self, job: TrainingJob) -> TrainingJob:
        """Write a changed job; the answer has the next revision.

        Raises:
            TrainingJobChangedError: it was changed since it was read.
        """

    def find(self, job_id: str) -> TrainingJob | None: ...

    def retraining_of(self, model_name: str) -> str | None:
        """The id of the model's last retraining."""

    def note_registered(self, model_name: str, version: int, job_id: str) -> None:
        """Remember which job led to the model's highest version; lower ones change nothing."""

    def registered_of(self, model_name: str) -> str | None:
        """The id of the job that led to the model's highest version."""

    def page(self, limit: int, cursor: str | None) -> Page[TrainingJob]:
        """All jobs, newest first; a job shows up within a second of its creation."""


class Manifests(Protocol):
    def find(self, name: str, version: int) -> DatasetManifest | None: ...

    def latest(self, name: str) -> DatasetManifest | None:
        """That of the highest version that is final."""


class JobFiles(Protocol):
    """What is written for a job, and by it."""

    def output_uri(self, job_id: str) -> str:
        """The prefix of all of them."""

    def write_order(self, order: JobOrder) -> str:
        """Leave the order for the job; the answer is its URI."""

    def result(self, job_id: str) -> TrainingResult:
        """What a job left behind when it was done.

        Raises:
            ResultMissingError: nothing.
            ResultUnreadableError: something else than a result of this job.
        """

    def failure(self, job_id: str) -> str | None:
        """The line in which a job says why it failed."""


class Executions(Protocol):
    """Executions of `train_model`, one per job that was requested."""

    def start(self, job_id: str, asked: StartTraining) -> str:
        """Start the job's execution, if it was not started before; the answer is its ARN.

        Raises:
            WorkflowNotStartedError: the service refuses.
        """

    def stop(self, job_id: str, execution_arn: str | None, reason: str) -> None:
        """Stop the job's execution; nothing happens if there is none."""
