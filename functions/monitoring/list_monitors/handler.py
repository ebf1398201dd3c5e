"""Task: the next deployments to scan, and what the last ones came to."""

from shelflife.entry.task import task
from shelflife.monitoring.tasks import ListMonitors, MonitorPage
from shelflife.monitoring.wiring import monitoring


@task(ListMonitors)
def handler(asked: ListMonitors) -> MonitorPage:
    return monitoring().next_to_scan(asked)
