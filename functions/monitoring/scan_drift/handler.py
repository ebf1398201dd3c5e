"""Task: look for drift of one deployment."""

from shelflife.entry.task import task
from shelflife.monitoring.tasks import ScanDrift, Scanned
from shelflife.monitoring.wiring import scans


@task(ScanDrift)
def handler(asked: ScanDrift) -> Scanned:
    return scans().scan(asked)
