"""Our reader of OTLP against the official package's messages."""

import base64
import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

from shelflife.tracing.errors import InvalidSpansError
from shelflife.tracing.model import Span
from shelflife.tracing.otlp import Export, read_protobuf
from shelflife.tracing.otlp_json import read_json

TEXTS = st.text(max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | TEXTS
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.binary(max_size=5)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
ATTRIBUTES = st.dictionaries(TEXTS, VALUES, max_size=4)
TIMES = st.integers(0, 2**64 - 1)


@st.composite
def spans(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "trace_id": draw(st.binary(min_size=16, max_size=16)),
        "span_id": draw(st.binary(min_size=8, max_size=8)),
        "parent_span_id": draw(st.just(b"") | st.binary(min_size=8, max_size=8)),
        "trace_state": draw(TEXTS),
        "flags": draw(st.integers(0, 2**32 - 1)),
        "kind": draw(st.integers(0, 5)),
        "name": draw(TEXTS),
        "start_time_unix_nano": draw(TIMES),
        "end_time_unix_nano": draw(TIMES),
        "dropped_attributes_count": draw(st.integers(0, 9)),
        "attributes": draw(ATTRIBUTES),
        "events": draw(st.lists(st.tuples(TEXTS, TIMES, ATTRIBUTES), max_size=2)),
        "links": draw(st.lists(st.tuples(st.binary(min_size=16, max_size=16), ATTRIBUTES), max_size=2)),
        "status": draw(st.tuples(st.integers(0, 2), TEXTS)),
    }


def set_any(message: Any, value: Any) -> None:
    if isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, dict):
        message.kvlist_value.SetInParent()
        add_all(message.kvlist_value.values, value)
    elif isinstance(value, list):
        message.array_value.SetInParent()
        for item in value:
            set_any(message.array_value.values.add(), item)
    elif value is not None:
        names = {str: "string_value", int: "int_value", float: "double_value", bytes: "bytes_value"}
        setattr(message, names[type(value)], value)


def add_all(pairs: Any, attributes: dict[str, Any]) -> None:
    for key, value in attributes.items():
        pair = pairs.add()
        pair.key = key
        pair.value.SetInParent()
        set_any(pair.value, value)


def proto(told: dict[str, Any]) -> ProtoSpan:
    plain = {name: told[name] for name in told if name not in ("attributes", "events", "links", "status")}
    span = ProtoSpan(**plain)
    add_all(span.attributes, told["attributes"])
    for name, at, attributes in told["events"]:
        event = span.events.add(name=name, time_unix_nano=at)
        add_all(event.attributes, attributes)
    for trace_id, attributes in told["links"]:
        add_all(span.links.add(trace_id=trace_id, span_id=trace_id[:8]).attributes, attributes)
    span.status.code, span.status.message = told["status"]
    return span


def plain(value: Any) -> Any:
    """A value as we keep it: bytes as base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def expected(told: dict[str, Any]) -> Span:
    code, message = told["status"]
    return Span(
        otel_trace_id=told["trace_id"].hex(),
        span_id=told["span_id"].hex(),
        parent_id=told["parent_span_id"].hex() or None,
        name=told["name"],
        start_ns=told["start_time_unix_nano"],
        end_ns=told["end_time_unix_nano"],
        status=("UNSET", "OK", "ERROR")[code],
        status_message=message,
        attributes=plain(told["attributes"]),
        events=tuple(
            {"name": name, "time_unix_nano": at, "attributes": plain(attributes)}
            for name, at, attributes in told["events"]
        ),
        links=tuple(
            {"trace_id": trace_id.hex(), "span_id": trace_id[:8].hex(), "attributes": plain(attributes)}
            for trace_id, attributes in told["links"]
        ),
    )


def request(found: list[dict[str, Any]], resource: dict[str, Any]) -> ExportTraceServiceRequest:
    message = ExportTraceServiceRequest()
    told = message.resource_spans.add()
    add_all(told.resource.attributes, resource)
    for span in found:
        told.scope_spans.add().spans.append(proto(span))
    return message


@settings(deadline=None, max_examples=60)
@given(st.lists(spans(), max_size=3), ATTRIBUTES)
def test_what_the_official_package_writes_is_read(
    found: list[dict[str, Any]], resource: dict[str, Any]
) -> None:
    export = read_protobuf(request(found, resource).SerializeToString())
    assert export == Export(tuple(map(expected, found)), tuple(plain(resource) for _ in found))


@settings(deadline=None, max_examples=40)
@given(st.lists(spans(), max_size=2), ATTRIBUTES)
def test_the_same_as_json_is_read_the_same(found: list[dict[str, Any]], resource: dict[str, Any]) -> None:
    message = request(found, resource)
    document = MessageToDict(message)
    for span in [
        span
        for told in document.get("resourceSpans", [])
        for scope in told.get("scopeSpans", [])
        for span in scope.get("spans", [])
    ]:
        for one in [span, *span.get("links", [])]:
            for name in ("traceId", "spanId", "parentSpanId"):
                if name in one:
                    one[name] = base64.b64decode(one[name]).hex()
    assert read_json(json.dumps(document).encode()) == read_protobuf(message.SerializeToString())


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=200))
@example(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
@example(b"\x0a\x06\x12\x04\x12\x02\x7a\x00")
def test_bytes_that_are_none_are_refused_and_nothing_else_happens(body: bytes) -> None:
    try:
        read_protobuf(body)
    except InvalidSpansError:
        return


@settings(deadline=None, max_examples=80)
@given(spans(), st.data())
def test_an_export_that_was_cut_or_changed_is_read_or_refused(
    told: dict[str, Any], data: st.DataObject
) -> None:
    whole = request([told], {}).SerializeToString()
    at = data.draw(st.integers(0, len(whole) - 1))
    for broken in (whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]):
        try:
            read_protobuf(broken)
        except InvalidSpansError:
            continue


@settings(deadline=None, max_examples=80)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["resourceSpans", "scopeSpans", "spans", "traceId", "attributes", "key", "value"]
                ),
                inner,
                max_size=3,
            )
        ),
    )
)
def test_json_of_any_shape_is_read_or_refused(document: Any) -> None:
    try:
        read_json(json.dumps(document).encode())
    except InvalidSpansError:
        return


def wrapped(number: int, body: bytes) -> bytes:
    """A field of bytes, as protobuf writes it."""
    size, length = len(body), b""
    while size > 0x7F:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + body


def test_deep_nesting_is_refused() -> None:
    value = b""
    for _ in range(150):
        value = wrapped(5, wrapped(1, value))
    body = wrapped(1, bytes(16)) + wrapped(2, bytes(8)) + wrapped(9, wrapped(2, value))
    with pytest.raises(InvalidSpansError, match="nested too deeply"):
        read_protobuf(wrapped(1, wrapped(2, wrapped(2, body))))


@pytest.mark.parametrize(
    ("trace_id", "span_id", "complaint"),
    [(b"", bytes(8), "trace_id has 0 bytes, not 16"), (bytes(16), bytes(7), "span_id has 7 bytes, not 8")],
)
def test_ids_of_another_length_are_refused(trace_id: bytes, span_id: bytes, complaint: str) -> None:
    message = ExportTraceServiceRequest()
    message.resource_spans.add().scope_spans.add().spans.add(trace_id=trace_id, span_id=span_id)
    with pytest.raises(InvalidSpansError, match=complaint):
        read_protobuf(message.SerializeToString())
    with pytest.raises(InvalidSpansError, match="no spans found"):
        read_protobuf(b"")
