from dataclasses import dataclass
from typing import Any

from shelflife.contracts.training import StartTraining, TrainingResult
from shelflife.contracts.validation import Verdict
from shelflife.kernel.ids import Clock
from shelflife.training.changes import changed
from shelflife.training.errors import TrainingJobNotFoundError, TrainingJobOverError
from shelflife.training.failures import failed_state, reason_of
from shelflife.training.identity import id_of_event
from shelflife.training.model import (
    JobFailure,
    JobState,
    OutcomeRecorded,
    RecordFailure,
    RecordOutcome,
    Refusal,
    TrainingJob,
)
from shelflife.training.ports import JobFiles, Jobs


@dataclass(frozen=True, slots=True)
class Recording:
    """What the workflow writes on the job's record; a final state stays, whatever arrives after it."""

    jobs: Jobs
    files: JobFiles
    now: Clock

    def result(self, job_id: str) -> TrainingResult:
        """Read what the job left behind; asked again, it answers the same.

        Raises:
            ResultMissingError: the job ended well without a result.
            TrainingJobOverError: it was cancelled, so nothing more is to be done with its model.
        """
        result = self.files.result(job_id)
        found = {"run_id": result.candidate.run_id, "metrics": result.candidate.metrics}
        changed(self.jobs, job_id, lambda job: _running(job).model_copy(update=found))
        return result

    def outcome(self, told: RecordOutcome) -> OutcomeRecorded:
        """End the job as succeeded or refused.

        Raises:
            TrainingJobOverError: it has ended otherwise.
        """
        if told.model_version is not None:
            job = self._found(told.job_id)
            self.jobs.note_registered(job.plan.model_name, told.model_version, told.job_id)
        ended = self._outcome(told)
        job = changed(self.jobs, told.job_id, lambda job: self._ended(job, ended))
        return OutcomeRecorded(job_id=job.job_id, state=job.state)

    def failure(self, told: RecordFailure) -> OutcomeRecorded:
        """End the job as failed, with the state that failed and why; a job that is over stays as it is."""
        start = _start(told.progress)
        job_id = start.job_id or (id_of_event(start.event_id) if start.event_id else "")
        failure = self._failure(job_id, told.progress)
        try:
            job = changed(self.jobs, job_id, lambda job: self._failed(job, told, failure))
        except TrainingJobNotFoundError:
            # Nothing was recorded before it failed: there is only the execution to look at.
            return OutcomeRecorded(job_id=None, state=None, failure=failure)
        return OutcomeRecorded(job_id=job.job_id, state=job.state, failure=failure)

    def _found(self, job_id: str) -> TrainingJob:
        job = self.jobs.find(job_id)
        if job is None:
            raise TrainingJobNotFoundError(job_id)
        return job

    def _outcome(self, told: RecordOutcome) -> dict[str, Any]:
        """What the job's record says after it."""
        known: dict[str, Any] = {"evaluation_id": told.verdict.evaluation_id}
        if told.model_version is not None:
            return known | {"state": JobState.SUCCEEDED, "model_version": told.model_version}
        return known | {"state": JobState.REFUSED, "refusal": _refusal(told.verdict)}

    def _ended(self, job: TrainingJob, outcome: dict[str, Any]) -> TrainingJob:
        if job.state is outcome["state"]:
            return job
        return _running(job).model_copy(update=outcome | {"ended_at": self.now()})

    def _failed(self, job: TrainingJob, told: RecordFailure, failure: JobFailure) -> TrainingJob:
        # A second delivery's execution may fail as well: the job belongs to the first.
        if job.state.is_final or job.execution_arn not in (None, told.execution_arn):
            return job
        registered = told.progress.get("registered") or {}
        return job.model_copy(
            update={
                "state": JobState.FAILED,
                "ended_at": self.now(),
                "failure": failure,
                "model_version": registered.get("version"),
            }
        )

    def _failure(self, job_id: str, progress: dict[str, Any]) -> JobFailure:
        state = failed_state(progress)
        told = progress.get("failure") or {}
        reason = reason_of(told.get("Error", ""), told.get("Cause", ""))
        if state.startswith("TrainOn") and job_id:
            # Batch tells no more than an exit code; the job itself knows better.
            reason = self.files.failure(job_id) or reason
        return JobFailure(state=state, reason=reason)


def _running(job: TrainingJob) -> TrainingJob:
    if job.state.is_final:
        raise TrainingJobOverError(job.job_id, job.state)
    return job


def _start(progress: dict[str, Any]) -> StartTraining:
    return StartTraining.model_validate(
        {name: progress[name] for name in StartTraining.model_fields if name in progress}
    )


def _refusal(verdict: Verdict) -> Refusal:
    reasons = tuple(f"{gate.gate}: {gate.reason}" for gate in verdict.gates if not gate.passed)
    return Refusal(evaluation_id=verdict.evaluation_id, reasons=reasons)
