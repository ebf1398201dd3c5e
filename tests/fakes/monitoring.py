import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import fmean, stdev
from typing import TypeVar

from shelflife.contracts.data import StoredObject
from shelflife.contracts.models import Task
from shelflife.contracts.monitoring import DriftDetected, LabelBatch, LabelsReceived, LabelValue
from shelflife.contracts.serving import CapturedProfile
from shelflife.kernel.paging import Page, decode_cursor, encode_cursor
from shelflife.kernel.profiles import Profile, from_json, merge
from shelflife.monitoring.errors import MonitorNotFoundError, ScanOvertakenError
from shelflife.monitoring.model import (
    Announcement,
    Monitor,
    ReportRecord,
    Scan,
    Watched,
)
from shelflife.monitoring.policy import Policy
from shelflife.monitoring.report import ErrorPoint, Report
from shelflife.monitoring.scan_ports import CapturedWindow, JoinedLabels

T = TypeVar("T")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class MemoryMonitors:
    def __init__(self) -> None:
        self._monitors: dict[str, Monitor] = {}
        self._reports: dict[tuple[str, str], ReportRecord] = {}
        self.news: list[DriftDetected] = []
        self.told: list[LabelsReceived] = []

    def follow(self, watched: Watched) -> None:
        known = self._monitors.get(watched.deployment)
        if known is None:
            self._monitors[watched.deployment] = Monitor(watched=watched)
        elif known.watched.activated_at < watched.activated_at:
            self._monitors[watched.deployment] = Monitor(watched=watched, policy=known.policy)

    def find(self, deployment: str) -> Monitor | None:
        return self._monitors.get(deployment)

    def page(self, limit: int, cursor: str | None) -> Page[Monitor]:
        names = sorted(self._monitors)
        return _page([(name, self._monitors[name]) for name in names], limit, cursor)

    def set_policy(self, deployment: str, policy: Policy) -> Monitor:
        if deployment not in self._monitors:
            raise MonitorNotFoundError(deployment)
        changed = self._monitors[deployment].model_copy(update={"policy": policy})
        self._monitors[deployment] = changed
        return changed

    def remove(self, deployment: str) -> None:
        if self._monitors.pop(deployment, None) is None:
            raise MonitorNotFoundError(deployment)

    def note(self, monitor: Monitor, scan: Scan) -> None:
        self._set(self._current(monitor, scan).model_copy(update={"last_scan": scan}))

    def record(
        self, monitor: Monitor, scan: Scan, record: ReportRecord, news: DriftDetected | None = None
    ) -> None:
        current = self._current(monitor, scan)
        key = (record.deployment, record.report_id)
        if key in self._reports or (news and current.announced != monitor.announced):
            raise ScanOvertakenError(monitor.deployment, scan.scan_id)
        changed: dict[str, object] = {"last_scan": scan}
        if news:
            changed["announced"] = Announcement(report_id=record.report_id, announced_at=news.happened_at)
            self.news.append(news)
        self._reports[key] = record
        self._set(current.model_copy(update=changed))

    def tell(self, news: LabelsReceived) -> None:
        self.told.append(news)

    def report(self, deployment: str, report_id: str) -> ReportRecord | None:
        return self._reports.get((deployment, report_id))

    def reports(self, deployment: str, limit: int, cursor: str | None) -> Page[ReportRecord]:
        mine = sorted(
            ((key[1], one) for key, one in self._reports.items() if key[0] == deployment), reverse=True
        )
        return _page(mine, limit, cursor)

    def _current(self, monitor: Monitor, scan: Scan) -> Monitor:
        current = self._monitors.get(monitor.deployment)
        if current is None or current.watched.activated_at != monitor.watched.activated_at:
            raise ScanOvertakenError(monitor.deployment, scan.scan_id)
        return current

    def _set(self, monitor: Monitor) -> None:
        self._monitors[monitor.deployment] = monitor


def _page(found: list[tuple[str, T]], limit: int, cursor: str | None) -> Page[T]:
    after = (decode_cursor(cursor) or {}).get("after")
    names = [name for name, _ in found]
    begin = names.index(after) + 1 if after in names else 0
    left = found[begin:]
    more = encode_cursor({"after": left[limit - 1][0]}) if len(left) > limit else None
    return Page(items=tuple(one for _, one in left[:limit]), next_cursor=more)


class MemoryLabels:
    def __init__(self) -> None:
        self.batches: dict[str, LabelBatch] = {}

    def add(self, batch: LabelBatch) -> str:
        self.batches[batch.batch_id] = batch
        return f"memory://labels/{batch.batch_id}"


class MemoryReports:
    def __init__(self) -> None:
        self.objects: dict[str, Report | str] = {}

    def write(self, report: Report, html: str) -> tuple[str, str]:
        stem = f"memory://{report.deployment}/{report.report_id}"
        self.objects |= {f"{stem}.json": report, f"{stem}.html": html}
        return f"{stem}.json", f"{stem}.html"

    def read(self, uri: str) -> Report:
        report = self.objects[uri]
        assert isinstance(report, Report)
        return report

    def read_html(self, uri: str) -> str:
        return str(self.objects[uri])

    def link(self, uri: str, seconds: int) -> str:
        return f"{uri}?seconds={seconds}"


@dataclass
class MemoryBaselines:
    profiles: dict[str, Profile] = field(default_factory=dict)

    def read(self, baseline: StoredObject) -> Profile:
        return self.profiles[baseline.uri]


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


class MemoryWindows:
    """Profiles by the hour in which they arrived."""

    def __init__(self) -> None:
        self._kept: list[tuple[datetime, str, CapturedProfile]] = []

    def add(self, captured: CapturedProfile, arrived_at: datetime, batch_id: str) -> None:
        self._kept.append((_hour(arrived_at), batch_id, captured))

    def merged(self, watched: Watched, since: datetime, until: datetime) -> CapturedWindow:
        del until  # nothing arrives in the future
        near = sorted((hour, batch, one) for hour, batch, one in self._kept if hour >= _hour(since))
        near = [(hour, batch, one) for hour, batch, one in near if one.deployment == watched.deployment]
        mine = [
            one
            for _, _, one in near
            if one.revision == watched.revision and one.last_at >= watched.activated_at
        ]
        seen = "\n".join(f"{hour}/{batch}" for hour, batch, _ in near)
        return CapturedWindow(
            profile=merge([from_json(one.profile_json) for one in mine]) if mine else None,
            first_at=min((one.first_at for one in mine), default=None),
            last_at=max((one.last_at for one in mine), default=None),
            profile_count=len(mine),
            fingerprint=hashlib.sha256(seen.encode()).hexdigest(),
        )


@dataclass(frozen=True)
class Answered:
    """One captured row."""

    capture_id: str
    row: int
    at: datetime
    answer: float | str
    deployment: str = "bikes"
    revision: int = 1


class MemoryOutcomes:
    def __init__(self) -> None:
        self.rows: list[Answered] = []
        self.batches: list[LabelBatch] = []

    def fingerprint(self, watched: Watched, since: datetime) -> str:
        found = self._labels(watched, since)
        return "\n".join(sorted(batch.batch_id for batch in found))

    def joined(self, watched: Watched, since: datetime) -> JoinedLabels:
        truth: dict[str, tuple[LabelValue, ...]] = {}
        for batch in sorted(self._labels(watched, since), key=lambda one: one.batch_id):
            truth |= {label.capture_id: label.values for label in batch.labels}
        answers = {key: self._answers(watched, since, key) for key in truth}
        met = {key: rows for key, rows in answers.items() if rows}
        fits = [key for key, rows in met.items() if sorted(rows) == list(range(len(truth[key])))]
        losses = [
            (row.at, _loss(row.answer, truth[key][row.row], watched.serving.candidate.task))
            for key in fits
            for row in met[key].values()
        ]
        return JoinedLabels(
            rows=len(losses),
            mean_loss=fmean(loss for _, loss in losses) if losses else None,
            standard_error=stdev(loss for _, loss in losses) / len(losses) ** 0.5
            if len(losses) > 1
            else None,
            unmatched=len(truth) - len(met),
            mismatched=len(met) - len(fits),
            points=tuple(_points(losses)),
        )

    def _labels(self, watched: Watched, since: datetime) -> list[LabelBatch]:
        early = _hour(since - timedelta(hours=1))
        return [
            one
            for one in self.batches
            if one.deployment == watched.deployment and _hour(one.received_at) >= early
        ]

    def _answers(self, watched: Watched, since: datetime, capture_id: str) -> dict[int, Answered]:
        return {
            row.row: row
            for row in self.rows
            if (row.capture_id, row.deployment, row.revision)
            == (capture_id, watched.deployment, watched.revision)
            and row.at >= max(watched.activated_at, _hour(since))
        }


def _loss(answer: float | str, truth: LabelValue, task: Task) -> float:
    return abs(float(answer) - float(truth)) if task is Task.REGRESSION else float(str(answer) != truth)


def _points(losses: Iterable[tuple[datetime, float]]) -> list[ErrorPoint]:
    """By minute: enough for a fake, whose rows are a few minutes apart."""
    minutes: dict[int, list[float]] = {}
    for at, loss in losses:
        minutes.setdefault((at - EPOCH) // MINUTE, []).append(loss)
    return [
        ErrorPoint(
            begins_at=EPOCH + place * MINUTE,
            ends_at=EPOCH + (place + 1) * MINUTE,
            rows=len(found),
            value=fmean(found),
        )
        for place, found in sorted(minutes.items())
    ]
