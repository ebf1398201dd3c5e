"""A function that fails while it is handed a task token fails the task, with its error's name.

Stock swallows the failure and waits for a word that nobody is left to say.
https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ministack.services import stepfunctions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.patches import Cloud

#: The callback task that this thread is calling a function for, by its token.
_token: ContextVar[str | None] = ContextVar("token", default=None)


def apply(_cloud: Cloud) -> None:
    stock_callback = stepfunctions._invoke_with_callback
    stock_call = stepfunctions._call_lambda

    def callback(resource: str, given: Any, token: str, state: dict[str, Any]) -> Any:
        with _asking_for(token):
            return stock_callback(resource, given, token, state)

    def call(function: str, event: Any) -> Any:
        token = _token.get()
        waiting = stepfunctions._task_tokens.get(token) if token else None
        try:
            return stock_call(function, event)
        except stepfunctions._ExecutionError as error:
            if waiting is not None:
                waiting["error"] = {"Error": error.error, "Cause": error.cause}
                waiting["event"].set()
            raise

    stepfunctions._invoke_with_callback = callback
    stepfunctions._call_lambda = call


@contextmanager
def _asking_for(token: str) -> Iterator[None]:
    reset = _token.set(token)
    try:
        yield
    finally:
        _token.reset(reset)
