"""OTLP's export of traces, read from protobuf's bytes.

The format is protobuf's (fields of a number and a wire type each), the messages are those of
``opentelemetry/proto/collector/trace/v1``. The protobuf package would cost every cold start a third of what
the rest of this function costs; what is read here is small and does not change.
"""

import base64
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shelflife.tracing.errors import InvalidSpansError
from shelflife.tracing.model import Span

PROTOBUF = "application/x-protobuf"
_DEPTH = 100
_VARINT, _FIXED64, _BYTES, _GROUP, _GROUP_END, _FIXED32 = range(6)
_LONGEST_VARINT = 10
STATUSES = {0: "UNSET", 1: "OK", 2: "ERROR"}
_SIGN = 1 << 63


@dataclass(frozen=True, slots=True)
class Export:
    """Spans of one export, with the attributes of the resource that each came from."""

    spans: tuple[Span, ...]
    resources: tuple[Mapping[str, Any], ...]


def read_protobuf(body: bytes) -> Export:
    """The export.

    Raises:
        InvalidSpansError: the bytes are none.
    """
    try:
        return exported(_request(body))
    except (ValueError, IndexError, struct.error, RecursionError) as error:
        raise InvalidSpansError(str(error) or type(error).__name__) from error


Resource = tuple[dict[str, Any], list[Span]]


def exported(resources: list[Resource]) -> Export:
    if not resources:
        raise InvalidSpansError("no spans found")
    spans = tuple(span for _, found in resources for span in found)
    return Export(spans, tuple(attributes for attributes, found in resources for _ in found))


def _fields(data: memoryview, depth: int = 0) -> Iterator[tuple[int, int, Any]]:
    """Number, wire type and value of each field of a message; groups are passed over."""
    if depth > _DEPTH:
        msg = "it is nested too deeply"
        raise ValueError(msg)
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            msg = "a field has number 0"
            raise ValueError(msg)
        if kind == _GROUP:
            at = _after_group(data, at, number, depth)
            continue
        value, at = _value(data, at, kind)
        yield number, kind, value


def _value(data: memoryview, at: int, kind: int) -> tuple[Any, int]:
    if kind == _VARINT:
        return _varint(data, at)
    if kind == _BYTES:
        size, at = _varint(data, at)
        if size > len(data) - at:
            msg = "it ends within a field"
            raise ValueError(msg)
        return data[at : at + size], at + size
    if kind == _FIXED64:
        return struct.unpack_from("<Q", data, at)[0], at + 8
    if kind == _FIXED32:
        return struct.unpack_from("<I", data, at)[0], at + 4
    msg = f"a field has wire type {kind}"
    raise ValueError(msg)


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    number = 0
    for place in range(_LONGEST_VARINT):
        byte = data[at + place]
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that another byte follows
            return number & (2**64 - 1), at + place + 1
    msg = "a number is too long"
    raise ValueError(msg)


def _after_group(data: memoryview, at: int, number: int, depth: int) -> int:
    if depth > _DEPTH:
        msg = "it is nested too deeply"
        raise ValueError(msg)
    while True:
        tag, at = _varint(data, at)
        if tag & 7 == _GROUP_END:
            if tag >> 3 != number:
                msg = "a group ends that did not begin"
                raise ValueError(msg)
            return at
        if tag & 7 == _GROUP:
            at = _after_group(data, at, tag >> 3, depth + 1)
        else:
            _, at = _value(data, at, tag & 7)


def _messages(data: memoryview, number: int) -> Iterator[memoryview]:
    return (value for found, kind, value in _fields(data) if found == number and kind == _BYTES)


def _request(body: bytes) -> list[Resource]:
    return [_resource(found) for found in _messages(memoryview(body), 1)]


def _resource(data: memoryview) -> Resource:
    attributes: dict[str, Any] = {}
    spans: list[Span] = []
    for number, kind, value in _fields(data):
        if (number, kind) == (1, _BYTES):
            attributes |= _attributes(_messages(value, 1))
        elif (number, kind) == (2, _BYTES):
            spans += [_span(found) for found in _messages(value, 2)]
    return attributes, spans


def _attributes(messages: Iterator[memoryview]) -> dict[str, Any]:
    return dict(_pair(message, 0) for message in messages)


def _pair(data: memoryview, depth: int) -> tuple[str, Any]:
    key, value = "", None
    for number, kind, found in _fields(data, depth):
        if (number, kind) == (1, _BYTES):
            key = _text(found)
        elif (number, kind) == (2, _BYTES):
            value = _any(found, depth + 1)
    return key, value


def _any(data: memoryview, depth: int) -> Any:
    value: Any = None
    for number, kind, found in _fields(data, depth):
        read = _ANY.get((number, kind))
        if read is not None:
            value = read(found, depth)
    return value


def _array(data: memoryview, depth: int) -> list[Any]:
    return [_any(found, depth + 1) for found in _messages(data, 1)]


def _text(data: memoryview) -> str:
    return bytes(data).decode()


def _signed(number: int) -> int:
    return number - (1 << 64) if number & _SIGN else number


def _double(number: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<Q", number))[0]
    return value


_ANY: Mapping[tuple[int, int], Callable[[Any, int], Any]] = {
    (1, _BYTES): lambda found, _: _text(found),
    (2, _VARINT): lambda found, _: bool(found),
    (3, _VARINT): lambda found, _: _signed(found),
    (4, _FIXED64): lambda found, _: _double(found),
    (5, _BYTES): _array,
    (6, _BYTES): lambda found, depth: dict(_pair(pair, depth + 1) for pair in _messages(found, 1)),
    (7, _BYTES): lambda found, _: base64.b64encode(found).decode(),
}


def _known(data: memoryview, kinds: Mapping[int, int]) -> dict[int, Any]:
    """Fields of these numbers and wire types, the last of each number; others are passed over."""
    return {number: value for number, kind, value in _fields(data) if kinds.get(number) == kind}


def _span(data: memoryview) -> Span:
    found = _known(data, _SPAN)
    status = _known(found.get(15, _EMPTY), {2: _BYTES, 3: _VARINT})
    return Span(
        otel_trace_id=id_of(bytes(found.get(1, b"")), "trace_id", 16),
        span_id=id_of(bytes(found.get(2, b"")), "span_id", 8),
        parent_id=bytes(found.get(4, b"")).hex() or None,
        name=_text(found.get(5, _EMPTY)),
        start_ns=found.get(7, 0),
        end_ns=found.get(8, 0),
        status=STATUSES.get(status.get(3, 0), "UNSET"),
        status_message=_text(status.get(2, _EMPTY)),
        attributes=_attributes(_messages(data, 9)),
        events=tuple(map(_event, _messages(data, 11))),
        links=tuple(map(_link, _messages(data, 13))),
    )


_EMPTY = memoryview(b"")
#: Fields of a span that are read once, and their wire types.
_SPAN = {1: _BYTES, 2: _BYTES, 4: _BYTES, 5: _BYTES, 7: _FIXED64, 8: _FIXED64, 15: _BYTES}


def _event(data: memoryview) -> dict[str, Any]:
    found = _known(data, {1: _FIXED64, 2: _BYTES})
    return {
        "name": _text(found.get(2, _EMPTY)),
        "time_unix_nano": found.get(1, 0),
        "attributes": _attributes(_messages(data, 3)),
    }


def _link(data: memoryview) -> dict[str, Any]:
    found = _known(data, {1: _BYTES, 2: _BYTES})
    return {
        "trace_id": bytes(found.get(1, b"")).hex(),
        "span_id": bytes(found.get(2, b"")).hex(),
        "attributes": _attributes(_messages(data, 4)),
    }


def id_of(found: bytes, name: str, size: int) -> str:
    if len(found) != size:
        msg = f"{name} has {len(found)} bytes, not {size}"
        raise ValueError(msg)
    return found.hex()
