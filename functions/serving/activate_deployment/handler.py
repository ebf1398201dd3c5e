"""News: an alias moved, or a deployment was made: what follows the alias serves its version."""

from typing import Any

from shelflife.contracts.registry import ModelVersionPromoted
from shelflife.contracts.serving import DeploymentCreated
from shelflife.entry.news import listener
from shelflife.serving.wiring import activations


@listener(ModelVersionPromoted)
def follow(told: ModelVersionPromoted) -> None:
    activations().follow(told)


@listener(DeploymentCreated)
def start(told: DeploymentCreated) -> None:
    activations().start(told)


_LISTENERS = {ModelVersionPromoted.detail_type: follow, DeploymentCreated.detail_type: start}


def handler(event: dict[str, Any], context: Any) -> None:
    _LISTENERS[event["detail-type"]](event, context)
