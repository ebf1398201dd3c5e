"""Task: find out whether what a client registered can be served, and let everyone know if it can."""

from shelflife.contracts.registry import InspectVersion, VersionInspected
from shelflife.entry.task import task
from shelflife.registry.wiring import inspection


@task(InspectVersion)
def handler(asked: InspectVersion) -> VersionInspected:
    return inspection().inspect(asked.model_id, asked.version, asked.linked)
