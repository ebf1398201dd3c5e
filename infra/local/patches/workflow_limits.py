"""A state's data may not exceed 256 KiB.

Stock passes results of any size on; on AWS the task fails with ``States.DataLimitExceeded``.
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.services import stepfunctions

if TYPE_CHECKING:
    from infra.local.patches import Cloud

MAX_DATA_BYTES = 262_144


def apply(_cloud: Cloud) -> None:
    stock = stepfunctions._invoke_resource

    def invoke(resource: str, given: Any) -> Any:
        _check(given, f"The task {resource} was given")
        result = stock(resource, given)
        _check(result, f"The task {resource} returned")
        return result

    stepfunctions._invoke_resource = invoke


def _check(data: Any, said: str) -> None:
    if len(json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()) > MAX_DATA_BYTES:
        message = f"{said} data with a size exceeding the maximum number of bytes service limit."
        raise stepfunctions._ExecutionError("States.DataLimitExceeded", message)
