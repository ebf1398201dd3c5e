"""Who builds what. Each function imports only what it uses: its layers have no more, and it starts faster."""

import os
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from shelflife.aws.clients import client, hurried_sqs
from shelflife.aws.items import Items
from shelflife.aws.objects import Objects
from shelflife.kernel.errors import NotFoundError
from shelflife.kernel.ids import new_id, utc_now
from shelflife.serving.dynamo import DynamoAliases, DynamoDeployments
from shelflife.serving.settings import (
    PredictSettings,
    PreloadSettings,
    ServingSettings,
    StoreCapturesSettings,
)

if TYPE_CHECKING:
    from shelflife.serving.activation import Activations
    from shelflife.serving.prediction import Predictions
    from shelflife.serving.service import Serving
    from shelflife.serving.storing import CaptureStore

# ruff: noqa: PLC0415 - see the first line


@cache
def serving() -> "Serving":
    from shelflife.serving.service import Serving

    return Serving(
        deployments=DynamoDeployments(_items(ServingSettings.from_env())), now=utc_now, new_id=new_id
    )


@cache
def activations() -> "Activations":
    from shelflife.serving.activation import Activations
    from shelflife.serving.sessions import StoredModels

    items = _items(ServingSettings.from_env())
    return Activations(
        deployments=DynamoDeployments(items),
        aliases=DynamoAliases(items),
        # A session of an earlier activation says nothing of the file that others will load.
        models=StoredModels(Objects(client("s3"))),
        now=utc_now,
        new_id=new_id,
    )


@cache
def predictions() -> "Predictions":
    from shelflife.serving.model_cache import LruModels
    from shelflife.serving.prediction import Predictions
    from shelflife.serving.queue import SqsCaptures
    from shelflife.serving.served import ServedModels
    from shelflife.serving.sessions import StoredModels, threads_for

    settings = PredictSettings.from_env()
    stored = StoredModels(
        Objects(client("s3")),
        threads=threads_for(int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0"))),
    )
    return Predictions(
        # What is remembered may come from a snapshot of the function (SnapStart): a monotonic clock can go on
        # from where it stood when that was taken, and the wall clock tells how long ago it was.
        served=ServedModels(DynamoDeployments(_items(settings)), time.time),
        models=LruModels(stored, settings.model_budget_bytes, time.time),
        captures=SqsCaptures(hurried_sqs(), settings.capture_queue_url),
        now=utc_now,
        new_id=new_id,
    )


def preloads() -> Mapping[str, Callable[[], Mapping[str, Any]]]:
    """Steps that make the deployments of `PRELOAD_DEPLOYMENTS` ready; without any, nothing is made."""
    return {name: partial(_preloaded, name) for name in PreloadSettings.from_env().deployments}


def _preloaded(name: str) -> Mapping[str, Any]:
    try:
        reason = predictions().readiness(name, None).reason
    except NotFoundError as error:
        reason = str(error)
    return {"deployment": name} | ({} if reason is None else {"failed": True, "reason": reason})


@cache
def capture_store() -> "CaptureStore":
    from shelflife.serving.claims import DynamoClaims
    from shelflife.serving.files import S3CaptureFiles
    from shelflife.serving.profiling import S3Baselines
    from shelflife.serving.storing import CaptureStore

    settings = StoreCapturesSettings.from_env()
    items, objects = _items(settings), Objects(client("s3"))
    return CaptureStore(
        deployments=DynamoDeployments(items),
        claims=DynamoClaims(items),
        files=S3CaptureFiles(objects, settings.capture_bucket_name),
        baselines=S3Baselines(objects),
        now=utc_now,
        new_id=new_id,
    )


def _items(settings: ServingSettings | PredictSettings | StoreCapturesSettings) -> Items:
    return Items(client("dynamodb"), settings.serving_table_name)
