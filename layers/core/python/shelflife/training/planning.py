from dataclasses import dataclass
from datetime import timedelta

from shelflife.contracts.training import StartTraining
from shelflife.kernel.errors import FieldFault
from shelflife.kernel.ids import Clock
from shelflife.kernel.names import API_URL_PARAMETER
from shelflife.training.backends import Backends
from shelflife.training.changes import changed
from shelflife.training.checks import checked
from shelflife.training.datasets import chosen_manifest
from shelflife.training.errors import (
    NoPlanToRepeatError,
    PlanRefusedError,
    RetrainingRunningError,
    RetrainingStartedError,
    TrainingJobExistsError,
    TrainingJobOverError,
)
from shelflife.training.identity import id_of_event
from shelflife.training.model import (
    LONGEST_SECONDS,
    JobOrder,
    JobState,
    PlannedJob,
    PlanTraining,
    TrainingJob,
)
from shelflife.training.ports import JobFiles, Jobs, Manifests

#: A job may wait for a machine before its own time begins.
_WAITING_SECONDS = 6 * 3600


@dataclass(frozen=True, slots=True)
class Planning:
    """The first step of the workflow: which job this is, and what it needs."""

    jobs: Jobs
    manifests: Manifests
    files: JobFiles
    backends: Backends
    now: Clock

    def plan(self, asked: PlanTraining) -> PlannedJob:
        """Settle the job's plan and leave the order for it; the same execution gets the same job again.

        Raises:
            PlanRefusedError: the plan cannot be trained from what the dataset is now.
            RetrainingStartedError: another execution has the job.
            RetrainingRunningError: the model is being retrained by another job.
            NoPlanToRepeatError: no job has led to a version of the model.
            TrainingJobOverError: the job was cancelled in the meantime.
        """
        job = self._claimed(asked)
        settled = checked(job.plan, chosen_manifest(job.plan, self.manifests))
        output_uri = self.files.output_uri(job.job_id)
        plan_uri = self.files.write_order(JobOrder(job_id=job.job_id, checked=settled, output_uri=output_uri))
        version, name = settled.manifest.version, self.backends.job_name(job.job_id)
        running = {"state": JobState.RUNNING, "dataset_version": version, "backend_job": name}
        changed(self.jobs, job.job_id, lambda now: _open(now, asked).model_copy(update=running))
        return PlannedJob(
            job_id=job.job_id,
            model_name=job.plan.model_name,
            backend=job.plan.backend,
            plan_uri=plan_uri,
            api_url_parameter=API_URL_PARAMETER.format(stage=self.backends.stage_name),
            token_lifetime_seconds=job.plan.limits.max_seconds + _WAITING_SECONDS,
            **self.backends.parameters(job.job_id, settled.plan, output_uri),
        )

    def _claimed(self, asked: PlanTraining) -> TrainingJob:
        """The job, with this execution written on it."""
        start = asked.start
        if start.trigger == "drift":
            return self._retraining(asked)
        if start.job_id is None:
            raise PlanRefusedError([FieldFault("job_id", "a requested training has one")])
        claim = {"execution_arn": asked.execution_arn}
        return changed(self.jobs, start.job_id, lambda job: _open(job, asked).model_copy(update=claim))

    def _retraining(self, asked: PlanTraining) -> TrainingJob:
        start = asked.start
        if start.event_id is None or start.model_name is None:
            raise PlanRefusedError([FieldFault("event_id", "a retraining names its event and its model")])
        known = self.jobs.find(id_of_event(start.event_id))
        if known is None:
            return self._added(asked, start, start.model_name)
        if known.execution_arn != asked.execution_arn or known.state.is_final:
            raise RetrainingStartedError(start.event_id, known.job_id)
        return known

    def _added(self, asked: PlanTraining, start: StartTraining, model_name: str) -> TrainingJob:
        last = self._ended_retraining(model_name)
        plan = self._repeated(model_name).plan
        dataset = plan.dataset.model_copy(update={"version": "latest"})
        event_id = start.event_id or ""
        job = TrainingJob(
            job_id=id_of_event(event_id),
            state=JobState.QUEUED,
            plan=plan.model_copy(update={"dataset": dataset}),
            trigger="drift",
            reason=start.reason,
            requested_by=f"event:{event_id}",
            requested_at=self.now(),
            execution_arn=asked.execution_arn,
        )
        try:
            self.jobs.add_retraining(job, after=last)
        except TrainingJobExistsError as error:
            raise RetrainingStartedError(event_id, job.job_id) from error
        return job

    def _repeated(self, model_name: str) -> TrainingJob:
        job_id = self.jobs.registered_of(model_name)
        job = self.jobs.find(job_id) if job_id else None
        if job is None:
            raise NoPlanToRepeatError(model_name)
        return job

    def _ended_retraining(self, model_name: str) -> str | None:
        """The model's last retraining, which is over, or belongs to an execution that cannot run any more."""
        job_id = self.jobs.retraining_of(model_name)
        job = self.jobs.find(job_id) if job_id else None
        if job is None or job.state.is_final:
            return job_id
        if self.now() - job.requested_at <= timedelta(seconds=LONGEST_SECONDS):
            raise RetrainingRunningError(model_name, job.job_id)
        return job_id


def _open(job: TrainingJob, asked: PlanTraining) -> TrainingJob:
    if job.state.is_final:
        raise TrainingJobOverError(job.job_id, job.state)
    if job.execution_arn not in (None, asked.execution_arn):
        raise RetrainingStartedError(asked.start.event_id or asked.execution_arn, job.job_id)
    return job
