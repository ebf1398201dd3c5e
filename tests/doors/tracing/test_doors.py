import gzip
import json
import zlib
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from functions.tracing.api.handler import handler
from shelflife.aws.items import Items, TableUnavailableError
from tests.harness.events import LambdaContext, golden, http_event

V2 = "/api/2.0/mlflow/traces"
V3 = "/api/3.0/mlflow/traces"
OTEL_ID = "0123456789abcdef" * 2
TRACE_ID = f"tr-{OTEL_ID}"
HEADERS = {"content-type": "application/x-protobuf", "x-mlflow-experiment-id": "7"}
PLACE = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "7"}}
INFO = {"trace_id": "tr-a", "trace_location": PLACE, "request_time": "2026-11-20T08:00:00Z", "state": "OK"}


def answered(method: str, path: str, body: Any = None, **event: Any) -> dict[str, Any]:
    answer: dict[str, Any] = handler(http_event(method, path, body, **event), LambdaContext())
    return answer


def ask(method: str, path: str, body: Any = None, **event: Any) -> tuple[int, Any]:
    answer = answered(method, path, body, **event)
    return answer["statusCode"], json.loads(answer["body"])


def export(**more: Any) -> bytes:
    message = ExportTraceServiceRequest()
    known = {"trace_id": bytes.fromhex(OTEL_ID), "span_id": bytes(range(1, 9)), "name": "asked"} | more
    span = (
        message.resource_spans.add()
        .scope_spans.add()
        .spans.add(
            start_time_unix_nano=1_795_161_600_123_456_789,
            end_time_unix_nano=1_795_161_601_123_456_789,
            **known,
        )
    )
    span.attributes.add(key="tokens").value.int_value = 3
    return bytes(message.SerializeToString())


def send(body: bytes, **headers: str) -> dict[str, Any]:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return answered("POST", "/v1/traces", body, headers=HEADERS | told)


def test_a_golden_event_tells_its_trace(installed: None) -> None:
    assert handler(golden("tracing/api"), LambdaContext())["statusCode"] == 200
    status, found = ask("GET", f"{V3}/tr-3814c54c6f6c88ff74ed17fbecfaef71")
    assert (status, found["trace"]["trace_info"]["request_preview"]) == (200, "why")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_spans_are_taken_as_protobuf_and_shown_as_mlflow_shows_them(installed: None, version: str) -> None:
    answer = answered("POST", "/v1/traces", export(), headers=HEADERS, version=version)
    assert (answer["statusCode"], answer["body"]) == (200, "")
    headers = answer.get("headers") or {name: value[0] for name, value in answer["multiValueHeaders"].items()}
    assert headers["Content-Type"] == "application/x-protobuf"
    status, found = ask("GET", f"{V3}/get?trace_id={TRACE_ID}&allow_partial=True", version=version)
    assert status == 200
    (span,) = found["trace"]["spans"]
    assert span["trace_id"] == "ASNFZ4mrze8BI0VniavN7w=="
    assert (span["span_id"], "parent_span_id" in span) == ("AQIDBAUGBwg=", False)
    assert span["start_time_unix_nano"] == 1_795_161_600_123_456_789
    assert {"key": "tokens", "value": {"int_value": 3}} in span["attributes"]
    assert {"key": "mlflow.traceRequestId", "value": {"string_value": TRACE_ID}} in span["attributes"]
    info = found["trace"]["trace_info"]
    assert (info["request_time"], info["execution_duration"], info["state"]) == (
        "2026-11-20T08:00:00.123Z",
        "1s",
        "OK",
    )


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body)[2:-4]),
        ("identity", bytes),
    ],
)
def test_exports_may_be_compressed(installed: None, coding: str, encode: Any) -> None:
    assert send(encode(export()), content_encoding=coding)["statusCode"] == 200
    assert ask("GET", f"{V3}/{TRACE_ID}")[0] == 200


def test_spans_are_taken_as_json(installed: None) -> None:
    span = {"traceId": OTEL_ID, "spanId": "01" * 8, "name": "x", "startTimeUnixNano": "5000000", "kind": 1}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    headers = HEADERS | {"content-type": "application/json; charset=utf-8", "x-mlflow-run-id": "r"}
    assert ask("POST", "/v1/traces", body, headers=headers) == (200, {})
    _, found = ask("POST", f"{V3}/search", {"locations": [PLACE], "filter": "attributes.run_id = 'r'"})
    assert found["traces"][0]["request_time"] == "1970-01-01T00:00:00.005Z"


@pytest.mark.parametrize(
    ("body", "headers", "complaint"),
    [
        (b"\xff\xff\xff", {}, "no OTLP export"),
        (b"", {}, "no spans found"),
        (export(trace_id=b"1"), {}, "trace_id has 1 bytes, not 16"),
        (b"[]", {"content-type": "application/json"}, "no OTLP export"),
        (export(), {"content-type": "text/plain"}, "'text/plain'"),
        (export(), {"x-mlflow-experiment-id": "abc"}, "'abc' is no number"),
        (export(), {"x-mlflow-experiment-id": ""}, "'' is no number"),
        (export(), {"content-encoding": "gzip"}, "the body is not gzip"),
    ],
)
def test_an_export_that_cannot_be_read_is_refused(
    installed: None, body: bytes, headers: dict[str, str], complaint: str
) -> None:
    status, found = ask("POST", "/v1/traces", body, headers=HEADERS | headers)
    assert (status, found["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert complaint in found["message"]
    assert ask("POST", f"{V3}/search", {"locations": [PLACE]}) == (200, {})


@pytest.mark.parametrize(
    ("method", "path", "body", "complaint"),
    [
        ("POST", V3, {}, "trace: Field required"),
        ("POST", V3, {"trace": {"trace_info": INFO | {"trace_id": "a/b"}}}, "got 'a/b'"),
        ("POST", V3, {"trace": {"trace_info": INFO | {"request_time": "noon"}}}, "got 'noon'"),
        (
            "POST",
            V3,
            {"trace": {"trace_info": INFO | {"trace_location": {}}}},
            "mlflow_experiment is missing",
        ),
        ("POST", f"{V3}/search", {}, "locations: Field required"),
        ("POST", f"{V3}/search", {"locations": [PLACE], "max_results": 501}, "got 501"),
        ("POST", f"{V3}/search", {"locations": [PLACE], "page_token": "nonsense"}, "'nonsense'"),
        ("POST", f"{V3}/search", {"locations": [PLACE], "filter": "colour = 'red'"}, "no attribute 'colour'"),
        ("POST", f"{V3}/search", {"locations": [PLACE], "filter": "span.colour = 'red'"}, "no span.colour"),
        ("POST", f"{V3}/search", {"locations": [PLACE], "filter": "name RLIKE '('"}, "no regular expression"),
        ("POST", f"{V3}/search", {"locations": [PLACE], "filter": "prompt = 'x'"}, "expected 'name/version'"),
        ("POST", f"{V3}/search", {"locations": [PLACE], "filter": "feedback.a > 'x'"}, "expected a number"),
        ("POST", f"{V3}/search", {"locations": [PLACE], "order_by": ["prompt"]}, "'prompt' does not order"),
        ("POST", f"{V3}/tr-a/assessments", {"assessment": {"assessment_name": "a"}}, "one of feedback"),
        ("POST", f"{V3}/delete-traces", {"experiment_id": "7"}, "neither max_timestamp_millis"),
        ("GET", f"{V3}/batchGet", None, "trace_ids: Field required"),
    ],
)
def test_what_cannot_be_understood_is_told(
    installed: None, method: str, path: str, body: Any, complaint: str
) -> None:
    status, found = ask(method, path, body)
    assert (status, found["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert complaint in found["message"]


def test_clients_before_3_begin_and_end_their_traces(installed: None) -> None:
    begun = {"experiment_id": "7", "timestamp_ms": 5, "request_metadata": [{"key": "a", "value": "b"}]}
    _, made = ask("POST", V2, begun)
    trace_id = made["trace_info"]["request_id"]
    assert made["trace_info"]["status"] == "IN_PROGRESS"
    ended = {"timestamp_ms": "12", "status": "OK", "tags": [{"key": "mlflow.traceName", "value": "x"}]}
    assert ask("PATCH", f"{V2}/{trace_id}", ended)[0] == 200
    _, found = ask("GET", f"{V2}/{trace_id}/info")
    assert (found["trace_info"]["execution_time_ms"], found["trace_info"]["status"]) == (7, "OK")
    assert ask("GET", f"{V2}?experiment_ids=7&max_results=5")[1]["traces"] == [found["trace_info"]]


def test_pages_read_spans_as_a_file(installed: None) -> None:
    send(export())
    answer = answered("GET", f"/ajax-api/2.0/mlflow/get-trace-artifact?request_id={TRACE_ID}")
    (span,) = json.loads(answer["body"])["spans"]
    assert (span["name"], span["attributes"]["tokens"]) == ("asked", "3")
    assert answer["headers"]["X-Content-Type-Options"] == "nosniff"


def test_viewers_read_and_do_not_write(installed: None) -> None:
    assert ask("POST", f"{V3}/search", {"locations": [PLACE]}, role="viewer")[0] == 200
    status, found = ask("POST", V3, {"trace": {"trace_info": INFO}}, role="viewer")
    assert (status, found["error_code"]) == (403, "PERMISSION_DENIED")
    assert answered("POST", "/v1/traces", export(), headers=HEADERS, role="viewer")["statusCode"] == 403
    assert answered("POST", "/v1/traces", export(), headers=HEADERS, role=None)["statusCode"] == 401


def test_a_store_that_does_not_answer_now_is_told_with_when_to_come_again(
    installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overwhelmed(*_: Any, **__: Any) -> None:
        raise TableUnavailableError("tracing-table", "ThrottlingException")

    monkeypatch.setattr(Items, "get", overwhelmed)
    answer = send(export())
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "1")
    assert json.loads(answer["body"])["error_code"] == "TEMPORARILY_UNAVAILABLE"


def test_figures_are_answered_as_pages_ask_for_them(installed: None) -> None:
    send(export())
    question: dict[str, Any] = {
        "experiment_ids": ["7"],
        "view_type": "TRACES",
        "metric_name": "latency",
        "aggregations": [
            {"aggregation_type": "PERCENTILE", "percentile_value": 50},
            {"aggregation_type": "AVG"},
        ],
        "time_interval_seconds": "3600",
        "start_time_ms": "1795161600000",
        "end_time_ms": 1_795_165_200_000,
    }
    status, found = ask("POST", f"{V3}/metrics", question)
    point = {
        "metric_name": "latency",
        "dimensions": {"time_bucket": "2026-11-20T08:00:00+00:00"},
        "values": {"P50.0": 1000.0, "AVG": 1000.0},
    }
    assert (status, found) == (200, {"data_points": [point]})
    refused: list[tuple[dict[str, Any], str]] = [
        ({"metric_name": "colour"}, "'colour'"),
        ({"dimensions": ["span_name"]}, "'span_name'"),
        ({"aggregations": [{"aggregation_type": "SUM"}]}, "'SUM'"),
        ({"filters": ["trace.colour = 'red'"]}, "no trace.colour"),
        ({"start_time_ms": None}, "for intervals"),
    ]
    for wrong, complaint in refused:
        status, found = ask("POST", f"{V3}/metrics", question | wrong)
        assert (status, found["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert complaint in found["message"]
