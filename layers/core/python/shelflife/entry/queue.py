"""The queue's door: an SQS batch in, the messages that have to come again out.

A message that cannot be read fails alone; SQS delivers what failed again, and in the end moves it to the
dead-letter queue.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from aws_lambda_powertools.utilities.data_classes import SQSEvent
from pydantic import BaseModel, ValidationError

from shelflife.entry.observe import Outcome, logger, observed

M = TypeVar("M", bound=BaseModel)
#: Takes messages by their id; answers why some of them have to come again.
Use = Callable[[Mapping[str, M], Outcome], Mapping[str, Exception]]


def consumer(message: type[M]) -> Callable[[Use[M]], Callable[[Any, Any], dict[str, Any]]]:
    """Make a Lambda handler of a function that takes a batch of one kind of message."""

    def door(use: Use[M]) -> Callable[[Any, Any], dict[str, Any]]:
        @wraps(use)
        def handler(event: Any, context: Any) -> dict[str, Any]:
            with observed(f"queue {message.__name__}", context) as outcome:
                readable, failed = _read(event, message)
                outcome.note(messages=len(readable) + len(failed))
                if readable:
                    failed |= use(readable, outcome)
                for message_id, error in failed.items():
                    logger().warning("message failed", extra={"message_id": message_id, "reason": str(error)})
                outcome.note(failed=len(failed))
                outcome.failed = bool(failed)
                return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

        return handler

    return door


def _read(event: Any, message: type[M]) -> tuple[dict[str, M], dict[str, Exception]]:
    readable: dict[str, M] = {}
    failed: dict[str, Exception] = {}
    for record in SQSEvent(event).records:
        try:
            readable[record.message_id] = message.model_validate_json(record.body)
        except ValidationError as error:
            failed[record.message_id] = error
    return readable, failed
