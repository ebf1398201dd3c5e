"""News: deployments follow aliases and serve versions, which then have to stay."""

from typing import Any

from shelflife.contracts.serving import DeploymentCreated, DeploymentRemoved, DeploymentShifted
from shelflife.entry.news import listener
from shelflife.registry.wiring import uses


@listener(DeploymentCreated)
def follow(told: DeploymentCreated) -> None:
    uses().follow(told.model_name, told.deployment, told.alias, told.happened_at)


@listener(DeploymentShifted)
def serve(told: DeploymentShifted) -> None:
    uses().serve(told.model_name, told.deployment, told.versions, told.happened_at)


@listener(DeploymentRemoved)
def end(told: DeploymentRemoved) -> None:
    uses().end(told.model_name, told.deployment, told.happened_at)


_LISTENERS = {
    DeploymentCreated.detail_type: follow,
    DeploymentShifted.detail_type: serve,
    DeploymentRemoved.detail_type: end,
}


def handler(event: dict[str, Any], context: Any) -> None:
    _LISTENERS[event["detail-type"]](event, context)
