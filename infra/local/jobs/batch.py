"""Batch jobs as Batch describes them; one thread each, one process per attempt."""

from __future__ import annotations

import re
import shutil
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Protocol

from infra.local.jobs import requests
from infra.local.jobs.batch_run import BatchRun
from infra.local.jobs.clients import Clients
from infra.local.jobs.requests import JobApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.emulator import CloudSettings

FINAL = ("SUCCEEDED", "FAILED")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,127}")
_UNSUPPORTED = (
    "arrayProperties",
    "nodeOverrides",
    "eksPropertiesOverride",
    "ecsPropertiesOverride",
    "dependsOn",
)
_SUMMARY = (
    "jobId",
    "jobArn",
    "jobName",
    "status",
    "statusReason",
    "createdAt",
    "startedAt",
    "stoppedAt",
    "jobDefinition",
)


class Definitions(Protocol):
    """Where queues and definitions are kept: in the emulator's own Batch service."""

    def queue(self, reference: str) -> dict[str, Any] | None: ...

    def definition(self, reference: str) -> dict[str, Any] | None: ...


class BatchJobs:
    """Every batch job of this cloud, by id."""

    def __init__(
        self, settings: CloudSettings, definitions: Definitions, jobs: dict[str, dict[str, Any]]
    ) -> None:
        self._settings = settings
        self._clients = Clients(settings)
        self._definitions = definitions
        self._jobs = jobs
        self._runs: dict[str, tuple[BatchRun, threading.Thread]] = {}

    def submit(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Start a job; its record.

        Raises:
            JobApiError: the request is refused, or its queue or definition is unknown.
        """
        requests.check("batch", "SubmitJob", request, code="ClientException")
        if not _NAME.fullmatch(request["jobName"]):
            raise JobApiError("ClientException", f"Job name {request['jobName']} is not valid")
        if unsupported := [name for name in _UNSUPPORTED if request.get(name)]:
            raise JobApiError("ClientException", f"the local cloud does not run jobs with {unsupported[0]}")
        queue = self._definitions.queue(request["jobQueue"])
        if queue is None:
            raise JobApiError("ClientException", f"JobQueue {request['jobQueue']} not found.")
        definition = self._definitions.definition(request["jobDefinition"])
        if definition is None:
            raise JobApiError("ClientException", f"JobDefinition {request['jobDefinition']} not found.")
        job = self._record(request, queue, definition)
        run = BatchRun(job, self._settings, self._clients)
        thread = threading.Thread(target=run, name=f"batch-{job['jobId']}", daemon=True)
        self._jobs[job["jobId"]] = job
        self._runs[job["jobId"]] = (run, thread)
        thread.start()
        return job

    def _record(
        self, request: Mapping[str, Any], queue: Mapping[str, Any], definition: Mapping[str, Any]
    ) -> dict[str, Any]:
        job_id = str(uuid.uuid4())
        overrides = request.get("containerOverrides", {})
        container = dict(definition.get("containerProperties") or {})
        environment = {pair["name"]: pair["value"] for pair in container.get("environment", ())}
        environment |= {pair["name"]: pair["value"] for pair in overrides.get("environment", ())}
        parameters = definition.get("parameters", {}) | request.get("parameters", {})
        command = overrides.get("command", container.get("command", []))
        container |= {
            name: overrides[name] for name in ("resourceRequirements", "instanceType") if name in overrides
        }
        container["command"] = [substituted(word, parameters) for word in command]
        container["environment"] = [{"name": name, "value": value} for name, value in environment.items()]
        return {
            "jobArn": f"arn:aws:batch:{self._settings.region}:{self._settings.account}:job/{job_id}",
            "jobId": job_id,
            "jobName": request["jobName"],
            "jobQueue": queue["jobQueueArn"],
            "jobDefinition": definition["jobDefinitionArn"],
            "status": "SUBMITTED",
            "statusReason": "",
            "createdAt": int(time.time() * 1000),
            "attempts": [],
            "dependsOn": [],
            "parameters": parameters,
            "retryStrategy": request.get("retryStrategy")
            or definition.get("retryStrategy")
            or {"attempts": 1},
            "timeout": request.get("timeout") or definition.get("timeout") or {},
            "container": container,
            "tags": request.get("tags", {}),
            "platformCapabilities": definition.get("platformCapabilities", []),
        }

    def get(self, job_id: str) -> dict[str, Any] | None:
        return self._jobs.get(job_id.rpartition("/")[2])

    def list(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Summaries of a queue's jobs; those that run where no status is asked for, as on AWS."""
        queue = self._definitions.queue(request.get("jobQueue", ""))
        if queue is None:
            raise JobApiError("ClientException", f"JobQueue {request.get('jobQueue', '')} not found.")
        status = request.get("jobStatus", "RUNNING")
        found = [
            job
            for job in self._jobs.values()
            if job["jobQueue"] == queue["jobQueueArn"] and job["status"] == status
        ]
        return [{key: job[key] for key in _SUMMARY if key in job} for job in found]

    def terminate(self, job_id: str, reason: str) -> None:
        """Stop a job, whatever it does; one that has ended stays as it is."""
        run = self._runs.get(job_id.rpartition("/")[2])
        if run and run[1].is_alive():
            run[0].stop(reason)

    def wait(self, job_id: str, *, seconds: float | None = None) -> dict[str, Any]:
        if job_id in self._runs:
            self._runs[job_id][1].join(seconds)
        return self._jobs[job_id]

    def after_restore(self) -> None:
        """What ran in an earlier cloud has failed; folders that nobody knows go."""
        for job in self._jobs.values():
            if job["status"] not in FINAL:
                job |= {"status": "FAILED", "statusReason": "the local cloud was stopped"}
                job["stoppedAt"] = int(time.time() * 1000)

    def clean(self) -> None:
        """Remove the folders of batch jobs that this cloud does not know."""
        for marker in self._settings.state.jobs.glob("*/.batch"):
            if marker.read_text() not in self._jobs:
                shutil.rmtree(marker.parent, ignore_errors=True)

    def stop_all(self) -> None:
        running = [(run, thread) for run, thread in self._runs.values() if thread.is_alive()]
        for run, _ in running:
            run.stop("the local cloud was stopped")
        for _, thread in running:
            thread.join(self._settings.stop_grace_seconds + 5)


def substituted(word: str, parameters: Mapping[str, str]) -> str:
    """A word of the command with ``Ref::name`` replaced; a name without a value stays, as on AWS."""
    return parameters.get(word.removeprefix("Ref::"), word) if word.startswith("Ref::") else word
