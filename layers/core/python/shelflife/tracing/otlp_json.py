"""OTLP's export of traces as JSON: names as in protobuf's JSON, ids in hexadecimal."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from shelflife.tracing.errors import InvalidSpansError
from shelflife.tracing.model import Span
from shelflife.tracing.otlp import STATUSES, Export, Resource, exported, id_of


def read_json(body: bytes) -> Export:
    """The export.

    Raises:
        InvalidSpansError: it is none.
    """
    try:
        found = _list(json.loads(body), "resourceSpans", "resource_spans")
        return exported([_resource(resource) for resource in found])
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError, OverflowError) as error:
        raise InvalidSpansError(str(error) or type(error).__name__) from error


def _list(document: Any, *names: str) -> list[Any]:
    found = next((document[name] for name in names if name in document), None) or []
    if not isinstance(found, list):
        msg = f"{names[0]} is no list"
        raise TypeError(msg)
    return found


def _one(document: Any, *names: str, default: Any = None) -> Any:
    return next((document[name] for name in names if document.get(name) is not None), default)


def _resource(document: Any) -> Resource:
    attributes = _attributes(document.get("resource") or {})
    scopes = _list(document, "scopeSpans", "scope_spans")
    return attributes, [_span(span) for scope in scopes for span in _list(scope, "spans")]


def _attributes(document: Any) -> dict[str, Any]:
    return {str(pair.get("key", "")): _any(pair.get("value") or {}) for pair in _list(document, "attributes")}


def _any(value: Any) -> Any:
    for name, read in _ANY.items():
        if name in value:
            return read(value[name])
    return None


_ANY: Mapping[str, Callable[[Any], Any]] = {
    "stringValue": str,
    "boolValue": bool,
    "intValue": int,
    "doubleValue": float,
    "arrayValue": lambda found: [_any(value) for value in _list(found, "values")],
    "kvlistValue": lambda found: {
        str(pair.get("key", "")): _any(pair.get("value") or {}) for pair in _list(found, "values")
    },
    "bytesValue": str,
}
_STATUSES: Mapping[Any, str] = {
    **STATUSES,
    **{f"STATUS_CODE_{name}": name for name in STATUSES.values()},
}


def _span(span: Any) -> Span:
    status = span.get("status") or {}
    parent = _one(span, "parentSpanId", "parent_span_id", default="")
    return Span(
        otel_trace_id=id_of(bytes.fromhex(_one(span, "traceId", "trace_id", default="")), "trace_id", 16),
        span_id=id_of(bytes.fromhex(_one(span, "spanId", "span_id", default="")), "span_id", 8),
        parent_id=bytes.fromhex(parent).hex() or None,
        name=str(span.get("name", "")),
        start_ns=int(_one(span, "startTimeUnixNano", "start_time_unix_nano", default=0)),
        end_ns=int(_one(span, "endTimeUnixNano", "end_time_unix_nano", default=0)),
        status=_STATUSES.get(status.get("code", 0), "UNSET"),
        status_message=str(status.get("message", "")),
        attributes=_attributes(span),
        events=tuple(map(_event, _list(span, "events"))),
        links=tuple(map(_link, _list(span, "links"))),
    )


def _event(event: Any) -> dict[str, Any]:
    return {
        "name": str(event.get("name", "")),
        "time_unix_nano": int(_one(event, "timeUnixNano", "time_unix_nano", default=0)),
        "attributes": _attributes(event),
    }


def _link(link: Any) -> dict[str, Any]:
    return {
        "trace_id": bytes.fromhex(_one(link, "traceId", "trace_id", default="")).hex(),
        "span_id": bytes.fromhex(_one(link, "spanId", "span_id", default="")).hex(),
        "attributes": _attributes(link),
    }
