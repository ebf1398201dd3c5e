from collections.abc import Callable
from dataclasses import dataclass

from shelflife.contracts.training import StartTraining
from shelflife.kernel.ids import Clock, NewId
from shelflife.kernel.paging import Page
from shelflife.training.changes import changed
from shelflife.training.checks import checked
from shelflife.training.datasets import chosen_manifest
from shelflife.training.errors import (
    IdempotencyKeyReusedError,
    TrainingJobExistsError,
    TrainingJobNotFoundError,
    TrainingJobOverError,
    WorkflowNotStartedError,
)
from shelflife.training.identity import id_of_key
from shelflife.training.model import JobFailure, JobState, TrainingJob, TrainingPlan
from shelflife.training.ports import Executions, Jobs, Manifests


@dataclass(frozen=True, slots=True)
class Training:
    """What people ask of training."""

    jobs: Jobs
    manifests: Manifests
    executions: Executions
    now: Clock
    new_id: NewId

    def request(self, plan: TrainingPlan, *, requested_by: str, key: str | None = None) -> TrainingJob:
        """Record a job and start its workflow; the same caller's same key is the same job.

        Raises:
            PlanRefusedError: the plan cannot be trained.
            IdempotencyKeyReusedError: the key came with another plan before.
            WorkflowNotStartedError: the job is recorded as failed.
        """
        checked(plan, chosen_manifest(plan, self.manifests))
        job = TrainingJob(
            job_id=id_of_key(requested_by, key) if key else self.new_id(),
            state=JobState.QUEUED,
            plan=plan,
            trigger="request",
            requested_by=requested_by,
            requested_at=self.now(),
        )
        try:
            self.jobs.add(job)
        except TrainingJobExistsError:
            job = self._same(job, key or "")
        return self._started(job)

    def find(self, job_id: str) -> TrainingJob:
        """The job of that id.

        Raises:
            TrainingJobNotFoundError: there is none.
        """
        job = self.jobs.find(job_id)
        if job is None:
            raise TrainingJobNotFoundError(job_id)
        return job

    def page(self, limit: int, cursor: str | None) -> Page[TrainingJob]:
        return self.jobs.page(limit, cursor)

    def cancel(self, job_id: str, *, cancelled_by: str) -> TrainingJob:
        """End the job for good, then its execution; asked again, the execution is stopped again.

        Raises:
            TrainingJobNotFoundError: there is none.
            TrainingJobOverError: it has ended otherwise.
        """
        job = changed(self.jobs, job_id, self._cancelled)
        self.executions.stop(job_id, job.execution_arn, f"cancelled by {cancelled_by}")
        return job

    def _cancelled(self, job: TrainingJob) -> TrainingJob:
        if job.state is JobState.CANCELLED:
            return job
        if job.state.is_final:
            raise TrainingJobOverError(job.job_id, job.state)
        return job.model_copy(update={"state": JobState.CANCELLED, "ended_at": self.now()})

    def _same(self, job: TrainingJob, key: str) -> TrainingJob:
        """The job that has the id already, if it is the one that is asked for."""
        known = self.find(job.job_id)
        if known.plan != job.plan:
            raise IdempotencyKeyReusedError(key, known.job_id)
        return known

    def _started(self, job: TrainingJob) -> TrainingJob:
        """Start a job that waits; one whose caller was cut off before is started now."""
        if job.state is not JobState.QUEUED:
            return job
        asked = StartTraining(trigger="request", job_id=job.job_id, model_name=job.plan.model_name)
        try:
            execution_arn = self.executions.start(job.job_id, asked)
        except WorkflowNotStartedError as error:
            changed(self.jobs, job.job_id, self._unstarted(str(error)))
            raise
        # The workflow writes the ARN itself, and may have done more in the meantime.
        return job.model_copy(update={"execution_arn": execution_arn})

    def _unstarted(self, reason: str) -> Callable[[TrainingJob], TrainingJob]:
        failure = JobFailure(state="StartExecution", reason=reason)
        ended = {"state": JobState.FAILED, "ended_at": self.now(), "failure": failure}
        return lambda job: job.model_copy(update=ended)
