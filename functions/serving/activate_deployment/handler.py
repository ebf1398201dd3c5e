"""News: versions are tried as they are registered, and deployments follow their aliases."""

from typing import Any

from shelflife.contracts.registry import ModelVersionPromoted, ModelVersionRegistered
from shelflife.contracts.serving import DeploymentCreated, ExperimentEnded, RolloutEnded
from shelflife.entry.news import listener
from shelflife.serving.wiring import activations


@listener(ModelVersionRegistered)
def register(told: ModelVersionRegistered) -> None:
    activations().register(told)


@listener(ModelVersionPromoted)
def follow(told: ModelVersionPromoted) -> None:
    activations().follow(told)


@listener(DeploymentCreated)
def start(told: DeploymentCreated) -> None:
    activations().start(told)


@listener(RolloutEnded)
def go_on(told: RolloutEnded) -> None:
    activations().go_on(told)


@listener(ExperimentEnded)
def catch_up(told: ExperimentEnded) -> None:
    activations().go_on(told)


_LISTENERS = {
    ExperimentEnded.detail_type: catch_up,
    RolloutEnded.detail_type: go_on,
    ModelVersionRegistered.detail_type: register,
    ModelVersionPromoted.detail_type: follow,
    DeploymentCreated.detail_type: start,
}


def handler(event: dict[str, Any], context: Any) -> None:
    _LISTENERS[event["detail-type"]](event, context)
