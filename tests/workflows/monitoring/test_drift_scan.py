from typing import Any

import pytest

from functions.monitoring.scan_drift.handler import handler as scan_drift
from shelflife.aws.items import Items
from shelflife.kernel.ids import utc_now
from shelflife.monitoring import service
from shelflife.monitoring.errors import ScanOvertakenError
from tests.fakes.monitored import HOUR, watched
from tests.fakes.monitored_cloud import activate, capture, install
from tests.harness.workflows import TaskFailed, run

SCAN = "monitoring/drift_scan"


@pytest.fixture(autouse=True)
def table(aws: None, monkeypatch: pytest.MonkeyPatch) -> Items:
    return install(monkeypatch)


def watch(*deployments: str) -> None:
    for name in deployments:
        seen = watched(1, utc_now() - 3 * HOUR).model_copy(update={"deployment": name})
        activate(seen, event_id=name)


def breaking(*deployments: str) -> Any:
    """The real handler, which fails for these."""

    def handler(event: Any, context: Any) -> Any:
        if event["deployment"] in deployments:
            msg = "profiles of other bins"
            raise ValueError(msg)
        return scan_drift(event, context)

    return handler


def test_nothing_to_scan_is_fine() -> None:
    ended = run(SCAN, {})
    assert ended.status == "SUCCEEDED"
    assert ended.output == {"scanned": 0, "failed": 0, "announced": 0, "outcomes": {}, "failures": []}


def test_every_deployment_is_scanned_and_drift_is_told_once(table: Items) -> None:
    watch("bikes", "cars", "trams")
    capture(480, warmer=8)
    capture(480, deployment="cars")
    for announced in (1, 0):
        ended = run(SCAN, {})
        assert ended.status == "SUCCEEDED"
        assert ended.output["outcomes"] == {"drift": 1, "steady": 1, "insufficient_data": 1}
        assert (ended.output["scanned"], ended.output["announced"]) == (3, announced)
    found = table.client.scan(TableName=table.table_name)["Items"]
    assert len([item for item in found if item["sk"]["S"] == "NEWS"]) == 1


def test_the_same_execution_again_makes_the_same_report(table: Items) -> None:
    """Step Functions starts an execution of one name once; its tasks may run twice."""
    watch("bikes")
    capture(480, warmer=8)

    def twice(event: Any, context: Any) -> Any:
        first = scan_drift(event, context)
        assert scan_drift(event, context) == first
        return first

    assert run(SCAN, {}, handlers={"scan_drift": twice}).output["announced"] == 1
    found = table.client.scan(TableName=table.table_name)["Items"]
    assert len([item for item in found if item["pk"]["S"] == "REPORTS#bikes"]) == 1


def test_one_failed_scan_does_not_stop_the_others() -> None:
    watch("bikes", "cars")
    capture(480, deployment="cars")
    ended = run(SCAN, {}, handlers={"scan_drift": breaking("bikes")})
    assert ended.status == "SUCCEEDED"
    assert ended.output["outcomes"] == {"failed": 1, "steady": 1}
    assert ended.output["failures"] == [{"deployment": "bikes", "error": "ValueError"}]


def test_if_every_scan_fails_so_does_the_execution() -> None:
    watch("bikes", "cars")
    ended = run(SCAN, {}, handlers={"scan_drift": breaking("bikes", "cars")})
    assert (ended.status, ended.error) == ("FAILED", "EveryScanFailed")


def test_pages_follow_each_other_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MONITORS_PER_PAGE", 2)
    watch("a", "b", "c", "d", "e")
    ended = run(SCAN, {})
    assert ended.output["scanned"] == 5
    assert ended.states.count("ScanEach") == 3
    assert ended.states.count("ScanDrift") == 5


def test_a_scan_that_was_overtaken_is_asked_again() -> None:
    watch("bikes")
    left = [ScanOvertakenError("bikes", "s1"), ScanOvertakenError("bikes", "s1")]

    def overtaken(event: Any, context: Any) -> Any:
        if left:
            raise left.pop()
        return scan_drift(event, context)

    ended = run(SCAN, {}, handlers={"scan_drift": overtaken})
    assert ended.output["outcomes"] == {"insufficient_data": 1}


def test_a_busy_lambda_is_asked_again() -> None:
    watch("bikes")
    left = [TaskFailed("Lambda.TooManyRequestsException")]

    def busy(event: Any, context: Any) -> Any:
        if left:
            raise left.pop()
        return scan_drift(event, context)

    assert run(SCAN, {}, handlers={"scan_drift": busy}).output["failed"] == 0


def test_monitors_that_cannot_be_listed_fail_the_execution() -> None:
    def broken(_event: Any, _context: Any) -> Any:
        raise TaskFailed("Lambda.Unknown", "no answer")

    ended = run(SCAN, {}, handlers={"list_monitors": broken})
    assert (ended.status, ended.error) == ("FAILED", "MonitorsNotListed")
