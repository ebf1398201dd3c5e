"""Traces as MLflow's TypeScript client sends them: told, and then a file of spans where the artifacts are."""

import json
from typing import Any

import pytest

from functions.tracing.api.handler import handler
from tests.harness.events import LambdaContext, http_event

V3 = "/api/3.0/mlflow/traces"
OTEL_ID = "00112233445566778899aabbccddeeff"
TRACE_ID = f"tr-{OTEL_ID}"
FILE = f"/api/2.0/mlflow-artifacts/artifacts/7/traces/{TRACE_ID}/artifacts/traces.json"
PLACE = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "7"}}
INFO = {
    "trace_id": TRACE_ID,
    "trace_location": PLACE,
    "request_time": "2026-11-20T08:00:00Z",
    "execution_duration": "1.5s",
    "state": "OK",
    "trace_metadata": {"mlflow.trace_schema.version": "3"},
}
ROOT = {
    "trace_id": "ABEiM0RVZneImaq7zN3u/w==",
    "span_id": "AQIDBAUGBwg=",
    "parent_span_id": "",
    "name": "answer",
    "start_time_unix_nano": 1_795_161_600_000_000_001,
    "end_time_unix_nano": 1_795_161_601_500_000_000,
    "status": {"code": "STATUS_CODE_OK"},
    "attributes": {
        "mlflow.traceRequestId": TRACE_ID,
        "mlflow.spanType": "CHAIN",
        "mlflow.spanInputs": {"question": "why", "numbers": [1, 2.5, None]},
        "mlflow.spanOutputs": "because",
    },
    "events": [{"name": "thought", "time_unix_nano": 1_795_161_600_500_000_000, "attributes": {"a": 1}}],
    "links": [],
}
CHILD = {
    **ROOT,
    "span_id": "CQoLDA0ODxA=",
    "parent_span_id": "AQIDBAUGBwg=",
    "name": "look up",
    "status": {"code": "STATUS_CODE_ERROR", "message": "not there"},
}
SPANS = {"spans": [ROOT, CHILD]}


def ask(method: str, path: str, body: Any = None, **event: Any) -> tuple[int, Any]:
    answer: dict[str, Any] = handler(http_event(method, path, body, **event), LambdaContext())
    return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def told(installed: None) -> None:
    status, answer = ask("POST", V3, {"trace": {"trace_info": INFO}})
    assert status == 200
    location = answer["trace"]["trace_info"]["tags"]["mlflow.artifactLocation"]
    assert f"{FILE.removesuffix('/traces.json')}" == (
        f"/api/2.0/mlflow-artifacts/artifacts/{location.removeprefix('mlflow-artifacts:/')}"
    )


@pytest.mark.usefixtures("told")
def test_uploaded_spans_are_the_traces_and_come_back_as_they_were() -> None:
    for _ in range(2):
        assert ask("PUT", FILE, SPANS) == (200, {})
    assert ask("GET", FILE) == (200, SPANS)
    status, found = ask("GET", f"{V3}/get?trace_id={TRACE_ID}")
    assert status == 200
    root, child = found["trace"]["spans"]
    assert (root["name"], root["span_id"], root["start_time_unix_nano"]) == (
        "answer",
        ROOT["span_id"],
        ROOT["start_time_unix_nano"],
    )
    assert (child["parent_span_id"], child["status"]["message"]) == (ROOT["span_id"], "not there")
    file = ask("GET", f"/api/2.0/mlflow/get-trace-artifact?request_id={TRACE_ID}")[1]["spans"]
    inputs = json.loads(file[0]["attributes"]["mlflow.spanInputs"])
    assert inputs == {"question": "why", "numbers": [1, 2.5, None]}
    assert file[0]["events"] == ROOT["events"]


@pytest.mark.usefixtures("told")
def test_what_the_client_told_of_the_trace_stands() -> None:
    before = ask("GET", f"{V3}/{TRACE_ID}")[1]["trace"]["trace_info"]
    ask("PUT", FILE, SPANS)
    after = ask("GET", f"{V3}/{TRACE_ID}")[1]["trace"]["trace_info"]
    assert {name: after[name] for name in ("state", "request_time", "execution_duration")} == {
        name: before[name] for name in ("state", "request_time", "execution_duration")
    }


@pytest.mark.usefixtures("told")
def test_exported_spans_are_a_file_too() -> None:
    ask("PUT", FILE, SPANS)
    deleted = {"experiment_id": "7", "request_ids": [TRACE_ID]}
    assert ask("POST", f"{V3}/delete-traces", deleted) == (200, {"traces_deleted": 1})
    assert ask("GET", FILE)[0] == 404
    ask("POST", V3, {"trace": {"trace_info": INFO}})
    # The file went with the trace; another of the same id has none.
    assert ask("GET", FILE) == (200, {"spans": []})


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    "body",
    [
        "nonsense",
        "[]",
        "{}",
        {"spans": 5},
        {"spans": [5]},
        {"spans": [{}]},
        {"spans": [ROOT | {"span_id": "no base64!"}]},
        {"spans": [ROOT | {"start_time_unix_nano": "soon"}]},
        {"spans": [ROOT | {"attributes": ["a"]}]},
        {"spans": [ROOT | {"events": 5}]},
    ],
    ids=str,
)
def test_what_is_no_file_of_spans_is_refused(body: Any) -> None:
    status, told = ask("PUT", FILE, body)
    assert (status, told["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "file of spans" in told["message"]


def test_a_trace_that_was_not_told_is_404(installed: None) -> None:
    for asked in (("PUT", FILE, SPANS), ("GET", FILE)):
        assert ask(*asked)[1]["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_viewers_read_and_do_not_upload(told: None) -> None:
    assert ask("PUT", FILE, SPANS, role="viewer")[0] == 403
    assert ask("GET", FILE, role="viewer")[0] == 200
