from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from shelflife.kernel.profiles import ProfileMismatchError, reference_profile
from shelflife.monitoring.errors import MonitorNotFoundError, ScanOvertakenError
from shelflife.monitoring.model import Monitor, Outcome
from shelflife.monitoring.policy import Policy
from shelflife.monitoring.report import Report
from shelflife.monitoring.scan import Scans
from shelflife.monitoring.tasks import ScanDrift, Scanned
from tests.fakes.monitored import BASELINE, BASELINE_URI, HOUR, NOON, captured, rows, told, watched
from tests.fakes.monitoring import (
    Answered,
    MemoryBaselines,
    MemoryMonitors,
    MemoryOutcomes,
    MemoryReports,
    MemoryWindows,
)

DAY = timedelta(days=1)
LATER = NOON + 2 * HOUR


@dataclass
class World:
    at: datetime = LATER
    monitors: MemoryMonitors = field(default_factory=MemoryMonitors)
    windows: MemoryWindows = field(default_factory=MemoryWindows)
    outcomes: MemoryOutcomes = field(default_factory=MemoryOutcomes)
    reports: MemoryReports = field(default_factory=MemoryReports)

    @property
    def scans(self) -> Scans:
        return Scans(
            monitors=self.monitors,
            baselines=MemoryBaselines({BASELINE_URI: BASELINE}),
            windows=self.windows,
            outcomes=self.outcomes,
            reports=self.reports,
            now=lambda: self.at,
        )

    def scan(self, scan_id: str = "scan-1") -> Scanned:
        return self.scans.scan(ScanDrift(deployment="bikes", scan_id=scan_id, started_at=self.at))

    def capture(self, size: int, *, warmer: float = 0.0, batch: str = "b1", revision: int = 1) -> None:
        at = self.at - HOUR
        self.windows.add(
            captured(rows(size, warmer=warmer, seed=9), at, revision=revision), at, f"{batch}-{size}"
        )

    @property
    def monitor(self) -> Monitor:
        found = self.monitors.find("bikes")
        assert found is not None
        return found

    def report(self, told: Scanned) -> Report:
        record = self.monitors.report("bikes", told.report_id or "")
        assert record is not None
        return self.reports.read(record.uri)


@pytest.fixture
def world() -> World:
    world = World()
    world.monitors.follow(watched())
    return world


def test_rows_like_those_of_the_training_are_steady(world: World) -> None:
    world.capture(480)
    told = world.scan()
    assert (told.outcome, told.reason) == (Outcome.STEADY, "no feature drifted")
    assert world.monitors.news == []
    assert world.report(told).window.row_count == 480


def test_warmer_weather_is_drift_and_the_hours_of_the_day_are_not(world: World) -> None:
    world.capture(480, warmer=8)
    told = world.scan()
    assert (told.outcome, told.announced) == (Outcome.DRIFT, True)
    report = world.report(told)
    assert report.drifted == ("prediction", "temp")
    assert report.share_drifted == pytest.approx(1 / 3)
    [news] = world.monitors.news
    assert (news.deployment, news.model_name, news.model_version) == ("bikes", "bike-demand", 1)
    assert (news.drifted, news.report_id, news.reason) == (report.drifted, report.report_id, report.reason)
    assert news.event_id == f"drift-{report.report_id}"
    assert "33% of the features drifted (limit 30%): temp; the predictions drifted" in news.reason


def test_few_rows_are_not_judged(world: World) -> None:
    world.capture(199, warmer=8)
    told = world.scan()
    assert (told.outcome, told.report_id) == (Outcome.INSUFFICIENT_DATA, None)
    assert told.reason == "199 captured rows of at least 200"
    assert world.reports.objects == {}
    last = world.monitor.last_scan
    assert last is not None
    assert (last.outcome, last.row_count) == (Outcome.INSUFFICIENT_DATA, 199)


def test_no_rows_at_all_are_not_judged(world: World) -> None:
    assert world.scan().reason == "0 captured rows of at least 200"


def test_a_version_without_a_baseline_is_told(world: World) -> None:
    world.monitors.follow(watched(2, NOON + timedelta(minutes=1), baseline=None))
    assert world.scan().outcome is Outcome.NO_BASELINE


def test_a_deployment_that_is_not_watched_is_an_error() -> None:
    with pytest.raises(MonitorNotFoundError):
        World().scan()


def test_the_same_scan_asked_again_answers_the_recorded_report(world: World) -> None:
    world.capture(480, warmer=8)
    first = world.scan()
    world.capture(960, warmer=9)
    assert world.scan() == first
    assert len(world.monitors.news) == 1


def test_drift_is_told_once_until_the_cooldown_is_over(world: World) -> None:
    world.capture(480, warmer=8)
    assert world.scan("one").announced
    world.capture(960, warmer=8)
    again = world.scan("two")
    assert (again.outcome, again.announced) == (Outcome.DRIFT, False)
    world.at += DAY
    assert world.scan("three").announced
    assert len(world.monitors.news) == 2


def test_a_new_revision_is_told_anew(world: World) -> None:
    world.capture(480, warmer=8)
    world.scan("one")
    world.monitors.follow(watched(2, LATER))
    world.at = LATER + HOUR
    assert world.scan("two").outcome is Outcome.INSUFFICIENT_DATA
    world.at += HOUR
    world.capture(480, warmer=8, revision=2, batch="b2")
    assert world.scan("three").announced


def test_a_scan_that_sees_nothing_new_makes_no_report(world: World) -> None:
    world.capture(480)
    first = world.scan("one")
    assert world.scan("two") == first
    assert len(world.monitors.reports("bikes", 10, None).items) == 1
    world.monitors.set_policy("bikes", Policy(min_rows=100))
    assert world.scan("three").report_id != first.report_id


def test_a_monitor_that_moved_on_during_the_scan_is_not_announced(world: World) -> None:
    world.capture(480, warmer=8)
    stale = world.monitor
    world.monitors.follow(watched(2, NOON + HOUR))

    class Stale(MemoryMonitors):
        def find(self, deployment: str) -> Monitor | None:
            return stale

    monitors = Stale()
    monitors.follow(watched(2, NOON + HOUR))
    world.monitors = monitors
    with pytest.raises(ScanOvertakenError):
        world.scan()
    assert monitors.news == []


def test_an_ignored_feature_and_ignored_predictions_do_not_count(world: World) -> None:
    world.monitors.set_policy("bikes", Policy(ignored=("temp",), judge_predictions=False))
    world.capture(480, warmer=8)
    told = world.scan()
    assert told.outcome is Outcome.STEADY
    column = next(one for one in world.report(told).columns if one.name == "temp")
    assert (column.ignored, column.drifted) == (True, False)
    assert column.tests[0].drifted


def test_the_window_reaches_back_no_further_than_it_may(world: World) -> None:
    world.monitors.set_policy("bikes", Policy(window_hours=2))
    world.capture(480, warmer=8, batch="old")
    world.at += DAY
    world.capture(240, batch="new")
    assert world.report(world.scan()).window.row_count == 240


def test_labels_that_show_a_higher_error_are_drift(world: World) -> None:
    world.capture(480)
    for place in range(120):
        world.outcomes.rows.append(Answered(f"c{place}", 0, NOON + HOUR, 100.0))
    labels = {f"c{place}": (100.0 + 15 + place % 3,) for place in range(120)}
    world.outcomes.batches.append(told("b1", None, **labels, unknown=(1.0,)))
    answer = world.scan()
    assert (answer.outcome, answer.announced) == (Outcome.DRIFT, True)
    assert answer.reason == "the mean absolute error is 1.60 times the held-out one (limit 1.3 times)"
    error = world.report(answer).error
    assert error is not None
    assert (error.rows, error.unmatched, error.mismatched) == (120, 1, 0)
    assert error.value == pytest.approx(16)


def test_profiles_over_other_bins_are_an_error(world: World) -> None:
    other = reference_profile(rows(1_000, seed=4))
    world.windows.add(captured(rows(480), baseline=other), NOON + HOUR, "b1")
    with pytest.raises(ProfileMismatchError):
        world.scan()
