"""The door of executions that ended badly: stopped from outside, timed out, or failed.

Of the first two no state of theirs can tell. Step Functions says all of them on the account's own bus, at
least once. What fails here is delivered again.
"""

from collections.abc import Callable
from functools import wraps
from json import JSONDecodeError, loads
from typing import Any, TypeVar

from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent
from pydantic import BaseModel, ValidationError

from shelflife.entry.observe import observed

A = TypeVar("A", bound=BaseModel)


def ended_execution(asked: type[A]) -> Callable[[Callable[[A], object]], Callable[[Any, Any], None]]:
    """Make a Lambda handler of a function that takes the execution's input, and how it ended.

    `asked` has the fields of the input, and `execution`, `status` and `cause`. An execution whose input is
    none of the workflow's was started by hand: nothing hangs on it.
    """

    def door(use: Callable[[A], object]) -> Callable[[Any, Any], None]:
        @wraps(use)
        def handler(event: Any, context: Any) -> None:
            detail = EventBridgeEvent(event).detail
            named = {"execution": detail["executionArn"], "status": detail["status"]}
            with observed(f"ended {asked.__name__}", context, named) as outcome:
                try:
                    told = asked.model_validate(_input(detail) | named | {"cause": _cause(detail)})
                except ValidationError as error:
                    outcome.note(ignored=str(error))
                else:
                    use(told)

        return handler

    return door


def _input(detail: dict[str, Any]) -> dict[str, Any]:
    """The execution's input; nothing if it is no JSON object, or too long to be told."""
    try:
        given = loads(detail.get("input") or "{}")
    except JSONDecodeError:
        return {}
    return given if isinstance(given, dict) else {}


def _cause(detail: dict[str, Any]) -> str:
    return ": ".join(part for name in ("error", "cause") if (part := detail.get(name)))
