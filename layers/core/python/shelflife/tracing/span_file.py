"""The file of spans that some of MLflow's clients upload with a trace, in place of an export.

It is JSON: ``{"spans": [...]}`` with ids in base64, times in nanoseconds, and attributes as themselves or as
JSON in a text. Ids of the trace are not read: the file's place says whose spans they are.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from shelflife.tracing.errors import InvalidSpanFileError
from shelflife.tracing.model import Span

FILE_TYPE = "application/json"
_PREFIX = "tr-"
_STATUS = "STATUS_CODE_"
_STATUSES = {"UNSET", "OK", "ERROR"}


def read_file(body: bytes, trace_id: str) -> list[Span]:
    """The spans.

    Raises:
        InvalidSpanFileError: the body is no such file.
    """
    try:
        document = json.loads(body)
        found = document["spans"]
        return [_span(span, trace_id.removeprefix(_PREFIX)) for span in _list(found, "spans")]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise InvalidSpanFileError(str(error) or type(error).__name__) from error


def _span(document: Mapping[str, Any], otel_trace_id: str) -> Span:
    parent = document.get("parent_span_id")
    status = document.get("status") or {}
    code = str(status.get("code") or "UNSET").removeprefix(_STATUS)
    return Span(
        otel_trace_id=otel_trace_id,
        span_id=_id(document["span_id"]),
        parent_id=_id(parent) if parent else None,
        name=str(document.get("name") or ""),
        start_ns=int(document["start_time_unix_nano"]),
        end_ns=int(document.get("end_time_unix_nano") or 0),
        status=code if code in _STATUSES else "UNSET",
        status_message=str(status.get("message") or ""),
        attributes=_attributes(document),
        events=tuple(_event(event) for event in _list(document.get("events") or [], "events")),
        links=tuple(_link(link) for link in _list(document.get("links") or [], "links")),
    )


def _event(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": str(document.get("name") or ""),
        "time_unix_nano": int(document.get("time_unix_nano") or 0),
        "attributes": _attributes(document),
    }


def _link(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "trace_id": str(document["trace_id"]).removeprefix(_PREFIX),
        "span_id": str(document["span_id"]),
        "attributes": _attributes(document),
    }


def _attributes(document: Mapping[str, Any]) -> dict[str, Any]:
    found = document.get("attributes") or {}
    if not isinstance(found, dict):
        msg = "attributes are no object"
        raise TypeError(msg)
    return found


def _list(found: Any, name: str) -> list[Any]:
    if not isinstance(found, list):
        msg = f"{name} is no list"
        raise TypeError(msg)
    return found


def _id(told: Any) -> str:
    return base64.b64decode(str(told), validate=True).hex()
