"""Spans as OTLP carries them: protobuf, of which this writes the few messages that spans are made of.

Field numbers are those of opentelemetry-proto's trace/v1, common/v1 and collector/trace/v1. What is read is
the JSON form of the same messages, as `traces/get` answers it: names in snake case, bytes in base64.
"""

import base64
import json
import struct
from collections.abc import Callable, Iterable
from typing import Any, Final

Json = dict[str, Any]

_VARINT, _FIXED64, _BYTES = 0, 1, 2
_STATUS: Final = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
_KINDS: Final = {
    f"SPAN_KIND_{name}": number
    for number, name in enumerate(("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"))
}
_MASK: Final = (1 << 64) - 1
_SEVEN_BITS: Final = 0x7F


def request(spans: Iterable[Json]) -> bytes:
    """The body of one export of these spans."""
    scope_spans = b"".join(_field(2, _span(span)) for span in spans)
    return _field(1, _field(2, scope_spans))


def spans_of_artifact(told: Json) -> list[Json]:
    """The spans of a trace that older servers keep as a file; values of attributes are JSON texts there."""
    return [
        {
            "trace_id": span["trace_id"],
            "span_id": span["span_id"],
            "parent_span_id": span.get("parent_span_id") or "",
            "name": span.get("name", ""),
            "start_time_unix_nano": span.get("start_time_unix_nano", 0),
            "end_time_unix_nano": span.get("end_time_unix_nano") or 0,
            "attributes": _attributes_of_texts(span.get("attributes", {})),
            "events": [
                {
                    "name": event.get("name", ""),
                    "time_unix_nano": event.get("time_unix_nano", 0),
                    "attributes": _attributes(event.get("attributes", {})),
                }
                for event in span.get("events", ())
            ],
            "status": span.get("status", {}),
        }
        for span in told.get("spans", ())
    ]


def _span(span: Json) -> bytes:
    parts = [
        _field(1, _id(span["trace_id"])),
        _field(2, _id(span["span_id"])),
        _text(3, span.get("trace_state", "")),
        _field(4, _id(span["parent_span_id"])) if span.get("parent_span_id") else b"",
        _text(5, span.get("name", "")),
        _number(6, _KINDS.get(span.get("kind", ""), 0)),
        _fixed(7, int(span.get("start_time_unix_nano") or 0)),
        _fixed(8, int(span.get("end_time_unix_nano") or 0)),
        *(_field(9, _pair(pair)) for pair in span.get("attributes", ())),
        *(_field(11, _event(event)) for event in span.get("events", ())),
        *(_field(13, _link(link)) for link in span.get("links", ())),
        _field(15, _status(span["status"])) if span.get("status") else b"",
    ]
    return b"".join(parts)


def _event(event: Json) -> bytes:
    attributes = b"".join(_field(3, _pair(pair)) for pair in event.get("attributes", ()))
    return _fixed(1, int(event.get("time_unix_nano") or 0)) + _text(2, event.get("name", "")) + attributes


def _link(link: Json) -> bytes:
    attributes = b"".join(_field(4, _pair(pair)) for pair in link.get("attributes", ()))
    return _field(1, _id(link["trace_id"])) + _field(2, _id(link["span_id"])) + attributes


def _status(status: Json) -> bytes:
    return _text(2, status.get("message", "")) + _number(3, _STATUS.get(status.get("code", ""), 0))


def _pair(pair: Json) -> bytes:
    return _text(1, pair["key"]) + _field(2, _value(pair.get("value", {})))


def _value(value: Json) -> bytes:
    """An AnyValue; one that is nothing is empty."""
    return b"".join(_VALUES[name](told) for name, told in value.items())


def _array(told: Json) -> bytes:
    return _field(5, b"".join(_field(1, _value(one)) for one in told.get("values", ())))


def _mapping(told: Json) -> bytes:
    return _field(6, b"".join(_field(1, _pair(one)) for one in told.get("values", ())))


_VALUES: Final[dict[str, Callable[[Any], bytes]]] = {
    "string_value": lambda told: _field(1, told.encode()),
    "bool_value": lambda told: _key(2, _VARINT) + _varint(int(told)),
    "int_value": lambda told: _key(3, _VARINT) + _varint(int(told)),
    "double_value": lambda told: _key(4, _FIXED64) + struct.pack("<d", float(told)),
    "array_value": _array,
    "kvlist_value": _mapping,
    "bytes_value": lambda told: _field(7, base64.b64decode(told)),
}


def _attributes_of_texts(told: Json) -> list[Json]:
    return [{"key": key, "value": any_value(_plain(value))} for key, value in told.items()]


def _attributes(told: Json) -> list[Json]:
    return [{"key": key, "value": any_value(value)} for key, value in told.items()]


def any_value(value: Any) -> Json:
    """An AnyValue of a plain one."""
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, int):
        return {"int_value": value}
    if isinstance(value, float):
        return {"double_value": value}
    if isinstance(value, list):
        return {"array_value": {"values": [any_value(one) for one in value]}}
    if isinstance(value, dict):
        return {"kvlist_value": {"values": _attributes(value)}}
    return {} if value is None else {"string_value": str(value)}


def _plain(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _id(told: str) -> bytes:
    return base64.b64decode(told)


def _field(number: int, content: bytes) -> bytes:
    return _key(number, _BYTES) + _varint(len(content)) + content


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode()) if text else b""


def _number(number: int, value: int) -> bytes:
    return _key(number, _VARINT) + _varint(value) if value else b""


def _fixed(number: int, value: int) -> bytes:
    return _key(number, _FIXED64) + struct.pack("<Q", value) if value else b""


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    value &= _MASK
    told = bytearray()
    while value > _SEVEN_BITS:
        told.append(value & _SEVEN_BITS | 0x80)
        value >>= 7
    told.append(value)
    return bytes(told)
