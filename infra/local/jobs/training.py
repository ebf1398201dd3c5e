"""Training jobs as SageMaker describes them; one thread and one process each."""

from __future__ import annotations

import re
import shutil
import threading
import time
from typing import TYPE_CHECKING, Any

from infra.local.jobs import requests
from infra.local.jobs.clients import Clients
from infra.local.jobs.requests import JobApiError
from infra.local.jobs.training_run import TrainingRun

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.emulator import CloudSettings

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
FINAL = ("Completed", "Failed", "Stopped")
_COPIED = (
    "TrainingJobName",
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "VpcConfig",
    "StoppingCondition",
    "Environment",
    "RetryStrategy",
    "CheckpointConfig",
    "ExperimentConfig",
)
_SUMMARY = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingEndTime",
    "LastModifiedTime",
    "TrainingJobStatus",
)
_PAGE = 100


class TrainingJobs:
    """Every training job of this cloud, by name."""

    def __init__(self, settings: CloudSettings) -> None:
        self._settings = settings
        self._clients = Clients(settings)
        self._jobs: dict[str, dict[str, Any]] = {}
        self._runs: dict[str, tuple[TrainingRun, threading.Thread]] = {}
        self._lock = threading.Lock()

    def create(self, request: Mapping[str, Any]) -> str:
        """Start a job; its ARN.

        Raises:
            JobApiError: the request is refused or the name was used before.
        """
        requests.check("sagemaker", "CreateTrainingJob", request, code="ValidationException")
        name = request["TrainingJobName"]
        if not _NAME.fullmatch(name):
            raise JobApiError(
                "ValidationException", f"Value '{name}' at 'trainingJobName' is not a valid name"
            )
        now = time.time()
        arn = f"arn:aws:sagemaker:{self._settings.region}:{self._settings.account}:training-job/{name}"
        job = {key: request[key] for key in _COPIED if key in request} | {
            "TrainingJobArn": arn,
            "TrainingJobStatus": "InProgress",
            "CreationTime": now,
            "LastModifiedTime": now,
            "SecondaryStatus": "Starting",
            "SecondaryStatusTransitions": [],
        }
        with self._lock:
            if name in self._jobs:
                raise JobApiError(
                    "ResourceInUse",
                    "Training job names must be unique within an AWS account and region, and a training job"
                    f" with this name already exists ({self._jobs[name]['TrainingJobArn']})",
                )
            self._jobs[name] = job
            run = TrainingRun(job, self._settings, self._clients)
            thread = threading.Thread(target=run, name=f"training-{name}", daemon=True)
            self._runs[name] = (run, thread)
        thread.start()
        return arn

    def describe(self, name: str) -> dict[str, Any]:
        """The job as DescribeTrainingJob answers it, times as seconds.

        Raises:
            JobApiError: there is none.
        """
        if name not in self._jobs:
            raise JobApiError("ValidationException", "Requested resource not found.")
        return dict(self._jobs[name])

    def list(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Summaries, newest first."""
        found = sorted(self._jobs.values(), key=lambda job: float(job["CreationTime"]), reverse=True)
        status, part = request.get("StatusEquals"), request.get("NameContains", "")
        kept = [
            job
            for job in found
            if status in (None, job["TrainingJobStatus"]) and part in job["TrainingJobName"]
        ]
        return [
            {key: job[key] for key in _SUMMARY if key in job}
            for job in kept[: request.get("MaxResults", _PAGE)]
        ]

    def stop(self, name: str) -> None:
        """Ask a running job to stop.

        Raises:
            JobApiError: there is none, or it has ended.
        """
        if self.describe(name)["TrainingJobStatus"] in FINAL:
            raise JobApiError(
                "ValidationException", "The request was rejected because the training job has ended."
            )
        self._runs[name][0].stop()

    def wait(self, name: str, *, seconds: float | None = None) -> dict[str, Any]:
        """The job once it has ended, or as it is after that time."""
        if name in self._runs:
            self._runs[name][1].join(seconds)
        return self.describe(name)

    def snapshot(self) -> dict[str, Any]:
        return {"jobs": {name: dict(job) for name, job in self._jobs.items()}}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take over the jobs of an earlier cloud; what ran then has failed. Folders that nobody knows go."""
        self._jobs.update(saved.get("jobs", {}))
        for job in self._jobs.values():
            if job["TrainingJobStatus"] not in FINAL:
                job |= {
                    "TrainingJobStatus": "Failed",
                    "SecondaryStatus": "Failed",
                    "TrainingEndTime": time.time(),
                }
                job["FailureReason"] = "InternalServerError: the local cloud was stopped"

    def clean(self) -> None:
        """Remove the folders of training jobs that this cloud does not know."""
        for folder in self._settings.state.jobs.glob("*"):
            if folder.name not in self._jobs and not (folder / ".batch").exists():
                shutil.rmtree(folder, ignore_errors=True)

    def stop_all(self) -> None:
        """End every running job and wait until each has said how it ended."""
        running = [(run, thread) for run, thread in self._runs.values() if thread.is_alive()]
        for run, _ in running:
            run.stop()
        for _, thread in running:
            thread.join(self._settings.stop_grace_seconds + 5)

    def clear(self) -> None:
        self.stop_all()
        self._jobs.clear()
        self._runs.clear()
