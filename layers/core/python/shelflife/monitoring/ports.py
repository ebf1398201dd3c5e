"""What monitoring needs; nothing here knows of arrays (those ports are in scan_ports)."""

from typing import Protocol

from shelflife.contracts.monitoring import DriftDetected, LabelBatch, LabelsReceived
from shelflife.kernel.paging import Page
from shelflife.monitoring.model import (
    Monitor,
    ReportRecord,
    Scan,
    Watched,
)
from shelflife.monitoring.policy import Policy
from shelflife.monitoring.report import Report


class Monitors(Protocol):
    def follow(self, watched: Watched) -> None:
        """Watch what was activated; an activation that is not newer than the known one changes nothing.

        The policy stays; what was scanned and announced before is forgotten.
        """

    def find(self, deployment: str) -> Monitor | None: ...

    def page(self, limit: int, cursor: str | None) -> Page[Monitor]:
        """All monitors by name; a new one shows up within a second."""

    def set_policy(self, deployment: str, policy: Policy) -> Monitor:
        """Put the whole policy.

        Raises:
            MonitorNotFoundError: there is no such monitor.
        """

    def remove(self, deployment: str) -> None:
        """Stop watching; reports stay.

        Raises:
            MonitorNotFoundError: there is no such monitor.
        """

    def note(self, monitor: Monitor, scan: Scan) -> None:
        """Remember a scan that made no report.

        Raises:
            ScanOvertakenError: another revision has been activated since the monitor was read.
        """

    def record(
        self, monitor: Monitor, scan: Scan, record: ReportRecord, news: DriftDetected | None = None
    ) -> None:
        """Keep the report and the scan, and say the news, all or nothing.

        Raises:
            ScanOvertakenError: another revision has been activated since the monitor was read, the scan
                has its report already, or (with news) another scan has announced drift.
        """

    def tell(self, news: LabelsReceived) -> None:
        """Say it to whoever listens."""

    def report(self, deployment: str, report_id: str) -> ReportRecord | None: ...

    def reports(self, deployment: str, limit: int, cursor: str | None) -> Page[ReportRecord]:
        """The deployment's reports, newest first."""


class Labels(Protocol):
    def add(self, batch: LabelBatch) -> str:
        """Keep a batch, and say where; added again, nothing changes."""


class Reports(Protocol):
    def write(self, report: Report, html: str) -> tuple[str, str]:
        """Keep the report and its page; the answer is where (JSON, HTML)."""

    def read(self, uri: str) -> Report: ...

    def read_html(self, uri: str) -> str: ...

    def link(self, uri: str, seconds: int) -> str:
        """An address at which anybody may read the object for that long."""
