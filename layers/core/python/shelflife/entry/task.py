"""The task door: a state of a workflow asks one question, and gets the answer's JSON back.

Errors rise untouched: Step Functions matches on their class names.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from pydantic import BaseModel

from shelflife.entry.forms import field_faults
from shelflife.entry.observe import observed
from shelflife.kernel.errors import InvalidError

A = TypeVar("A", bound=BaseModel)
#: What links a nested execution to the one that started it; it is in its input, and no part of the question.
_STARTED_BY = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"


class InvalidTaskInputError(InvalidError):
    """The workflow sent what the task cannot read: a fault of ours, never worth a retry."""


def task(asked: type[A]) -> Callable[[Callable[[A], BaseModel | None]], Callable[[Any, Any], Any]]:
    """Make a Lambda handler of a function from one model to another."""

    def door(use: Callable[[A], BaseModel | None]) -> Callable[[Any, Any], Any]:
        @wraps(use)
        def handler(event: Any, context: Any) -> Any:
            with observed(f"task {asked.__name__}", context):
                answer = use(_read(asked, event))
                return answer.model_dump(mode="json") if answer is not None else None

        return handler

    return door


def _read(asked: type[A], event: Any) -> A:
    if isinstance(event, dict):
        event = {name: value for name, value in event.items() if name != _STARTED_BY}
    try:
        return asked.model_validate(event)
    except ValueError as error:
        faults = field_faults(error) if hasattr(error, "errors") else ()  # type: ignore[arg-type]  # ValidationError is a ValueError
        raise InvalidTaskInputError(f"{asked.__name__}: {error}", faults) from error
