"""Two callers at once, callers that are cut off, and full stores, at the door and over real conditions."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.tracing.api.handler import handler
from shelflife.aws.clients import client
from shelflife.tracing.settings import TracingSettings
from tests.harness.disturbed import before_write, cut_off, ended, is_unavailable, throttled
from tests.harness.events import LambdaContext, http_event

V3 = "/api/3.0/mlflow/traces"
OLD, NEW = "0123456789abcdef" * 2, "fedcba9876543210" * 2
TRACE, OTHER = f"tr-{OLD}", f"tr-{NEW}"
PLACE = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "7"}}
NOON = 1_795_176_000
HEADERS = {"content-type": "application/json", "x-mlflow-experiment-id": "7"}
Ask = tuple[str, str, dict[str, Any]]


def answered(method: str, path: str, body: Any = None) -> dict[str, Any]:
    headers = HEADERS if path == "/v1/traces" else {}
    answer: dict[str, Any] = handler(http_event(method, path, body, headers=headers), LambdaContext())
    return answer


def ask(method: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer = answered(method, path, body)
    return answer["statusCode"], json.loads(answer["body"])


def export(otel_id: str = OLD, span: int = 1, start: int = NOON) -> Ask:
    """One span, the first of which is the root."""
    told = {
        "traceId": otel_id,
        "spanId": f"{span:016}",
        "name": f"span {span}",
        "startTimeUnixNano": str(start * 10**9),
        "endTimeUnixNano": str((start + 1) * 10**9),
    } | ({} if span == 1 else {"parentSpanId": f"{1:016}"})
    return "POST", "/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": [told]}]}]}


def tell(trace_id: str = TRACE, day: int = 20) -> Ask:
    info = {"trace_id": trace_id, "trace_location": PLACE, "request_time": f"2026-11-{day}T08:00:00Z"}
    of = {"state": "ERROR", "trace_metadata": {"mlflow.trace.session": "s"}}
    return "POST", V3, {"trace": {"trace_info": info | of}}


def tag(key: str = "k") -> Ask:
    return "PATCH", f"{V3}/{TRACE}/tags", {"key": key, "value": "v"}


def say(name: str) -> Ask:
    return (
        "POST",
        f"{V3}/{TRACE}/assessments",
        {"assessment": {"assessment_name": name, "feedback": {"value": 1}}},
    )


def link() -> Ask:
    return "POST", "/api/2.0/mlflow/traces/link-to-run", {"trace_ids": [TRACE], "run_id": "r"}


def delete() -> Ask:
    return "POST", f"{V3}/delete-traces", {"experiment_id": "7", "request_ids": [TRACE]}


def found_by(condition: str) -> list[str]:
    _, found = ask("POST", f"{V3}/search", {"locations": [PLACE], "filter": condition})
    return [trace["trace_id"] for trace in found.get("traces", [])]


FILTERS = ("", "attributes.run_id = 'r'", "metadata.`mlflow.trace.session` = 's'", "status = 'ERROR'")


def seen() -> Any:
    """All that a reader finds."""
    told = [ask("GET", f"{V3}/get?trace_id={trace_id}&allow_partial=true") for trace_id in (TRACE, OTHER)]
    return [told, *map(found_by, FILTERS)]


def kept() -> list[str]:
    """What there is in both stores, but for days, which are never forgotten."""
    settings = TracingSettings.from_env()
    items = client("dynamodb").scan(TableName=settings.tracing_table_name)["Items"]
    objects = client("s3").list_objects_v2(Bucket=settings.artifact_bucket_name).get("Contents", [])
    keys = [item["pk"]["S"] for item in items if not item["pk"]["S"].startswith("DAYS#")]
    return sorted(keys + [one["Key"] for one in objects])


@pytest.fixture(autouse=True)
def world(installed: None) -> None:
    assert ask(*export())[0] == 200


def spans(trace_id: str) -> list[str]:
    _, found = ask("GET", f"{V3}/get?trace_id={trace_id}&allow_partial=true")
    return [span["name"] for span in found["trace"]["spans"]]


def raced(theirs: Ask, ours: Ask, number: int) -> tuple[tuple[int, Any], tuple[int, Any]]:
    """What they are answered who ask before that write of ours, and what we are."""
    told: list[tuple[int, Any]] = []
    with before_write(number, lambda: told.append(ask(*theirs))):
        answer = ask(*ours)
    return told[0], answer


@pytest.mark.parametrize("number", range(2))
def test_spans_that_come_at_once_are_one_trace(number: int) -> None:
    won, ours = raced(export(NEW, 2), export(NEW, 1), number)
    assert (won[0], ours[0]) == (200, 200)
    assert spans(OTHER) == ["span 1", "span 2"]
    assert found_by("") == [TRACE, OTHER]


@pytest.mark.parametrize("theirs", [tag(), say("theirs"), link(), tell(), export(OLD, 2, NOON - 9)])
@pytest.mark.parametrize("ours", [tag("ours"), export(OLD, 3, NOON - 100_000)])
def test_callers_that_are_in_nobodys_way_both_get_through(theirs: Ask, ours: Ask) -> None:
    won, answer = raced(theirs, ours, 0)
    assert (won[0], answer[0]) == (200, 200)
    _, found = ask("GET", f"{V3}/{TRACE}")
    info = found["trace"]["trace_info"]
    assert {"k"} <= info["tags"].keys() or theirs != tag()
    assert [said["assessment_name"] for said in info.get("assessments", [])] == ["theirs"] * (
        theirs == say("theirs")
    )
    assert found_by(FILTERS[1]) == [TRACE] * (theirs == link())
    assert len(spans(TRACE)) == 1 + [theirs[1], ours[1]].count("/v1/traces")
    assert found_by("") == [TRACE]


def test_who_always_loses_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shelflife.tracing.changes.ATTEMPTS", 1)
    with before_write(0, lambda: ask(*tag())):
        assert is_unavailable(answered(*tag("ours")))


def test_of_two_who_delete_a_trace_one_did() -> None:
    (_, won), (_, ours) = raced(delete(), delete(), 0)
    assert (won, ours) == ({"traces_deleted": 1}, {"traces_deleted": 0})
    assert kept() == []


def test_a_trace_that_is_made_again_while_it_is_deleted_stays() -> None:
    def made_again() -> None:
        assert ask(*delete())[1] == {"traces_deleted": 1}
        assert ask(*export(OLD, 2))[0] == 200

    with before_write(0, made_again):
        assert ask(*delete())[1] == {"traces_deleted": 0}
    assert spans(TRACE) == ["span 2"]


def test_who_changes_a_trace_that_is_deleted_meanwhile_is_told(world: None) -> None:
    _, (status, told) = raced(delete(), tag(), 0)
    assert (status, told["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert kept() == []


#: With how many writes each is made.
CHANGES = {
    "first spans": (export(NEW), 2),
    "spans of another day": (export(NEW, 1, NOON - 100_000), 3),
    "more spans": (export(OLD, 2), 2),
    "earlier spans": (export(OLD, 2, NOON - 100_000), 3),
    "told": (tell(OTHER, 19), 2),
    "told of spans": (tell(TRACE), 1),
    "tagged": (tag(), 1),
    "linked": (link(), 1),
    "said": (say("good"), 1),
    "deleted": (delete(), 3),
}
_CUTS = [(name, number) for name, (_, writes) in CHANGES.items() for number in range(writes + 1)]


@pytest.mark.parametrize("fault", [cut_off, throttled])
@pytest.mark.parametrize(("change", "number"), _CUTS)
def test_a_change_that_ends_half_way_is_seen_whole_or_not_at_all(
    change: str, number: int, fault: Callable[[], object]
) -> None:
    before, (asked, writes) = seen(), CHANGES[change]
    with before_write(number, fault):
        answer = ended(answered, *asked)
    half_way = seen()
    if number < writes:
        assert is_unavailable(answer) is (fault is throttled)
        answer = answered(*asked)
    assert answer["statusCode"] == 200
    assert half_way in (before, seen())
    assert seen() != before
    if change == "deleted":
        assert kept() == []
