"""Who builds what. Each function imports only what it uses: its layers have no more, and it starts faster."""

import os
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from random import random
from time import perf_counter
from typing import TYPE_CHECKING, Any

from shelflife.aws.clients import client, hurried_dynamodb, quick_dynamodb, quick_s3
from shelflife.aws.items import Items
from shelflife.aws.objects import Objects
from shelflife.kernel.errors import NotFoundError
from shelflife.kernel.ids import new_id, new_key, utc_now
from shelflife.serving.dynamo import DynamoAliases, DynamoDeployments, DynamoVersions
from shelflife.serving.dynamo_rollouts import DynamoRollouts
from shelflife.serving.settings import (
    PredictSettings,
    PreloadSettings,
    ServingSettings,
)
from shelflife.serving.wiring_captures import hand_off
from shelflife.serving.wiring_parts import endings_of, executions, experiment_endings_of, shifts_of

if TYPE_CHECKING:
    from shelflife.serving.activation import Activations
    from shelflife.serving.answer_cache import AnswerCache
    from shelflife.serving.experiments import ExperimentControl
    from shelflife.serving.goals import Goals
    from shelflife.serving.ports import ModelCache
    from shelflife.serving.prediction import Predictions
    from shelflife.serving.protocol import Protocol
    from shelflife.serving.repository import Repository
    from shelflife.serving.rollouts import RolloutControl
    from shelflife.serving.scoring import Scoring
    from shelflife.serving.service import Serving
    from shelflife.serving.steps import RolloutSteps

# ruff: noqa: PLC0415 - see the first line


@cache
def serving() -> "Serving":
    from shelflife.serving.service import Serving

    items = _items(ServingSettings.from_env())
    return Serving(
        deployments=DynamoDeployments(items),
        shifts=shifts_of(items),
        now=utc_now,
        new_id=new_id,
        new_key=new_key,
    )


@cache
def rollout_control() -> "RolloutControl":
    from shelflife.serving.rollouts import RolloutControl

    items = _items(ServingSettings.from_env())
    return RolloutControl(
        deployments=DynamoDeployments(items),
        rollouts=DynamoRollouts(items),
        executions=executions(),
        shifts=shifts_of(items),
        endings=endings_of(items),
        experiments=experiment_endings_of(items),
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
        endings=experiment_endings_of(items),
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
        executions=executions(),
        shifts=shifts_of(items),
        endings=endings_of(items),
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
        shifts=shifts_of(items),
        rollouts=rollout_control(),
        now=utc_now,
    )


@cache
def predictions() -> "Predictions":
    from shelflife.serving.prediction import Predictions
    from shelflife.serving.served import ServedModels

    settings = PredictSettings.from_env()
    items = Items(quick_dynamodb(), settings.serving_table_name)
    return Predictions(
        # What is remembered may come from a snapshot of the function (SnapStart): a monotonic clock can go on
        # from where it stood when that was taken, and the wall clock tells how long ago it was.
        served=ServedModels(DynamoDeployments(items), DynamoVersions(items), time.time, random),
        models=_loaded_models(),
        captures=hand_off(),
        now=utc_now,
        seconds=perf_counter,
        new_id=new_id,
        answers=answer_cache(),
    )


@cache
def answer_cache() -> "AnswerCache":
    from shelflife.serving.answer_cache import AnswerCache
    from shelflife.serving.dynamo_answers import DynamoAnswers

    settings = PredictSettings.from_env()
    hurried = cache(lambda: Items(hurried_dynamodb(), settings.serving_table_name))
    return AnswerCache(DynamoAnswers(hurried, time.time), settings.answer_cache_bytes, time.time)


def models_within(budget_bytes: int) -> "ModelCache":
    from shelflife.serving.model_cache import LruModels
    from shelflife.serving.sessions import StoredModels, threads_for

    threads = threads_for(int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0")))
    return LruModels(StoredModels(Objects(quick_s3()), threads=threads), budget_bytes, time.time)


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
def protocol() -> "Protocol":
    from shelflife.serving.protocol import Protocol
    from shelflife.serving.statistics import Statistics

    return Protocol(predictions(), Statistics())


@cache
def repository() -> "Repository":
    from shelflife.serving.repository import Repository

    deployments = DynamoDeployments(Items(quick_dynamodb(), PredictSettings.from_env().serving_table_name))
    return Repository(deployments, predictions().served, _loaded_models())


@cache
def scoring() -> "Scoring":
    from shelflife.serving.scoring import Scoring

    return Scoring(
        predictions(),
        DynamoDeployments(Items(quick_dynamodb(), PredictSettings.from_env().serving_table_name)),
    )


@cache
def _loaded_models() -> "ModelCache":
    return models_within(PredictSettings.from_env().model_budget_bytes)


def _items(
    settings: ServingSettings | PredictSettings,
) -> Items:
    return Items(client("dynamodb"), settings.serving_table_name)
