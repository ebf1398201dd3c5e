"""What a record says beyond what every door says: subjects, further metrics, cold starts."""

import json
from typing import Any

import pytest
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from shelflife.entry.records import Record, Recorder, recorder
from shelflife.kernel.names import Metric, Unit

DOOR = "serving POST /v2/models/<name>/infer"
WARM = {"POWERTOOLS_SERVICE_NAME": "serving", "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"}


def written(
    record: Record, capsys: pytest.CaptureFixture[str], by: Recorder | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    (by or recorder(WARM)).write(record, 2.5)
    line, metrics = (json.loads(text) for text in capsys.readouterr().out.splitlines())
    return line, metrics


def sets(metrics: dict[str, Any]) -> list[list[str]]:
    (directive,) = metrics["_aws"]["CloudWatchMetrics"]
    found: list[list[str]] = directive["Dimensions"]
    return found


def predicted() -> Record:
    record = Record(DOOR, {})
    record.about(deployment="churn", variant="blue")
    record.measure(Metric.LATENCY, 1.25, Unit.MILLISECONDS)
    record.measure(Metric.CACHE_HITS, 0)
    return record


def test_a_subject_adds_its_dimensions_and_those_of_the_service(capsys: pytest.CaptureFixture[str]) -> None:
    line, metrics = written(predicted(), capsys)
    assert sets(metrics) == [["door", "service"], ["service"], ["deployment", "variant"]]
    assert {name: metrics[name] for name in ("door", "service", "deployment", "variant")} == {
        "door": DOOR,
        "service": "serving",
        "deployment": "churn",
        "variant": "blue",
    }
    assert (line["deployment"], line["variant"]) == ("churn", "blue")


def test_a_measure_is_told_with_its_unit_even_if_it_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    line, metrics = written(predicted(), capsys)
    (directive,) = metrics["_aws"]["CloudWatchMetrics"]
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units["Latency"] == "Milliseconds"
    assert units["CacheHits"] == "Count"
    assert (metrics["Latency"], metrics["CacheHits"]) == ([1.25], [0.0])
    assert "Latency" not in line


def test_what_no_subject_is_told_of_is_in_no_set_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    _, metrics = written(Record("serving GET /v2/health/live", {}), capsys)
    assert sets(metrics) == [["door", "service"]]


def test_a_failure_is_counted_for_the_service_whoever_it_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    _, metrics = written(Record(DOOR, {}, failed=True), capsys)
    assert sets(metrics) == [["door", "service"], ["service"]]


def test_what_an_event_has_more_to_tell_is_counted_for_the_service(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Captures that are handed over after the answer are about no one deployment, and alarms watch them."""
    record = Record("serving/captures", {})
    record.count(Metric.CAPTURES_DROPPED, 3)
    _, metrics = written(record, capsys)
    assert sets(metrics) == [["door", "service"], ["service"]]


def test_every_metric_that_is_told_is_in_the_directive(capsys: pytest.CaptureFixture[str]) -> None:
    """EMF's condition: each target member exists, and each dimension has a value."""
    _, metrics = written(predicted(), capsys)
    (directive,) = metrics["_aws"]["CloudWatchMetrics"]
    told = {metric["Name"] for metric in directive["Metrics"]}
    named = {name for one in sets(metrics) for name in one}
    assert told | named | {"_aws"} == metrics.keys()
    assert all(isinstance(metrics[name], str) for name in named)


def test_further_metrics_have_the_form_that_powertools_gives_them(capsys: pytest.CaptureFixture[str]) -> None:
    record = Record(DOOR, {})
    record.measure(Metric.MODEL_LOAD_TIME, 12.5, Unit.MILLISECONDS)
    record.count(Metric.CAPTURES_DROPPED, 2)
    _, ours = written(record, capsys)
    theirs = EphemeralMetrics(namespace="shelflife", service="serving")
    theirs.add_dimension("door", DOOR)
    for name, unit, value in (
        ("Events", MetricUnit.Count, 1),
        ("Failures", MetricUnit.Count, 0),
        ("Duration", MetricUnit.Milliseconds, 2.5),
        ("ModelLoadTime", MetricUnit.Milliseconds, 12.5),
        ("CapturesDropped", MetricUnit.Count, 2),
    ):
        theirs.add_metric(name, unit, value)
    known = theirs.serialize_metric_set()
    known["_aws"]["CloudWatchMetrics"][0]["Dimensions"].append(["service"])
    known["_aws"]["Timestamp"] = ours["_aws"]["Timestamp"]
    assert ours == known


def test_subjects_that_differ_are_never_told_as_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    by = recorder(WARM)
    for number in range(1100):
        record = Record(DOOR, {})
        record.about(deployment=f"d{number}", variant="blue")
        _, metrics = written(record, capsys, by)
        assert metrics["deployment"] == f"d{number}"


@pytest.mark.parametrize(
    ("kind", "told"), [(None, 1), ("on-demand", 1), ("snap-start", 1), ("provisioned-concurrency", 0)]
)
def test_a_cold_start_is_counted_once_if_somebody_waited_for_it(
    kind: str | None, told: int, capsys: pytest.CaptureFixture[str]
) -> None:
    by = recorder({"AWS_LAMBDA_INITIALIZATION_TYPE": kind} if kind else {})
    answers = [written(Record(DOOR, {}), capsys, by) for _ in range(3)]
    assert [line.get("ColdStart", 0) for line, _ in answers] == [told, 0, 0]
    assert [metrics.get("ColdStart", [0.0]) for _, metrics in answers] == [[float(told)], [0.0], [0.0]]
