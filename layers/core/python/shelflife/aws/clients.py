"""Clients: one botocore session, made lazily, with time limits that fit inside a function's.

botocore alone is imported, and only when a client is made: boto3 brings a transfer manager along, which takes
a third of a cold start and is used nowhere.
"""

import os
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from shelflife.aws.quick import QuickClient, QuickItems, QuickObjects, QuickQueue

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.config import Config
    from botocore.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient

# ruff: noqa: PLC0415 - see the first lines

#: Seconds that a first attempt without botocore may take.
_QUICK_SECONDS = 2.0
_HURRIED_SECONDS = 0.75


@overload
def client(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@overload
def client(service: Literal["s3"]) -> "S3Client": ...
@overload
def client(service: Literal["sqs"]) -> "SQSClient": ...
@overload
def client(service: Literal["ssm"]) -> "SSMClient": ...
@overload
def client(service: Literal["events"]) -> "EventBridgeClient": ...
@overload
def client(service: Literal["stepfunctions"]) -> "SFNClient": ...


def client(service: str) -> "BaseClient":
    """The process's one client of a service."""
    return made(service)


@cache
def made(service: str) -> "BaseClient":
    """What `client` remembers; tests clear it."""
    return _made(service, _config())


def hurried_dynamodb() -> "DynamoDBClient":
    """A client of DynamoDB that tries once, for half a second at the most: a request waits for it."""
    from botocore.config import Config

    retries: Any = {"mode": "standard", "total_max_attempts": 1}
    config = _config().merge(Config(connect_timeout=0.2, read_timeout=0.3, retries=retries))
    return cast("DynamoDBClient", _made("dynamodb", config))


def hurried_sqs() -> "SQSClient":
    """A client of SQS that tries once, for a second and a half at the most: an answer may wait for it."""
    return cast("SQSClient", _quick(QuickQueue, "sqs", _hurried_sqs, _HURRIED_SECONDS) or _hurried_sqs())


@cache
def _hurried_sqs() -> "BaseClient":
    from botocore.config import Config

    retries: Any = {"mode": "standard", "total_max_attempts": 1}
    config = _config().merge(Config(connect_timeout=0.5, read_timeout=1, retries=retries))
    return _made("sqs", config)


def quick_dynamodb() -> "DynamoDBClient":
    """The process's client of DynamoDB; in Lambda, its reads do not wait for botocore."""
    full = partial(made, "dynamodb")
    return cast("DynamoDBClient", _quick(QuickItems, "dynamodb", full, _QUICK_SECONDS) or full())


def quick_s3() -> "S3Client":
    """The process's client of S3; in Lambda, its reads do not wait for botocore."""
    full = partial(made, "s3")
    return cast("S3Client", _quick(QuickObjects, "s3", full, _QUICK_SECONDS) or full())


def _quick(kind: type[QuickClient], *arguments: Any) -> QuickClient | None:
    # Elsewhere, profiles and files may say who calls and where to: botocore's business.
    return kind(*arguments) if "LAMBDA_TASK_ROOT" in os.environ else None


def _made(service: str, config: "Config") -> "BaseClient":
    return _session().create_client(service, config=config)


@cache
def _session() -> "Session":
    from botocore.session import Session

    return Session()


@cache
def _config() -> "Config":
    from botocore.config import Config

    return Config(
        connect_timeout=2,
        read_timeout=10,
        retries={"mode": "standard", "max_attempts": 3},
        # Presigned URLs of other regions and of the local cloud need the newer signature.
        signature_version="v4",
        s3={"addressing_style": "auto"},
    )
