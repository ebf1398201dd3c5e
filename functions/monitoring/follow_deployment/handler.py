"""News: a deployment serves another version now; watch that."""

from shelflife.contracts.serving import DeploymentActivated
from shelflife.entry.news import listener
from shelflife.monitoring.wiring import monitoring


@listener(DeploymentActivated)
def handler(told: DeploymentActivated) -> None:
    monitoring().follow(told)
