"""Training over fakes, with the jobs that tests begin with."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from shelflife.contracts.models import Task
from shelflife.contracts.training import StartTraining
from shelflife.training.backends import Backends
from shelflife.training.model import (
    Algorithm,
    JobState,
    PlanTraining,
    RecordOutcome,
    TrainingJob,
    TrainingPlan,
)
from shelflife.training.planning import Planning
from shelflife.training.recording import Recording
from shelflife.training.service import Training
from tests.fakes.training import MemoryExecutions, MemoryJobFiles, MemoryJobs, MemoryManifests
from tests.unit.training.datasets import NOON, manifest_of, mixed, plan, verdict_of

PLAN = plan("amount", ("age", "colour"), Task.REGRESSION, Algorithm.LINEAR)
EXECUTION = "arn:aws:states:eu-west-1:000000000000:execution:train_model"
BACKENDS = Backends(
    stage_name="local",
    region="eu-west-1",
    image_uri="image:1",
    role_arn="arn:role",
    job_queue_arn="arn:queue",
    job_definition_arn="arn:definition",
    default_instance_type="ml.m5.large",
)


@dataclass
class World:
    at: datetime = NOON
    jobs: MemoryJobs = field(default_factory=MemoryJobs)
    files: MemoryJobFiles = field(default_factory=MemoryJobFiles)
    executions: MemoryExecutions = field(default_factory=MemoryExecutions)
    manifests: MemoryManifests = field(
        default_factory=lambda: MemoryManifests(manifest_of(mixed(60), b"rows"))
    )

    def __post_init__(self) -> None:
        ids = count(1)
        self.training = Training(
            jobs=self.jobs,
            manifests=self.manifests,
            executions=self.executions,
            now=lambda: self.at,
            new_id=lambda: f"{next(ids):04}",
        )
        self.planning = Planning(
            jobs=self.jobs,
            manifests=self.manifests,
            files=self.files,
            backends=BACKENDS,
            now=lambda: self.at,
        )
        self.recording = Recording(jobs=self.jobs, files=self.files, now=lambda: self.at)

    def request(self, asked: TrainingPlan = PLAN, **more: Any) -> TrainingJob:
        return self.training.request(asked, requested_by="ada", **more)

    def job(self, job_id: str) -> TrainingJob:
        return self.training.find(job_id)

    def planned(self, job_id: str, asked: TrainingPlan = PLAN) -> str:
        """A requested job whose execution has begun."""
        self.jobs.add(
            TrainingJob(
                job_id=job_id,
                state=JobState.QUEUED,
                plan=asked,
                trigger="request",
                requested_by="ada",
                requested_at=self.at,
            )
        )
        self.planning.plan(start_of(job_id))
        return job_id

    def succeeded(self, job_id: str, version: int) -> None:
        self.planned(job_id)
        outcome = RecordOutcome(job_id=job_id, verdict=verdict_of(passed=True), model_version=version)
        self.recording.outcome(outcome)


def start_of(job_id: str) -> PlanTraining:
    start = StartTraining(trigger="request", job_id=job_id, model_name="model")
    return PlanTraining(start=start, execution_arn=f"{EXECUTION}:{job_id}")


def drift(event_id: str, execution: str = "first") -> PlanTraining:
    start = StartTraining(trigger="drift", event_id=event_id, model_name="model", reason="psi of age is 0.4")
    return PlanTraining(start=start, execution_arn=f"{EXECUTION}:{execution}")


def progress(job_id: str, **more: Any) -> dict[str, Any]:
    """The state of an execution whose training failed."""
    failure = {"Error": "States.TaskFailed", "Cause": '{"FailureReason": "AlgorithmError: exit code: 1"}'}
    planned = {"backend": "sagemaker"}
    return {
        "trigger": "request",
        "job_id": job_id,
        "planned": planned,
        "token": {},
        "failure": failure,
        **more,
    }
