"""Failures of a function in the words of Lambda."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.local.functions.worker import Answer

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, with the figures of its messages.
MAX_REQUEST_BYTES = 6_291_456
MAX_ASYNC_REQUEST_BYTES = 1_048_576
MAX_RESPONSE_BYTES = 6_291_556


def failure(error_type: str, message: str, request_id: str = "") -> dict[str, Any]:
    text = f"RequestId: {request_id} Error: {message}" if request_id else message
    return {"errorMessage": text, "errorType": error_type}


def timed_out(timeout_seconds: float, request_id: str) -> dict[str, Any]:
    return failure("Sandbox.Timedout", f"Task timed out after {timeout_seconds:.2f} seconds", request_id)


def exited(answer: Answer, request_id: str) -> dict[str, Any]:
    """The process ended without an answer."""
    code = answer.exit_code or 0
    if code < 0:
        reason = f"Runtime exited with error: signal: {signal.strsignal(-code) or -code}".lower().replace(
            "runtime", "Runtime"
        )
    elif code:
        reason = f"Runtime exited with error: exit status {code}"
    else:
        reason = "Runtime exited without providing a reason"
    return failure("Runtime.ExitError", reason, request_id)


def too_large(size: int) -> dict[str, Any]:
    return failure(
        "Function.ResponseSizeTooLarge",
        f"Response payload size ({size} bytes) exceeded maximum allowed payload size"
        f" ({MAX_RESPONSE_BYTES} bytes).",
    )


def request_too_large(limit: int = MAX_REQUEST_BYTES) -> dict[str, Any]:
    return failure(
        "RequestTooLargeException",
        f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
    )
