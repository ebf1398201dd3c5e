"""What may come before a write of DynamoDB or S3: another caller, the end of the process, a full table."""

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shelflife.aws.clients import client

_WRITES = frozenset(
    {
        "BatchWriteItem",
        "DeleteItem",
        "DeleteObjects",
        "PutItem",
        "PutObject",
        "TransactWriteItems",
        "UpdateItem",
    }
)


class CutOff(BaseException):
    """Stands for the end of a process."""


@contextmanager
def before_write(number: int, do: Callable[[], object]) -> Generator[None]:
    """Do this once, before that write within the block; the first is 0."""
    begun: list[str] = []

    def disturbed(call: Callable[..., Any]) -> Callable[..., Any]:
        def made(operation: str, asked: dict[str, Any]) -> Any:
            if operation in _WRITES:
                begun.append(operation)
                if len(begun) == number + 1:
                    do()
            return call(operation, asked)

        return made

    with pytest.MonkeyPatch.context() as patch:
        for service in (client("dynamodb"), client("s3")):
            known: Any = service
            patch.setattr(known, "_make_api_call", disturbed(known._make_api_call))
        yield


def cut_off() -> None:
    raise CutOff


def throttled() -> None:
    """What botocore raises when all of its own attempts were turned away."""
    told: Any = {"Error": {"Code": "ThrottlingException", "Message": "too many requests"}}
    raise ClientError(told, "TransactWriteItems")


def ended(handler: Callable[..., dict[str, Any]], *asked: Any) -> dict[str, Any]:
    """The answer; nothing of a process that was cut off."""
    try:
        return handler(*asked)
    except CutOff:
        return {}


def is_unavailable(answer: Mapping[str, Any]) -> bool:
    """Whether MLflow's clients are told to come again, and when."""
    return (
        answer.get("statusCode") == HTTPStatus.SERVICE_UNAVAILABLE
        and int(answer["headers"]["Retry-After"]) > 0
        and json.loads(answer["body"])["error_code"] == "TEMPORARILY_UNAVAILABLE"
    )
