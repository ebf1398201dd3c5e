"""Who builds what. Each function imports only what it uses: its layers have no more, and it starts faster."""

import os
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache, partial
from random import random
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

from shelflife.aws.clients import client, hurried_sqs
from shelflife.aws.items import Items
from shelflife.aws.objects import Objects
from shelflife.kernel.errors import NotFoundError
from shelflife.kernel.ids import new_id, utc_now
from shelflife.serving.dynamo import DynamoAliases, DynamoDeployments, DynamoVersions
from shelflife.serving.dynamo_rollouts import DynamoRollouts
from shelflife.serving.settings import (
    PredictSettings,
    PredictShadowsSettings,
    PreloadSettings,
    ServingSettings,
    StoreCapturesSettings,
)

if TYPE_CHECKING:
    from shelflife.serving.activation import Activations
    from shelflife.serving.endings import Endings
    from shelflife.serving.executions import SfnExecutions
    from shelflife.serving.experiment_endings import ExperimentEndings
    from shelflife.serving.experiments import ExperimentControl
    from shelflife.serving.goals import Goals
    from shelflife.serving.handoff import HandOff
    from shelflife.serving.observing import Observations
    from shelflife.serving.ports import ModelCache
    from shelflife.serving.prediction import Predictions
    from shelflife.serving.protocol import Protocol
    from shelflife.serving.repository import Repository
    from shelflife.serving.rollouts import RolloutControl
    from shelflife.serving.scoring import Scoring
    from shelflife.serving.service import Serving
    from shelflife.serving.shadowing import Shadows
    from shelflife.serving.shifts import Shifts
    from shelflife.serving.steps import RolloutSteps
    from shelflife.serving.storing import CaptureStore

# ruff: noqa: PLC0415 - see the first line


@cache
def serving() -> "Serving":
    from shelflife.serving.service import Serving

    items = _items(ServingSettings.from_env())
    return Serving(deployments=DynamoDeployments(items), shifts=_shifts(items), now=utc_now, new_id=new_id)


@cache
def observations() -> "Observations":
    from shelflife.serving.dynamo_windows import DynamoWindows
    from shelflife.serving.observing import Observations

    items = _items(ServingSettings.from_env())
    return Observations(DynamoDeployments(items), DynamoWindows(items), utc_now)


@cache
def rollout_control() -> "RolloutControl":
    from shelflife.serving.rollouts import RolloutControl

    items = _items(ServingSettings.from_env())
    return RolloutControl(
        deployments=DynamoDeployments(items),
        rollouts=DynamoRollouts(items),
        executions=_executions(),
        shifts=_shifts(items),
        endings=_endings(items),
        experiments=_experiment_endings(items),
        now=utc_now,
        new_id=new_id,
    )


@cache
def experiment_control() -> "ExperimentControl":
    from shelflife.serving.dynamo_experiments import DynamoExperiments
    from shelflife.serving.experiments import ExperimentControl

    items = _items(ServingSettings.from_env())
    return ExperimentControl(
        deployments=DynamoDeployments(items),
        experiments=DynamoExperiments(items),
        endings=_experiment_endings(items),
        now=utc_now,
        new_id=new_id,
    )


@cache
def goals() -> "Goals":
    from shelflife.serving.claims import DynamoClaims
    from shelflife.serving.dynamo_experiments import DynamoExperiments
    from shelflife.serving.goals import Goals

    items = _items(ServingSettings.from_env())
    return Goals(DynamoDeployments(items), DynamoExperiments(items), DynamoClaims(items), utc_now)


@cache
def rollout_steps() -> "RolloutSteps":
    from shelflife.serving.dynamo_windows import DynamoWindows
    from shelflife.serving.steps import RolloutSteps

    items = _items(ServingSettings.from_env())
    return RolloutSteps(
        deployments=DynamoDeployments(items),
        rollouts=DynamoRollouts(items),
        windows=DynamoWindows(items),
        executions=_executions(),
        shifts=_shifts(items),
        endings=_endings(items),
        now=utc_now,
    )


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
        rollouts=rollout_control(),
        now=utc_now,
    )


@cache
def predictions() -> "Predictions":
    from shelflife.serving.prediction import Predictions
    from shelflife.serving.served import ServedModels

    settings = PredictSettings.from_env()
    items = _items(settings)
    return Predictions(
        # What is remembered may come from a snapshot of the function (SnapStart): a monotonic clock can go on
        # from where it stood when that was taken, and the wall clock tells how long ago it was.
        served=ServedModels(DynamoDeployments(items), DynamoVersions(items), time.time, random),
        models=_loaded_models(),
        captures=hand_off(),
        now=utc_now,
        seconds=perf_counter,
        new_id=new_id,
    )


def _models(budget_bytes: int) -> "ModelCache":
    from shelflife.serving.model_cache import LruModels
    from shelflife.serving.sessions import StoredModels, threads_for

    threads = threads_for(int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0")))
    return LruModels(StoredModels(Objects(client("s3")), threads=threads), budget_bytes, time.time)


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

    settings = PredictShadowsSettings.from_env()
    items = _items(settings)
    return Shadows(
        deployments=DynamoDeployments(items),
        versions=DynamoVersions(items),
        models=_models(settings.model_budget_bytes),
        captures=SqsQueue(lambda: client("sqs"), settings.capture_queue_url),
        seconds=perf_counter,
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
def _loaded_models() -> "ModelCache":
    return _models(PredictSettings.from_env().model_budget_bytes)


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


def _endings(items: Items) -> "Endings":
    from shelflife.serving.endings import Endings

    return Endings(
        deployments=DynamoDeployments(items),
        rollouts=DynamoRollouts(items),
        shifts=_shifts(items),
        now=utc_now,
        new_id=new_id,
    )


def _experiment_endings(items: Items) -> "ExperimentEndings":
    from shelflife.serving.dynamo_experiments import DynamoExperiments
    from shelflife.serving.experiment_endings import ExperimentEndings

    return ExperimentEndings(
        deployments=DynamoDeployments(items),
        experiments=DynamoExperiments(items),
        shifts=_shifts(items),
        now=utc_now,
        new_id=new_id,
    )


def _executions() -> "SfnExecutions":
    from shelflife.serving.executions import SfnExecutions

    return SfnExecutions(client("stepfunctions"))


def _items(
    settings: ServingSettings | PredictSettings | PredictShadowsSettings | StoreCapturesSettings,
) -> Items:
    return Items(client("dynamodb"), settings.serving_table_name)
