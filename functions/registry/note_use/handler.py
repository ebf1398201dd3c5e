"""News: deployments follow aliases and serve versions, which then have to stay."""

from typing import Any

from shelflife.contracts.serving import DeploymentActivated, DeploymentCreated
from shelflife.entry.news import listener
from shelflife.registry.wiring import uses


@listener(DeploymentCreated)
def follow(told: DeploymentCreated) -> None:
    uses().follow(told.model_name, told.deployment, told.alias, told.happened_at)


@listener(DeploymentActivated)
def serve(told: DeploymentActivated) -> None:
    serving = told.serving
    uses().serve(serving.model_name, told.deployment, [serving.version], told.happened_at)


_LISTENERS = {
    DeploymentCreated.detail_type: follow,
    DeploymentActivated.detail_type: serve,
}


def handler(event: dict[str, Any], context: Any) -> None:
    _LISTENERS[event["detail-type"]](event, context)
