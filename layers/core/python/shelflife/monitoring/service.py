from dataclasses import dataclass

from shelflife.contracts.models import Task
from shelflife.contracts.monitoring import Label, LabelBatch, LabelsReceived, LabelValue
from shelflife.contracts.serving import DeploymentActivated
from shelflife.kernel.errors import FieldFault
from shelflife.kernel.ids import Clock, NewId
from shelflife.kernel.paging import Page
from shelflife.monitoring.errors import (
    LabelValueError,
    MonitorNotFoundError,
    ReportNotFoundError,
    UnknownIgnoredFeatureError,
)
from shelflife.monitoring.model import (
    Monitor,
    ReportRecord,
    Watched,
    is_number,
    label_text,
)
from shelflife.monitoring.policy import Policy
from shelflife.monitoring.ports import Labels, Monitors, Reports
from shelflife.monitoring.report import Report
from shelflife.monitoring.tasks import MONITORS_PER_PAGE, ListMonitors, MonitorPage

LINK_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What people and other contexts ask of monitoring; scanning is another service (scan.py)."""

    monitors: Monitors
    labels: Labels
    reports: Reports
    now: Clock
    new_id: NewId

    def follow(self, told: DeploymentActivated) -> None:
        """Watch what a deployment serves now; told twice, or too late, nothing changes."""
        self.monitors.follow(
            Watched(
                deployment=told.deployment,
                revision=told.revision,
                serving=told.serving,
                activated_at=told.happened_at,
            )
        )

    def find(self, deployment: str) -> Monitor:
        """The deployment's monitor.

        Raises:
            MonitorNotFoundError: it was never activated.
        """
        monitor = self.monitors.find(deployment)
        if monitor is None:
            raise MonitorNotFoundError(deployment)
        return monitor

    def page(self, limit: int, cursor: str | None) -> Page[Monitor]:
        return self.monitors.page(limit, cursor)

    def next_to_scan(self, asked: ListMonitors) -> MonitorPage:
        """The page after the one that was scanned; an empty one after the last, with the whole tally."""
        tally = asked.page.tally.counting(asked.results)
        if asked.page.last:
            return MonitorPage(last=True, tally=tally)
        found = self.monitors.page(MONITORS_PER_PAGE, asked.page.next_cursor)
        return MonitorPage(
            deployments=tuple(monitor.deployment for monitor in found.items),
            next_cursor=found.next_cursor,
            last=found.next_cursor is None,
            count=len(found.items),
            tally=tally,
        )

    def set_policy(self, deployment: str, policy: Policy) -> Monitor:
        """Put the whole policy; the next scan judges by it.

        Raises:
            MonitorNotFoundError: there is no such monitor.
            UnknownIgnoredFeatureError: it ignores a feature that the deployment does not have.
        """
        known = self.find(deployment).watched.features
        unknown = [name for name in policy.ignored if name not in known]
        if unknown:
            raise UnknownIgnoredFeatureError(deployment, unknown, known)
        return self.monitors.set_policy(deployment, policy)

    def stop(self, deployment: str) -> None:
        """Watch the deployment no longer; its reports stay. Its next activation starts it again.

        Raises:
            MonitorNotFoundError: there is no such monitor.
        """
        self.monitors.remove(deployment)

    def add_labels(self, deployment: str, labels: tuple[Label, ...]) -> LabelBatch:
        """Keep the truth of captured requests, and say so; it is compared at the next scan.

        Captures need not have arrived yet. Of a capture that is labelled again, the last label counts.

        Raises:
            MonitorNotFoundError: there is no such monitor.
            LabelValueError: the model is a regression, and a value is not a finite number.
        """
        candidate = self.find(deployment).watched.serving.candidate
        if candidate.task is Task.REGRESSION:
            _check_numbers(labels)
        else:
            labels = tuple(_as_text(label, candidate.signature.classes) for label in labels)
        batch = LabelBatch(
            batch_id=self.new_id(), deployment=deployment, received_at=self.now(), labels=labels
        )
        uri = self.labels.add(batch)
        # What was kept and not told is asked for again: the caller gets an error.
        self.monitors.tell(
            LabelsReceived(
                event_id=batch.batch_id, happened_at=batch.received_at, deployment=deployment, labels_uri=uri
            )
        )
        return batch

    def list_reports(self, deployment: str, limit: int, cursor: str | None) -> Page[ReportRecord]:
        """The deployment's reports, newest first; none for a deployment that nobody knows."""
        return self.monitors.reports(deployment, limit, cursor)

    def report(self, deployment: str, report_id: str) -> tuple[Report, str]:
        """A report, and an address of its page that works for `LINK_SECONDS`.

        Raises:
            ReportNotFoundError: there is none.
        """
        record = self._record(deployment, report_id)
        return self.reports.read(record.uri), self.reports.link(record.html_uri, LINK_SECONDS)

    def report_page(self, deployment: str, report_id: str) -> str:
        """A report's page.

        Raises:
            ReportNotFoundError: there is none.
        """
        return self.reports.read_html(self._record(deployment, report_id).html_uri)

    def _record(self, deployment: str, report_id: str) -> ReportRecord:
        record = self.monitors.report(deployment, report_id)
        if record is None:
            raise ReportNotFoundError(deployment, report_id)
        return record


def _check_numbers(labels: tuple[Label, ...]) -> None:
    faults = [
        FieldFault(f"labels.{i}.values.{j}", f"{value!r} is not a finite number")
        for i, label in enumerate(labels)
        for j, value in enumerate(label.values)
        if not is_number(value)
    ]
    if faults:
        raise LabelValueError(faults)


def _as_text(label: Label, classes: tuple[str, ...]) -> Label:
    texts: tuple[LabelValue, ...] = tuple(label_text(value, classes) for value in label.values)
    return Label(capture_id=label.capture_id, values=texts)
