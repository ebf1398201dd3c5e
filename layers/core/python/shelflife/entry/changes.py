"""The door of a context's own table's stream: changed items in, what follows from it done.

A stream delivers in order and at least once. An item that was changed several times within a batch is told
once; what fails is delivered again from its first change on, and in the end lands in the dead-letter queue.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent

from shelflife.entry.observe import logger, observed

Handler = Callable[[Any, Any], dict[str, Any]]


def follower(what: str) -> Callable[[Callable[[str], None]], Handler]:
    """Make a Lambda handler of a function that takes a changed item's partition key."""

    def door(follow: Callable[[str], None]) -> Handler:
        @wraps(follow)
        def handler(event: Any, context: Any) -> dict[str, Any]:
            changed = _changed(event)
            with observed(f"changes {what}", context, {"changed": len(changed)}) as outcome:
                failed: list[str] = []
                for key, sequence_number in changed.items():
                    try:
                        follow(key)
                    except Exception as error:  # noqa: BLE001 - the others of the batch are not to wait for it
                        logger().warning("not followed", extra={"key": key, "reason": str(error)})
                        failed.append(sequence_number)
                outcome.failed = bool(failed)
                return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}

        return handler

    return door


def _changed(event: Any) -> dict[str, str]:
    """Partition keys with the sequence number of their first change."""
    first: dict[str, str] = {}
    for record in DynamoDBStreamEvent(event).records:
        change = record.dynamodb
        if change is not None and change.keys and change.new_image and change.sequence_number:
            first.setdefault(change.keys["pk"], change.sequence_number)
    return first
