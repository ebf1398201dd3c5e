"""Clients: one botocore session, made lazily, with time limits that fit inside a function's."""

from functools import cache
from typing import TYPE_CHECKING, Literal, overload

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient

_CONFIG = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "max_attempts": 3},
    # Presigned URLs of other regions and of the local cloud need the newer signature.
    signature_version="v4",
    s3={"addressing_style": "auto"},
)


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
    return boto3.client(service, config=_CONFIG)  # type: ignore[call-overload,no-any-return]  # the overloads above say which


def hurried_dynamodb() -> "DynamoDBClient":
    """A client of DynamoDB that tries once, for half a second at the most: a request waits for it."""
    config = _CONFIG.merge(
        Config(connect_timeout=0.2, read_timeout=0.3, retries={"mode": "standard", "total_max_attempts": 1})
    )
    return boto3.client("dynamodb", config=config)


def hurried_sqs() -> "SQSClient":
    """A client of SQS that tries once, for a second and a half at the most: an answer may wait for it."""
    config = _CONFIG.merge(
        Config(connect_timeout=0.5, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})
    )
    return boto3.client("sqs", config=config)
