"""Traces in the local cloud, sent by an unmodified exporter's bytes and read as MLflow's pages do."""

import gzip

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.harness.installation import Platform

pytestmark = pytest.mark.e2e

TRACES = "/api/3.0/mlflow/traces"
OTEL_ID = "fedcba9876543210" * 2
TRACE_ID = f"tr-{OTEL_ID}"
PLACE = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
SECOND = 1_000_000_000
BEGAN = 1_795_161_600 * SECOND


def export(span_id: int, parent: int | None, start_ns: int) -> bytes:
    message = ExportTraceServiceRequest()
    span = (
        message.resource_spans.add()
        .scope_spans.add()
        .spans.add(
            trace_id=bytes.fromhex(OTEL_ID),
            span_id=span_id.to_bytes(8, "big"),
            name=f"span {span_id}",
            start_time_unix_nano=start_ns,
            end_time_unix_nano=start_ns + SECOND,
        )
    )
    if parent is not None:
        span.parent_span_id = parent.to_bytes(8, "big")
    span.attributes.add(key="session.id").value.string_value = "a session"
    return gzip.compress(message.SerializeToString())


def test_a_trace_comes_together_is_found_and_deleted(platform: Platform) -> None:
    headers = {
        "Authorization": f"Bearer {platform.endpoints.token}",
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "gzip",
        "x-mlflow-experiment-id": "0",
    }
    # The child ends, and is sent, before its root; each begins on another day.
    for span_id, parent, start in ((2, 1, BEGAN), (1, None, BEGAN - 90_000 * SECOND), (2, 1, BEGAN)):
        answer = platform.http.post("/v1/traces", content=export(span_id, parent, start), headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
    trace = platform.get(f"{TRACES}/get?trace_id={TRACE_ID}")["trace"]
    assert [span["name"] for span in trace["spans"]] == ["span 1", "span 2"]
    assert trace["trace_info"]["request_time"] == "2026-11-19T07:00:00Z"
    for text in (
        "",
        "metadata.`mlflow.trace.session` = 'a session'",
        "span.name = 'span 2'",
        "status = 'OK'",
    ):
        found = platform.post(f"{TRACES}/search", {"locations": [PLACE], "filter": text})
        assert [one["trace_id"] for one in found["traces"]] == [TRACE_ID], text
    said = {"assessment_name": "liked", "feedback": {"value": True}}
    platform.post(f"{TRACES}/{TRACE_ID}/assessments", {"assessment": said})
    found = platform.post(f"{TRACES}/search", {"locations": [PLACE], "filter": "feedback.liked = 'true'"})
    assert len(found["traces"]) == 1
    deleted = platform.post(f"{TRACES}/delete-traces", {"experiment_id": "0", "request_ids": [TRACE_ID]})
    assert deleted == {"traces_deleted": 1}
    assert platform.post(f"{TRACES}/search", {"locations": [PLACE]}) == {}
    assert platform.ask("GET", f"{TRACES}/{TRACE_ID}").status_code == 404


def test_a_file_of_spans_goes_to_its_trace_and_other_artifacts_to_storage(platform: Platform) -> None:
    """The address of the file is one of the artifacts', but more specific."""
    otel_id = "00112233445566778899aabbccddeeff"
    info = {"trace_id": f"tr-{otel_id}", "trace_location": PLACE, "request_time": "2026-11-20T08:00:00Z"}
    platform.post(TRACES, {"trace": {"trace_info": info | {"state": "OK"}}})
    span = {"trace_id": "", "span_id": "AQIDBAUGBwg=", "name": "uploaded", "start_time_unix_nano": BEGAN}
    folder = f"/api/2.0/mlflow-artifacts/artifacts/0/traces/tr-{otel_id}/artifacts"
    for name in ("traces.json", "picture.json"):
        assert platform.ask("PUT", f"{folder}/{name}", {"spans": [span]}).status_code == 200
        assert platform.get(f"{folder}/{name}") == {"spans": [span]}
    found = platform.get(f"{TRACES}/get?trace_id=tr-{otel_id}")["trace"]["spans"]
    assert [one["name"] for one in found] == ["uploaded"]
    bucket = platform.resource("foundation", "Artifacts", "AWS::S3::Bucket")
    kept = platform.keys(bucket, f"tracking/0/traces/tr-{otel_id}/")
    assert kept == [f"tracking/0/traces/tr-{otel_id}/artifacts/picture.json"]
