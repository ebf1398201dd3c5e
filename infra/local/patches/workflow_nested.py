"""A nested execution that fails, fails its task with ``States.TaskFailed`` and its description as cause.

Stock passes the child's error name on, which on AWS no Catch of the parent ever sees.
https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.services import stepfunctions

if TYPE_CHECKING:
    from infra.local.patches import Cloud


def apply(_cloud: Cloud) -> None:
    stepfunctions._nested_execution_failure = describe


def describe(payload: dict[str, Any]) -> tuple[str, str]:
    """Error name and cause of a child execution as it was described at its end."""
    described = {
        f"{name[0].upper()}{name[1:]}": value for name, value in payload.items() if value is not None
    }
    return "States.TaskFailed", json.dumps(described)
