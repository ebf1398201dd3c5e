from datetime import timedelta
from typing import Any

import pytest

from shelflife.contracts.monitoring import DriftDetected
from shelflife.kernel.paging import InvalidCursorError
from shelflife.monitoring.dynamo import DynamoMonitors
from shelflife.monitoring.errors import MonitorNotFoundError, ScanOvertakenError
from shelflife.monitoring.model import Monitor, Outcome, ReportRecord, Scan, Watched
from shelflife.monitoring.policy import Policy, Thresholds
from shelflife.monitoring.ports import Monitors
from shelflife.monitoring.settings import TABLE
from tests.fakes.monitored import HOUR, NOON, watched
from tests.fakes.monitoring import MemoryMonitors
from tests.harness.cloud import make_table

TICK = timedelta(microseconds=250_000)


@pytest.fixture(params=["memory", "dynamo"])
def monitors(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryMonitors()
    request.getfixturevalue("aws")
    return DynamoMonitors(make_table(TABLE))


def scan(scan_id: str = "s1", report_id: str | None = None) -> Scan:
    return Scan(
        scan_id=scan_id,
        scanned_at=NOON + HOUR,
        outcome=Outcome.DRIFT,
        reason="the predictions drifted",
        row_count=300,
        fingerprint="f",
        report_id=report_id,
    )


def record(report_id: str, deployment: str = "bikes", *, announced: bool = False) -> ReportRecord:
    return ReportRecord(
        report_id=report_id,
        deployment=deployment,
        revision=1,
        model_name="bike-demand",
        model_version=1,
        outcome=Outcome.DRIFT,
        reason="the predictions drifted",
        drifted=("prediction",),
        row_count=300,
        created_at=NOON + HOUR,
        uri="s3://a/r.json",
        html_uri="s3://a/r.html",
        announced=announced,
    )


def news(report_id: str) -> DriftDetected:
    return DriftDetected(
        event_id=f"drift-{report_id}",
        happened_at=NOON + HOUR,
        deployment="bikes",
        model_name="bike-demand",
        model_version=1,
        report_id=report_id,
        report_uri="s3://a/r.json",
        drifted=("prediction",),
        reason="the predictions drifted",
    )


def named(deployment: str) -> Watched:
    return watched().model_copy(update={"deployment": deployment})


def found(monitors: Monitors) -> Monitor:
    monitor = monitors.find("bikes")
    assert monitor is not None
    return monitor


def test_a_monitor_comes_back_as_it_was(monitors: Monitors) -> None:
    monitors.follow(watched())
    assert found(monitors) == Monitor(watched=watched())
    assert monitors.find("cars") is None


def test_only_a_newer_activation_is_followed(monitors: Monitors) -> None:
    """A whole second is a shorter text than the fractions that follow it: text order would be wrong."""
    monitors.follow(watched(1, NOON))
    monitors.follow(watched(2, NOON + TICK))
    for older in (watched(1, NOON), watched(9, NOON + TICK), watched(3, NOON - HOUR)):
        monitors.follow(older)
    assert found(monitors).watched == watched(2, NOON + TICK)


def test_an_activation_keeps_the_policy_and_forgets_the_scans(monitors: Monitors) -> None:
    policy = Policy(
        min_rows=7, thresholds=Thresholds(stability_index=None, wasserstein=0.25), ignored=("hr",)
    )
    monitors.follow(watched())
    assert monitors.set_policy("bikes", policy).policy == policy
    monitors.record(found(monitors), scan(report_id="r1"), record("r1", announced=True), news("r1"))
    assert found(monitors).announced
    monitors.follow(watched(2, NOON + TICK))
    assert found(monitors) == Monitor(watched=watched(2, NOON + TICK), policy=policy)


def test_a_policy_needs_its_monitor(monitors: Monitors) -> None:
    with pytest.raises(MonitorNotFoundError):
        monitors.set_policy("bikes", Policy())
    assert monitors.find("bikes") is None


def test_a_removed_monitor_is_gone_and_its_reports_stay(monitors: Monitors) -> None:
    monitors.follow(watched())
    monitors.record(found(monitors), scan(report_id="r1"), record("r1"))
    monitors.remove("bikes")
    assert monitors.find("bikes") is None
    assert monitors.page(10, None).items == ()
    assert monitors.report("bikes", "r1") == record("r1")
    with pytest.raises(MonitorNotFoundError):
        monitors.remove("bikes")


def test_pages_hold_every_monitor_once_by_name(monitors: Monitors) -> None:
    for name in "cabed":
        monitors.follow(named(name))
    first = monitors.page(2, None)
    second = monitors.page(2, first.next_cursor)
    third = monitors.page(2, second.next_cursor)
    assert [one.deployment for page in (first, second, third) for one in page.items] == list("abcde")
    assert third.next_cursor is None
    with pytest.raises(InvalidCursorError):
        monitors.page(2, "nonsense")


def test_a_scan_is_remembered(monitors: Monitors) -> None:
    monitors.follow(watched())
    monitors.note(found(monitors), scan())
    assert found(monitors).last_scan == scan()


def test_a_report_and_its_scan_are_kept_together(monitors: Monitors) -> None:
    monitors.follow(watched())
    monitors.record(found(monitors), scan(report_id="r1"), record("r1"))
    assert monitors.report("bikes", "r1") == record("r1")
    assert monitors.report("bikes", "r2") is None
    assert found(monitors).last_scan == scan(report_id="r1")
    assert found(monitors).announced is None


def test_reports_come_newest_first(monitors: Monitors) -> None:
    monitors.follow(watched())
    for report_id in ("r1", "r3", "r2"):
        monitors.record(found(monitors), scan(), record(report_id))
    first = monitors.reports("bikes", 2, None)
    assert [one.report_id for one in first.items] == ["r3", "r2"]
    assert [one.report_id for one in monitors.reports("bikes", 2, first.next_cursor).items] == ["r1"]
    assert monitors.reports("cars", 2, None).items == ()


def test_a_report_is_recorded_once(monitors: Monitors) -> None:
    monitors.follow(watched())
    monitors.record(found(monitors), scan(), record("r1"))
    with pytest.raises(ScanOvertakenError):
        monitors.record(found(monitors), scan(), record("r1"))


def test_of_two_scans_at_once_one_announces(monitors: Monitors) -> None:
    monitors.follow(watched())
    seen = found(monitors)
    monitors.record(seen, scan("s1"), record("r1", announced=True), news("r1"))
    with pytest.raises(ScanOvertakenError):
        monitors.record(seen, scan("s2"), record("r2", announced=True), news("r2"))
    assert monitors.report("bikes", "r2") is None
    monitors.record(seen, scan("s2"), record("r2"))
    announced = found(monitors).announced
    assert announced is not None
    assert announced.report_id == "r1"
    monitors.record(found(monitors), scan("s3"), record("r3", announced=True), news("r3"))
    with pytest.raises(ScanOvertakenError):
        monitors.record(seen, scan("s4"), record("r4", announced=True), news("r4"))


def test_what_was_scanned_before_an_activation_is_not_written_after_it(monitors: Monitors) -> None:
    monitors.follow(watched())
    seen = found(monitors)
    monitors.follow(watched(2, NOON + TICK))
    with pytest.raises(ScanOvertakenError):
        monitors.note(seen, scan())
    with pytest.raises(ScanOvertakenError):
        monitors.record(seen, scan(), record("r1"), news("r1"))
    assert found(monitors).last_scan is None
    assert monitors.report("bikes", "r1") is None


def test_a_scan_does_not_bring_a_removed_monitor_back(monitors: Monitors) -> None:
    monitors.follow(watched())
    seen = found(monitors)
    monitors.remove("bikes")
    with pytest.raises(ScanOvertakenError):
        monitors.note(seen, scan())
    assert monitors.find("bikes") is None


@pytest.mark.parametrize("monitors", ["dynamo"], indirect=True)
def test_news_is_an_item_of_the_same_transaction(monitors: DynamoMonitors) -> None:
    monitors.follow(watched())
    monitors.record(found(monitors), scan(), record("r1", announced=True), news("r1"))
    item = monitors.items.get("NEWS#drift-r1", "NEWS")
    assert item is not None
    assert item["detail_type"] == "drift.detected"
    assert DriftDetected.model_validate_json(item["detail"]) == news("r1")
