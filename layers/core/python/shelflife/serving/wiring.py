"""Who builds what. Each function imports only what it uses: its layers have no more, and it starts faster."""

from datetime import timedelta
from functools import cache
from random import random
from time import perf_counter
from typing import TYPE_CHECKING

from shelflife.aws.clients import client, hurried_sqs
from shelflife.aws.items import Items
from shelflife.aws.objects import Objects
from shelflife.kernel.ids import new_id, utc_now
from shelflife.serving.dynamo import DynamoAliases, DynamoDeployments, DynamoVersions
from shelflife.serving.settings import PredictSettings, ServingSettings, StoreCapturesSettings

if TYPE_CHECKING:
    from shelflife.serving.activation import Activations
    from shelflife.serving.prediction import Predictions
    from shelflife.serving.protocol import Protocol
    from shelflife.serving.repository import Repository
    from shelflife.serving.scoring import Scoring
    from shelflife.serving.service import Serving
    from shelflife.serving.sessions import OnnxModels
    from shelflife.serving.shifts import Shifts
    from shelflife.serving.storing import CaptureStore

# ruff: noqa: PLC0415 - see the first line


@cache
def serving() -> "Serving":
    from shelflife.serving.service import Serving

    items = _items(ServingSettings.from_env())
    return Serving(deployments=DynamoDeployments(items), shifts=_shifts(items), now=utc_now, new_id=new_id)


@cache
def activations() -> "Activations":
    from shelflife.serving.activation import Activations
    from shelflife.serving.sessions import StoredModels

    items = _items(ServingSettings.from_env())
    return Activations(
        deployments=DynamoDeployments(items),
        aliases=DynamoAliases(items),
        versions=DynamoVersions(items),
        # A session of an earlier activation says nothing of the file that others will load.
        models=StoredModels(Objects(client("s3"))),
        shifts=_shifts(items),
        now=utc_now,
    )


@cache
def predictions() -> "Predictions":
    from shelflife.serving.prediction import Predictions
    from shelflife.serving.queue import SqsCaptures
    from shelflife.serving.served import ServedModels

    settings = PredictSettings.from_env()
    items = _items(settings)
    return Predictions(
        served=ServedModels(DynamoDeployments(items), DynamoVersions(items), perf_counter, random),
        models=_loaded_models(),
        captures=SqsCaptures(hurried_sqs(), settings.capture_queue_url),
        now=utc_now,
        seconds=perf_counter,
        new_id=new_id,
    )


@cache
def protocol() -> "Protocol":
    from shelflife.serving.protocol import Protocol
    from shelflife.serving.statistics import Statistics

    return Protocol(predictions(), Statistics())


@cache
def repository() -> "Repository":
    from shelflife.serving.repository import Repository

    deployments = DynamoDeployments(_items(PredictSettings.from_env()))
    return Repository(deployments, predictions().served, _loaded_models())


@cache
def scoring() -> "Scoring":
    from shelflife.serving.scoring import Scoring

    return Scoring(predictions(), DynamoDeployments(_items(PredictSettings.from_env())))


@cache
def _loaded_models() -> "OnnxModels":
    from shelflife.serving.sessions import OnnxModels

    return OnnxModels(Objects(client("s3")), PredictSettings.from_env().model_budget_bytes)


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


def _shifts(items: Items) -> "Shifts":
    from shelflife.serving.shifts import Shifts

    return Shifts(
        deployments=DynamoDeployments(items), versions=DynamoVersions(items), now=utc_now, new_id=new_id
    )


def _items(settings: ServingSettings | PredictSettings | StoreCapturesSettings) -> Items:
    return Items(client("dynamodb"), settings.serving_table_name)
