import json
from typing import Any

import pytest

from shelflife.entry.observe import observed
from tests.harness.events import LambdaContext


def counted(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]


def test_an_event_is_one_line_and_one_record(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with observed("door", LambdaContext(), {"event_id": "e1"}) as outcome:
        outcome.note(rows=3)
        outcome.door = "a better name"
    (record,) = caplog.records
    line = record.__dict__
    assert (line["door"], line["event_id"], line["rows"]) == ("a better name", "e1", 3)
    assert line["request_id"] == LambdaContext.aws_request_id
    assert line["milliseconds"] >= 0
    (metrics,) = counted(capsys)
    assert (metrics["door"], metrics["Events"], metrics["Failures"]) == ("a better name", [1.0], [0.0])


def test_one_events_dimensions_are_not_the_nexts(capsys: pytest.CaptureFixture[str]) -> None:
    for door in ("first", "second"):
        with observed(door, None):
            pass
    first, second = counted(capsys)
    assert (first["door"], second["door"]) == ("first", "second")
    assert (
        first["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
        == second["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    )


def test_an_exception_is_logged_counted_and_rises(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    message = "spilled"
    with pytest.raises(KeyError, match=message), observed("door", None):
        raise KeyError(message)
    (record,) = caplog.records
    assert (record.getMessage(), record.levelname, record.exc_info is not None) == ("failed", "ERROR", True)
    assert [metrics["Failures"] for metrics in counted(capsys)] == [[1.0]]


def test_an_event_that_was_answered_with_a_failure_counts_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    with observed("door", None) as outcome:
        outcome.failed = True
    assert [metrics["Failures"] for metrics in counted(capsys)] == [[1.0]]
