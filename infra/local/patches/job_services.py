"""SageMaker training jobs and Batch jobs that run.

Stock has no SageMaker and a Batch whose jobs succeed at once without running anything, whose definitions lose
their retries, time-outs and parameters, and which cannot cancel, terminate or deregister.
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from ministack import app
from ministack.core import router
from ministack.services import batch

from infra.local.jobs.batch import BatchJobs
from infra.local.jobs.requests import JobApiError
from infra.local.jobs.sagemaker import SageMakerService
from infra.local.jobs.training import TrainingJobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.patches import Cloud

_KEPT = (
    "parameters",
    "retryStrategy",
    "timeout",
    "platformCapabilities",
    "propagateTags",
    "schedulingPriority",
)


class StockDefinitions:
    """Queues and definitions in the emulator's own Batch service."""

    def queue(self, reference: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = batch._job_queues.get(reference.rpartition("/")[2])
        return found

    def definition(self, reference: str) -> dict[str, Any] | None:
        """By name (the newest), by name and revision, or by ARN; none that was deregistered."""
        name, _, revision = reference.rpartition("/")[2].partition(":")
        active = [one for one in batch._job_definitions.get(name, []) if one["status"] == "ACTIVE"]
        matching = [one for one in active if revision in ("", str(one["revision"]))]
        return matching[-1] if matching else None


def apply(cloud: Cloud) -> None:
    _add_sagemaker(cloud)
    _replace_batch_jobs(cloud)


def _add_sagemaker(cloud: Cloud) -> None:
    jobs = TrainingJobs(cloud.settings)
    app._loaded_modules["sagemaker"] = SageMakerService(jobs)
    app.SERVICE_REGISTRY["sagemaker"] = {"module": "sagemaker"}
    app.SERVICE_HANDLERS["sagemaker"] = app._lazy_handler("sagemaker")
    app._state_map["sagemaker"] = "sagemaker"
    router.SERVICE_PATTERNS["sagemaker"] = {
        "target_prefixes": ["SageMaker"],
        "host_patterns": [r"^api\.sagemaker\."],
        "credential_scope": "sagemaker",
    }
    cloud.training_jobs = jobs
    cloud.at_stop.append(jobs.stop_all)
    cloud.after_restore.append(jobs.clean)


def _replace_batch_jobs(cloud: Cloud) -> None:
    records: dict[str, dict[str, Any]] = {}
    jobs = BatchJobs(cloud.settings, StockDefinitions(), records)
    stock_register = batch._register_job_definition
    stock_state = batch.get_state
    stock_load = batch.load_persisted_state

    def register(request: dict[str, Any]) -> Any:
        answer = stock_register(request)
        if answer[0] == 200:  # noqa: PLR2004 - HTTP
            batch._job_definitions[request["jobDefinitionName"]][-1] |= {
                k: request[k] for k in _KEPT if k in request
            }
        return answer

    def state() -> dict[str, Any]:
        return {**stock_state(), "local_jobs": copy.deepcopy(records)}

    def load(saved: dict[str, Any]) -> None:
        stock_load(saved)
        records.update(saved.get("local_jobs", {}))
        jobs.after_restore()

    batch._register_job_definition = register
    batch.get_state = state
    batch.load_persisted_state = load
    batch._DISPATCH |= {
        "/v1/registerjobdefinition": register,
        "/v1/deregisterjobdefinition": _deregister,
        "/v1/deletejobqueue": lambda request: _forget(batch._job_queues, request["jobQueue"]),
        "/v1/updatejobqueue": _update_queue,
        "/v1/deletecomputeenvironment": lambda request: _forget(
            batch._compute_envs, request["computeEnvironment"]
        ),
        **_job_operations(jobs),
    }
    cloud.batch_jobs = jobs
    cloud.at_stop.append(jobs.stop_all)
    cloud.after_restore.append(jobs.clean)


def _job_operations(jobs: BatchJobs) -> dict[str, Callable[[dict[str, Any]], Any]]:
    def submit(request: dict[str, Any]) -> dict[str, Any]:
        job = jobs.submit(request)
        return {name: job[name] for name in ("jobId", "jobName", "jobArn")}

    def describe(request: dict[str, Any]) -> dict[str, Any]:
        found = [jobs.get(job_id) for job_id in request.get("jobs", ())]
        return {"jobs": [copy.deepcopy(job) for job in found if job]}

    def terminate(request: dict[str, Any]) -> dict[str, Any]:
        jobs.terminate(request["jobId"], request.get("reason", ""))
        return {}

    operations = {
        "/v1/submitjob": submit,
        "/v1/describejobs": describe,
        "/v1/listjobs": lambda request: {"jobSummaryList": jobs.list(request)},
        "/v1/terminatejob": terminate,
        # A job that waits for nothing runs at once: to cancel it is to terminate it.
        "/v1/canceljob": terminate,
    }
    return {path: _answering(operation) for path, operation in operations.items()}


def _answering(operation: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any]], Any]:
    def answer(request: dict[str, Any]) -> Any:
        try:
            return batch._json(200, operation(request))
        except JobApiError as error:
            headers = {"Content-Type": "application/json", "x-amzn-errortype": error.code}
            return 400, headers, json.dumps({"message": str(error)}).encode()

    return answer


def _deregister(request: dict[str, Any]) -> Any:
    found = StockDefinitions().definition(request["jobDefinition"])
    if found:
        found["status"] = "INACTIVE"
    return batch._json(200, {})


def _forget(store: Any, reference: str) -> Any:
    store.pop(reference.rpartition("/")[2], None)
    return batch._json(200, {})


def _update_queue(request: dict[str, Any]) -> Any:
    queue = StockDefinitions().queue(request["jobQueue"])
    if queue is None:
        return batch._batch_client_exception(request["jobQueue"])
    queue |= {
        name: request[name] for name in ("state", "priority", "computeEnvironmentOrder") if name in request
    }
    return batch._json(200, {name: queue[name] for name in ("jobQueueName", "jobQueueArn")})
