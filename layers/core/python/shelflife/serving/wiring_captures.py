"""Who builds what captures go through: see wiring.py."""

from datetime import timedelta
from functools import cache
from time import monotonic, perf_counter
from typing import TYPE_CHECKING

from shelflife.aws.clients import client, hurried_sqs
from shelflife.aws.items import Items
from shelflife.aws.objects import Objects
from shelflife.kernel.ids import new_id, utc_now
from shelflife.serving.dynamo import DynamoDeployments, DynamoVersions
from shelflife.serving.settings import (
    CountLabelsSettings,
    PredictSettings,
    PredictShadowsSettings,
    ServingSettings,
    StoreCapturesSettings,
)

if TYPE_CHECKING:
    from shelflife.serving.handoff import HandOff
    from shelflife.serving.labelling import Labelling
    from shelflife.serving.observing import Observations
    from shelflife.serving.shadowing import Shadows
    from shelflife.serving.storing import CaptureStore

# ruff: noqa: PLC0415 - each function imports only what it uses


@cache
def hand_off() -> "HandOff":
    from shelflife.serving.handoff import HandOff
    from shelflife.serving.queue import SqsQueue

    settings = PredictSettings.from_env()
    hurried = cache(hurried_sqs)
    return HandOff(
        captures=SqsQueue(hurried, settings.capture_queue_url),
        shadows=SqsQueue(hurried, settings.shadow_queue_url),
        seconds=monotonic,
    )


@cache
def shadows() -> "Shadows":
    from shelflife.serving.queue import SqsQueue
    from shelflife.serving.shadowing import Shadows
    from shelflife.serving.wiring import models_within

    settings = PredictShadowsSettings.from_env()
    items = _items(settings)
    return Shadows(
        deployments=DynamoDeployments(items),
        versions=DynamoVersions(items),
        models=models_within(settings.model_budget_bytes),
        captures=SqsQueue(lambda: client("sqs"), settings.capture_queue_url),
        seconds=perf_counter,
    )


@cache
def capture_store() -> "CaptureStore":
    from shelflife.serving.claims import DynamoClaims
    from shelflife.serving.dynamo_windows import DynamoWindows
    from shelflife.serving.files import S3CaptureFiles
    from shelflife.serving.filing import Room
    from shelflife.serving.profiling import S3Baselines
    from shelflife.serving.storing import CaptureStore

    settings = StoreCapturesSettings.from_env()
    items, objects = _items(settings), Objects(client("s3"))
    room = Room(
        claims=DynamoClaims(items),
        files=S3CaptureFiles(objects, settings.capture_bucket_name),
        windows=DynamoWindows(items, timedelta(days=settings.window_days)),
        baselines=S3Baselines(objects),
        now=utc_now,
    )
    return CaptureStore(DynamoDeployments(items), DynamoVersions(items), room, new_id)


@cache
def labelling() -> "Labelling":
    from shelflife.serving.claims import DynamoClaims
    from shelflife.serving.dynamo_windows import DynamoWindows
    from shelflife.serving.files import S3CaptureFiles, S3LabelBatches
    from shelflife.serving.labelling import Labelling
    from shelflife.serving.queue import LaterQueue

    settings = CountLabelsSettings.from_env()
    items, objects = _items(settings), Objects(client("s3"))
    return Labelling(
        batches=S3LabelBatches(objects),
        claims=DynamoClaims(items),
        files=S3CaptureFiles(objects, settings.capture_bucket_name),
        deployments=DynamoDeployments(items),
        versions=DynamoVersions(items),
        windows=DynamoWindows(items, timedelta(days=settings.window_days)),
        later=LaterQueue(client("sqs"), settings.label_queue_url),
        now=utc_now,
    )


@cache
def observations() -> "Observations":
    from shelflife.serving.dynamo_windows import DynamoWindows
    from shelflife.serving.observing import Observations

    items = _items(ServingSettings.from_env())
    return Observations(DynamoDeployments(items), DynamoWindows(items), utc_now)


def _items(settings: ServingSettings | PredictShadowsSettings | StoreCapturesSettings) -> Items:
    return Items(client("dynamodb"), settings.serving_table_name)
