import hashlib
from dataclasses import dataclass
from datetime import datetime

from shelflife.contracts.models import Candidate, DatasetReference
from shelflife.contracts.monitoring import DriftDetected
from shelflife.kernel.ids import Clock
from shelflife.kernel.profiles import Profile
from shelflife.monitoring.errors import MonitorNotFoundError
from shelflife.monitoring.judgement import drifted_features, judge_columns
from shelflife.monitoring.model import Monitor, Outcome, ReportRecord, Scan, report_id_of
from shelflife.monitoring.page import render
from shelflife.monitoring.ports import Monitors, Reports
from shelflife.monitoring.realised import realised_error
from shelflife.monitoring.report import ColumnReport, RealisedError, Report, Window
from shelflife.monitoring.scan_ports import Baselines, CapturedWindow, Outcomes, Windows
from shelflife.monitoring.tasks import ScanDrift, Scanned


@dataclass(frozen=True, slots=True)
class _Sight:
    """All that one scan looks at; the profiles are there."""

    monitor: Monitor
    scan_id: str
    report_id: str
    at: datetime
    since: datetime
    captured: CapturedWindow
    labels: str
    fingerprint: str

    @property
    def row_count(self) -> int:
        return self.captured.profile.row_count if self.captured.profile else 0


@dataclass(frozen=True, slots=True)
class Scans:
    """Looks for drift of one deployment at a time."""

    monitors: Monitors
    baselines: Baselines
    windows: Windows
    outcomes: Outcomes
    reports: Reports
    now: Clock

    def scan(self, asked: ScanDrift) -> Scanned:
        """Compare what was captured with the baseline; record a report, and tell of drift once.

        Asked again with the same scan id, the answer is the report that was recorded. While there is
        nothing new to look at, the last answer stands and no report is made.

        Raises:
            MonitorNotFoundError: the deployment is not watched.
            ScanOvertakenError: it was activated anew, or announced by another scan, meanwhile: ask again.
        """
        report_id = report_id_of(asked.scan_id, asked.deployment, asked.started_at)
        recorded = self.monitors.report(asked.deployment, report_id)
        if recorded:
            return _told(recorded)
        monitor = self.monitors.find(asked.deployment)
        if monitor is None:
            raise MonitorNotFoundError(asked.deployment)
        sight = self._look(monitor, asked.scan_id, report_id)
        return self._undecided(sight) or self._unchanged(sight) or self._judged(sight)

    def _look(self, monitor: Monitor, scan_id: str, report_id: str) -> _Sight:
        at = self.now()
        since = monitor.window_since(at)
        captured = self.windows.merged(monitor.watched, since, at)
        labels = self.outcomes.fingerprint(monitor.watched, since)
        seen = f"{captured.fingerprint}/{labels}/{monitor.policy.model_dump_json()}"
        fingerprint = hashlib.sha256(seen.encode()).hexdigest()
        return _Sight(monitor, scan_id, report_id, at, since, captured, labels, fingerprint)

    def _undecided(self, sight: _Sight) -> Scanned | None:
        if sight.monitor.watched.serving.candidate.baseline is None:
            return self._noted(sight, Outcome.NO_BASELINE, "the training left no baseline")
        wanted = sight.monitor.policy.min_rows
        if sight.row_count < wanted:
            reason = f"{sight.row_count} captured rows of at least {wanted}"
            return self._noted(sight, Outcome.INSUFFICIENT_DATA, reason)
        return None

    def _noted(self, sight: _Sight, outcome: Outcome, reason: str) -> Scanned:
        self.monitors.note(sight.monitor, _scan(sight, outcome, reason, None))
        return Scanned(deployment=sight.monitor.deployment, outcome=outcome, reason=reason)

    def _unchanged(self, sight: _Sight) -> Scanned | None:
        last = sight.monitor.last_scan
        if last is None or last.fingerprint != sight.fingerprint:
            return None
        if last.outcome is Outcome.DRIFT and sight.monitor.may_announce(sight.at):
            return None
        return Scanned(
            deployment=sight.monitor.deployment,
            outcome=last.outcome,
            reason=last.reason,
            report_id=last.report_id,
        )

    def _judged(self, sight: _Sight) -> Scanned:
        report = self._report(sight)
        uris = self.reports.write(report, render(report))
        announces = report.outcome is Outcome.DRIFT and sight.monitor.may_announce(sight.at)
        record = _record(report, uris, announced=announces)
        scan = _scan(sight, report.outcome, report.reason, report.report_id)
        self.monitors.record(sight.monitor, scan, record, _news(record) if announces else None)
        return _told(record)

    def _report(self, sight: _Sight) -> Report:
        watched, policy = sight.monitor.watched, sight.monitor.policy
        candidate = watched.serving.candidate
        dataset = _trained_on(candidate)
        baseline, profile = self._profiles(sight)
        columns = judge_columns(baseline, profile, policy)
        error = self._error(sight)
        drifted, share = drifted_features(columns)
        reasons = _reasons(columns, error, sight.monitor)
        return Report(
            report_id=sight.report_id,
            deployment=watched.deployment,
            revision=watched.revision,
            model_name=watched.serving.model_name,
            model_version=watched.serving.version,
            task=candidate.task,
            dataset_name=dataset.name,
            dataset_version=dataset.version,
            activated_at=watched.activated_at,
            created_at=sight.at,
            outcome=Outcome.DRIFT if reasons else Outcome.STEADY,
            reason="; ".join(reasons) or _steady(len(drifted), share, policy.share_drifted),
            drifted=tuple(column.name for column in columns if column.drifted),
            share_drifted=share,
            baseline_rows=baseline.row_count,
            window=_window(sight),
            columns=columns,
            error=error,
            policy=policy,
        )

    def _profiles(self, sight: _Sight) -> tuple[Profile, Profile]:
        stored = sight.monitor.watched.serving.candidate.baseline
        # `_undecided` has answered for scans without either.
        if stored is None or sight.captured.profile is None:
            msg = f"scan {sight.scan_id!r} has nothing to compare"
            raise ValueError(msg)
        return self.baselines.read(stored), sight.captured.profile

    def _error(self, sight: _Sight) -> RealisedError | None:
        if not sight.labels:
            return None
        watched = sight.monitor.watched
        joined = self.outcomes.joined(watched, sight.since)
        return realised_error(joined, watched.serving.candidate, sight.monitor.policy)


def _reasons(columns: tuple[ColumnReport, ...], error: RealisedError | None, monitor: Monitor) -> list[str]:
    """Why this is drift by the monitor's policy; nothing if it is none."""
    drifted, share = drifted_features(columns)
    limit = monitor.policy.share_drifted
    found = []
    if drifted and share >= limit:
        found.append(f"{share:.0%} of the features drifted (limit {limit:.0%}): {', '.join(drifted)}")
    if any(column.drifted for column in columns if column.role == "prediction"):
        found.append("the predictions drifted")
    if error is not None and error.drifted:
        found.append(error.reason)
    return found


def _steady(drifted: int, share: float, limit: float) -> str:
    if not drifted:
        return "no feature drifted"
    return f"{share:.0%} of the features drifted, below the limit of {limit:.0%}"


def _trained_on(candidate: Candidate) -> DatasetReference:
    """What the baseline is of: only what was trained here has one."""
    if candidate.dataset is None:
        msg = f"a model {candidate.model_name!r} with a baseline names no dataset"
        raise ValueError(msg)
    return candidate.dataset


def _window(sight: _Sight) -> Window:
    return Window(
        since=sight.since,
        first_at=sight.captured.first_at or sight.since,
        last_at=sight.captured.last_at or sight.at,
        row_count=sight.row_count,
        profile_count=sight.captured.profile_count,
    )


def _scan(sight: _Sight, outcome: Outcome, reason: str, report_id: str | None) -> Scan:
    return Scan(
        scan_id=sight.scan_id,
        scanned_at=sight.at,
        outcome=outcome,
        reason=reason,
        row_count=sight.row_count,
        fingerprint=sight.fingerprint,
        report_id=report_id,
    )


def _record(report: Report, uris: tuple[str, str], *, announced: bool) -> ReportRecord:
    return ReportRecord(
        report_id=report.report_id,
        deployment=report.deployment,
        revision=report.revision,
        model_name=report.model_name,
        model_version=report.model_version,
        outcome=report.outcome,
        reason=report.reason,
        drifted=report.drifted,
        row_count=report.window.row_count,
        created_at=report.created_at,
        uri=uris[0],
        html_uri=uris[1],
        announced=announced,
    )


def _news(record: ReportRecord) -> DriftDetected:
    return DriftDetected(
        event_id=f"drift-{record.report_id}",
        happened_at=record.created_at,
        deployment=record.deployment,
        model_name=record.model_name,
        model_version=record.model_version,
        report_id=record.report_id,
        report_uri=record.uri,
        drifted=record.drifted,
        reason=record.reason,
    )


def _told(record: ReportRecord) -> Scanned:
    return Scanned(
        deployment=record.deployment,
        outcome=record.outcome,
        reason=record.reason,
        report_id=record.report_id,
        announced=record.announced,
    )
