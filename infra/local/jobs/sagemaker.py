"""SageMaker's API as far as training jobs go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.local.jobs.requests import JobApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.local.jobs.training import TrainingJobs


class SageMakerService:
    """A service as the emulator loads one: requests in, state out."""

    def __init__(self, jobs: TrainingJobs) -> None:
        self._jobs = jobs
        self._operations: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "CreateTrainingJob": lambda request: {"TrainingJobArn": jobs.create(request)},
            "DescribeTrainingJob": lambda request: jobs.describe(request["TrainingJobName"]),
            "ListTrainingJobs": lambda request: {"TrainingJobSummaries": jobs.list(request)},
            "StopTrainingJob": self._stop,
        }

    def _stop(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._jobs.stop(request["TrainingJobName"])
        return {}

    async def handle_request(
        self,
        _method: str,
        _path: str,
        headers: Mapping[str, str],
        body: bytes,
        _query: object,
    ) -> tuple[int, dict[str, str], bytes]:
        name = headers.get("x-amz-target", "").rpartition(".")[2]
        operation = self._operations.get(name, _unknown)
        try:
            return _answer(200, operation(json.loads(body or b"{}")))
        except JobApiError as error:
            return _answer(400, {"__type": error.code, "Message": str(error), "message": str(error)})

    def reset(self) -> None:
        self._jobs.clear()

    def get_state(self) -> dict[str, Any]:
        return self._jobs.snapshot()

    def load_persisted_state(self, saved: Mapping[str, Any]) -> None:
        self._jobs.restore(saved)


def _unknown(_request: Mapping[str, Any]) -> dict[str, Any]:
    raise JobApiError("UnknownOperationException", "the local cloud has only training jobs of SageMaker")


def _answer(status: int, content: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(content).encode()
