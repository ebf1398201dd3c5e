"""The lean door answers, logs and counts as the other one does."""

import json
from itertools import count
from typing import Any

import pytest

from shelflife.contracts.access import Role
from shelflife.entry import observe
from shelflife.entry.gateway import Answer
from shelflife.entry.http import HttpDoor
from shelflife.entry.lean import LeanDoor
from shelflife.entry.records import recorder
from shelflife.kernel.errors import InvalidError, NotFoundError
from shelflife.kernel.names import Context
from tests.harness.events import LambdaContext, http_event

CONTEXT = LambdaContext()
_SERVICES = count(1)


def equip(door: Any) -> Any:
    def show(call: Any, name: str) -> Answer:
        return Answer({"name": name, "caller": call.principal.name}, headers={"x-thing": name})

    def change(call: Any, name: str) -> Answer:
        if name == "broken":
            raise KeyError(name)
        if name == "wrong":
            raise InvalidError("name: is wrong")
        if name == "lost":
            raise NotFoundError("it is lost")
        return Answer({"size": len(call.raw), "type": call.headers["content-type"]})

    def opened(call: Any) -> Answer:
        return Answer({"caller": call.principal.name})

    def large(call: Any) -> Answer:
        return Answer({"text": '"' * 1_600_000})

    door.get("/v2/things/<name>", role=Role.VIEWER)(show)
    door.route("POST", "/v2/things/<name>", role=Role.APPROVER)(change)
    door.get("/v2/open", role=None)(opened)
    door.get("/v2/large", role=None)(large)
    return door


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    # A logger is known by its service for good, and writes to the output that it found first.
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", f"serving-{next(_SERVICES)}")
    # Nobody waited for this process; cold starts have tests of their own.
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "provisioned-concurrency")
    observe.logger.cache_clear()
    observe.metrics.cache_clear()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


REQUESTS: list[dict[str, Any]] = [
    {"method": "GET", "path": "/v2/things/a"},
    {"method": "GET", "path": "/v2/things/a", "role": None},
    {"method": "GET", "path": "/v2/open", "role": None},
    {"method": "GET", "path": "/v2/large"},
    {"method": "POST", "path": "/v2/things/a", "body": {"text": "ü"}},
    {"method": "POST", "path": "/v2/things/a", "body": b"\x00\xff"},
    {"method": "POST", "path": "/v2/things/a", "role": "viewer"},
    {"method": "POST", "path": "/v2/things/wrong"},
    {"method": "POST", "path": "/v2/things/lost"},
    {"method": "POST", "path": "/v2/things/broken"},
    {"method": "DELETE", "path": "/v2/things/a"},
    {"method": "GET", "path": "/v2/nothing/here/at/all"},
]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("asked", REQUESTS, ids=lambda asked: f"{asked['method']} {asked['path']}")
def test_both_doors_answer_and_tell_alike(
    asked: dict[str, Any], version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    event = http_event(**asked, version=version)
    told = []
    for door in (equip(HttpDoor(Context.SERVING)), equip(LeanDoor(Context.SERVING))):
        answer = door.handle(event, CONTEXT)
        headers = answer.get("multiValueHeaders") or answer["headers"]
        plain = {name: value[0] if isinstance(value, list) else value for name, value in headers.items()}
        # Powertools tells of a failure in a line of its own, before the one that every event has.
        *_, record, metrics = lines(capsys)
        told.append((answer["statusCode"], json.loads(answer["body"]), plain, record, metrics))
    (*full, full_line, full_metrics), (*lean, lean_line, lean_metrics) = told
    assert lean == full
    moving = {"milliseconds", "timestamp", "location", "exception", "exception_name", "level", "message"}
    assert {k: v for k, v in lean_line.items() if k not in moving} == {
        k: v for k, v in full_line.items() if k not in moving
    }
    for metrics in (full_metrics, lean_metrics):
        metrics["_aws"]["Timestamp"] = metrics["Duration"] = None
    if lean[0] >= 500:
        # What failed is counted for the whole service, too: alarms watch that.
        assert lean_metrics["_aws"]["CloudWatchMetrics"][0]["Dimensions"].pop() == ["service"]
    assert lean_metrics == full_metrics


def test_a_failure_is_logged_with_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    equip(LeanDoor(Context.SERVING)).handle(http_event("POST", "/v2/things/broken"), CONTEXT)
    line, metrics = lines(capsys)
    assert (line["level"], line["exception_name"]) == ("ERROR", "KeyError")
    assert "raise KeyError(name)" in line["exception"]
    assert metrics["Failures"] == [1.0]


def test_the_log_level_is_obeyed_and_metrics_are_told_all_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "WARNING")
    equip(LeanDoor(Context.SERVING)).handle(http_event("GET", "/v2/open"), CONTEXT)
    (metrics,) = lines(capsys)
    assert metrics["Events"] == [1.0]


def test_a_level_that_is_none_is_info() -> None:
    assert recorder({"POWERTOOLS_LOG_LEVEL": "chatty"})
