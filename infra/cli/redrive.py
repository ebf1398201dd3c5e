"""Captures and shadow requests that waited in their dead-letter queues go back to where they came from.

Nothing is lost on the way: a message is deleted here only when it is there. One that is there twice, because
this was cut off in between, is stored once: captures are claimed (serving/claims.py).
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from infra.cli import logs
from infra.cli.cloud import UsageError
from infra.deploy.account import Account

#: Who consumes the queues that can be redriven: their messages may be delivered more than once.
CONSUMERS = ("serving/store_captures", "serving/predict_shadows")
_MOST_AT_ONCE = 10
#: Long enough for ten messages to be sent on; whoever else looks does not see them meanwhile.
_HIDDEN_SECONDS = 60
#: Messages that SQS holds on several of its machines show up within a long poll.
_POLL_SECONDS = 2
_LOOK_SECONDS = 2.0
_FINISHED = {"COMPLETED": None, "FAILED": "it failed", "CANCELLED": "it was cancelled"}
console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and its dead letters; `waiting` is about how many there are."""

    name: str
    url: str
    dead_letters_arn: str
    dead_letters_url: str
    waiting: int


def redrive(account: Account, *, dry_run: bool, sleep: Callable[[float], None] = time.sleep) -> None:
    """Move everything back, or only say how much there is.

    Raises:
        UsageError: the platform is not installed here, or SQS gave the move up.
    """
    for consumer in CONSUMERS:
        queue = _found(account, consumer)
        console.print(f"{queue.name}: {queue.waiting} waiting", soft_wrap=True)
        if dry_run or not queue.waiting:
            continue
        # No emulator knows SQS's own move.
        moved = _by_hand(account, queue) if account.endpoint_url else _by_sqs(account, queue, sleep)
        console.print(f"{queue.name}: {moved} moved back", soft_wrap=True)


def _found(account: Account, consumer: str) -> Queue:
    function = logs.functions(account).get(consumer)
    if function is None:
        raise UsageError(f"there is no function {consumer!r} here")
    mappings = account.client("lambda").list_event_source_mappings(FunctionName=function["FunctionName"])
    (source,) = [one["EventSourceArn"] for one in mappings["EventSourceMappings"]]
    sqs = account.client("sqs")
    url = sqs.get_queue_url(QueueName=_name(source))["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
    dead_letters_arn = json.loads(told["RedrivePolicy"])["deadLetterTargetArn"]
    dead_letters_url = sqs.get_queue_url(QueueName=_name(dead_letters_arn))["QueueUrl"]
    asked = ["ApproximateNumberOfMessages"]
    counted = sqs.get_queue_attributes(QueueUrl=dead_letters_url, AttributeNames=asked)["Attributes"]
    return Queue(consumer, url, dead_letters_arn, dead_letters_url, int(counted[asked[0]]))


def _by_sqs(account: Account, queue: Queue, sleep: Callable[[float], None]) -> int:
    """SQS moves them itself, also when this command is ended."""
    sqs = account.client("sqs")
    sqs.start_message_move_task(SourceArn=queue.dead_letters_arn)
    while True:
        (task, *_) = sqs.list_message_move_tasks(SourceArn=queue.dead_letters_arn)["Results"]
        moved = int(task.get("ApproximateNumberOfMessagesMoved", 0))
        if task["Status"] in _FINISHED:
            reason = _FINISHED[task["Status"]]
            if reason:
                told = task.get("FailureReason", "SQS does not say why")
                raise UsageError(f"{queue.name}: {moved} moved back, then {reason}: {told}")
            return moved
        console.print(f"{queue.name}: {moved} of {queue.waiting}", soft_wrap=True)
        sleep(_LOOK_SECONDS)


def _by_hand(account: Account, queue: Queue) -> int:
    sqs = account.client("sqs")
    moved = 0
    while messages := sqs.receive_message(
        QueueUrl=queue.dead_letters_url,
        MaxNumberOfMessages=_MOST_AT_ONCE,
        VisibilityTimeout=_HIDDEN_SECONDS,
        WaitTimeSeconds=_POLL_SECONDS,
    ).get("Messages"):
        there = [message for message in messages if _sent(sqs, queue.url, message)]
        if not there:
            raise UsageError(f"{queue.name}: {moved} moved back, then the queue took no more")
        gone = [
            {"Id": str(at), "ReceiptHandle": message["ReceiptHandle"]} for at, message in enumerate(there)
        ]
        sqs.delete_message_batch(QueueUrl=queue.dead_letters_url, Entries=gone)
        moved += len(there)
        console.print(f"{queue.name}: {moved} of {max(moved, queue.waiting)}", soft_wrap=True)
    return moved


def _sent(sqs: Any, url: str, message: dict[str, Any]) -> bool:
    # One by one: ten together may be longer than SQS takes at once.
    entry = {"Id": "0", "MessageBody": message["Body"]}
    return bool(sqs.send_message_batch(QueueUrl=url, Entries=[entry]).get("Successful"))


def _name(arn: str) -> str:
    return arn.rpartition(":")[2]
