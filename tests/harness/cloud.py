"""moto's cloud in this process, with tables built from the same TableSpec as CDK's."""

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any, Final

import shelflife
from shelflife.aws.clients import client, made
from shelflife.aws.items import Items
from shelflife.kernel.tables import PARTITION_KEY, SORT_KEY, TableSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION: Final = "eu-west-1"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "POWERTOOLS_METRICS_NAMESPACE": "shelflife",
}


def make_table(spec: TableSpec) -> Items:
    """The context's table; its name is `<context>-table`."""
    name = f"{spec.context}-table"
    keys = {PARTITION_KEY, SORT_KEY} | {key for i in spec.indexes for key in (i.partition_key, i.sort_key)}
    asked: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _schema(PARTITION_KEY, SORT_KEY),
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in sorted(keys)],
    }
    if spec.indexes:
        asked["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index.name,
                "KeySchema": _schema(index.partition_key, index.sort_key),
                "Projection": {"ProjectionType": "ALL"},
            }
            for index in spec.indexes
        ]
    if spec.news:
        asked["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    client("dynamodb").create_table(**asked)
    return Items(client("dynamodb"), name)


def make_bucket(name: str) -> str:
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def forget_wiring() -> None:
    """Let every context read its settings again: wiring is made once per process."""
    made.cache_clear()
    for name in _wirings():
        for value in vars(importlib.import_module(name)).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def _schema(partition_key: str, sort_key: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition_key, "KeyType": "HASH"},
        {"AttributeName": sort_key, "KeyType": "RANGE"},
    ]


def _wirings() -> "Iterator[str]":
    for package in pkgutil.iter_modules(shelflife.__path__, "shelflife."):
        if package.ispkg:
            inside = importlib.import_module(package.name).__path__
            yield from (
                f"{package.name}.{module.name}"
                for module in pkgutil.iter_modules(inside)
                if module.name.startswith("wiring")
            )
