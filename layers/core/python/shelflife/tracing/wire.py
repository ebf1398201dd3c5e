"""What MLflow's clients are answered: nothing unset or empty, times in RFC 3339, ids of spans in base64."""

import base64
import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shelflife.tracing.metrics import Point
from shelflife.tracing.model import Assessment, AssessmentKind, Span, Trace

#: As much of tags and metadata is told as MLflow itself tells.
_METADATA, _TAG_KEY, _TAG_VALUE = 250, 250, 4096
_SECOND = 1000
FILE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Disposition": "attachment; filename=traces.json",
}


def info_json(trace: Trace) -> dict[str, Any]:
    return _filled(
        {
            "trace_id": trace.trace_id,
            "client_request_id": trace.client_request_id,
            "trace_location": {
                "type": "MLFLOW_EXPERIMENT",
                "mlflow_experiment": {"experiment_id": trace.experiment_id},
            },
            "request_time": moment(trace.request_time),
            "execution_duration": None if trace.duration is None else _duration(trace.duration),
            "state": trace.state.value,
            "trace_metadata": _cut(trace.metadata, _METADATA, _METADATA),
            "assessments": [assessment_json(trace.trace_id, said) for said in trace.assessments],
            "tags": _cut(trace.tags, _TAG_KEY, _TAG_VALUE),
            "request_preview": trace.request_preview,
            "response_preview": trace.response_preview,
        }
    )


def info_json_v2(trace: Trace) -> dict[str, Any]:
    return {
        "request_id": trace.trace_id,
        "experiment_id": trace.experiment_id,
        "timestamp_ms": trace.request_time,
        "execution_time_ms": trace.duration or 0,
        "status": trace.state.value,
        "request_metadata": _pairs(_cut(trace.metadata, _METADATA, _METADATA)),
        "tags": _pairs(_cut(trace.tags, _TAG_KEY, _TAG_VALUE)),
    }


def trace_json(trace: Trace, spans: Iterable[Span]) -> dict[str, Any]:
    return _filled({"trace_info": info_json(trace), "spans": [span_json(span) for span in spans]})


def assessment_json(trace_id: str, said: Assessment) -> dict[str, Any]:
    return _filled(
        {
            "assessment_id": said.assessment_id,
            "assessment_name": said.name,
            "trace_id": trace_id,
            "span_id": said.span_id,
            "source": _filled({"source_type": said.source_type, "source_id": said.source_id}),
            "create_time": moment(said.created_at),
            "last_update_time": moment(said.updated_at),
            said.kind.value: _value_json(said),
            "rationale": said.rationale,
            "metadata": dict(said.metadata),
            "overrides": said.overrides,
            "valid": said.valid,
        }
    )


def span_json(span: Span) -> dict[str, Any]:
    status = {"message": span.status_message or None}
    status["code"] = None if span.status == "UNSET" else f"STATUS_CODE_{span.status}"
    shown = {
        "trace_id": _base64(span.otel_trace_id),
        "span_id": _base64(span.span_id),
        "parent_span_id": _base64(span.parent_id) if span.parent_id else None,
        "name": span.name or None,
        "start_time_unix_nano": span.start_ns or None,
        "end_time_unix_nano": span.end_ns or None,
        "attributes": _attributes(span.attributes),
        "events": [_event_json(event) for event in span.events],
        "links": [_link_json(link) for link in span.links],
    }
    return {**_filled(shown), "status": _filled(status)}


def file_json(spans: Iterable[Span]) -> str:
    """Spans as MLflow keeps them in a file, which its pages read: every attribute is JSON in a text."""
    return json.dumps({"spans": [_span_in_file(span) for span in spans]}, ensure_ascii=False)


def point_json(metric: str, point: Point) -> dict[str, Any]:
    return _filled(
        {"metric_name": metric, "dimensions": dict(point.dimensions), "values": dict(point.values)}
    )


def moment(milliseconds: int) -> str:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    fraction = f".{milliseconds % _SECOND:03}" if milliseconds % _SECOND else ""
    return f"{at:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _duration(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, _SECOND)
    return f"{seconds}.{rest:03}s" if rest else f"{seconds}s"


def _value_json(said: Assessment) -> dict[str, Any]:
    if said.kind is AssessmentKind.ISSUE:
        return {"issue_name": said.value}
    if said.serialized:
        told = {"serialization_format": "JSON_FORMAT", "value": json.dumps(said.value)}
        return {"serialized_value": told}
    return {"value": said.value} | ({"error": dict(said.error)} if said.error else {})


def _span_in_file(span: Span) -> dict[str, Any]:
    return {
        "trace_id": _base64(span.otel_trace_id),
        "span_id": _base64(span.span_id),
        "parent_span_id": _base64(span.parent_id) if span.parent_id else None,
        "name": span.name,
        "start_time_unix_nano": span.start_ns,
        "end_time_unix_nano": span.end_ns or None,
        "events": [dict(event) for event in span.events],
        "status": {"code": f"STATUS_CODE_{span.status}", "message": span.status_message},
        "attributes": {key: json.dumps(value, ensure_ascii=False) for key, value in span.attributes.items()},
        "links": [{**link, "trace_id": f"tr-{link['trace_id']}"} for link in span.links],
    }


def _event_json(event: Mapping[str, Any]) -> dict[str, Any]:
    shown = {
        "time_unix_nano": event["time_unix_nano"] or None,
        "name": event["name"] or None,
        "attributes": _attributes(event["attributes"]),
    }
    return _filled(shown)


def _link_json(link: Mapping[str, Any]) -> dict[str, Any]:
    shown = {
        "trace_id": _base64(link["trace_id"]),
        "span_id": _base64(link["span_id"]),
        "attributes": _attributes(link["attributes"]),
    }
    return _filled(shown)


def _attributes(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key} if value is None else {"key": key, "value": _any(value)}
        for key, value in attributes.items()
    ]


def _any(value: Any) -> dict[str, Any]:
    """A value as OTLP writes it in JSON."""
    if isinstance(value, list):
        return {"array_value": {"values": [_any(item) for item in value]} if value else {}}
    if isinstance(value, Mapping):
        return {"kvlist_value": {"values": _attributes(value)} if value else {}}
    return {name: show(value) for kind, name, show in _SCALARS if type(value) is kind}


def _double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


_SCALARS: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (bool, "bool_value", bool),
    (str, "string_value", str),
    (int, "int_value", int),
    (float, "double_value", _double),
)


def _base64(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def _cut(texts: Mapping[str, str], key: int, value: int) -> dict[str, str]:
    return {name[:key]: text[:value] for name, text in texts.items()}


def _pairs(texts: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in texts.items()]


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value not in ([], {})}
