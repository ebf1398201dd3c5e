"""Spans as protobuf: the fields of the messages, by their numbers."""

import base64
from typing import Any

import pytest

from infra.moving.otlp import any_value, request, spans_of_artifact


def field_numbers(message: bytes) -> list[int]:
    """The numbers of a message's fields, in order."""
    numbers, at = [], 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        numbers.append(key >> 3)
        match key & 7:
            case 0:
                varint()
            case 1:
                at += 8
            case _:
                size = varint()
                at += size
    return numbers


def span(**more: Any) -> dict[str, Any]:
    known = {
        "trace_id": base64.b64encode(bytes(16)).decode(),
        "span_id": base64.b64encode(bytes(8)).decode(),
        "name": "größe",
        "start_time_unix_nano": 1,
        "end_time_unix_nano": 2,
        "attributes": [{"key": "n", "value": {"int_value": -1}}],
        "status": {"code": "STATUS_CODE_OK"},
    }
    return known | more


def inner(message: bytes, depth: int) -> bytes:
    """The content of nested messages whose lengths take one byte each."""
    for _ in range(depth):
        assert message[1] < 0x80
        message = message[2:]
    return message


def test_a_span_has_the_fields_of_the_protocol() -> None:
    message = inner(request([span(attributes=[])]), 3)
    assert field_numbers(message) == [1, 2, 5, 7, 8, 15]


@pytest.mark.parametrize(
    ("value", "number"),
    [("a", 1), (True, 2), (-1, 3), (0.5, 4), ([1, None], 5), ({"a": "b"}, 6)],
)
def test_values_of_every_kind_have_their_field(value: Any, number: int) -> None:
    message = request([span(attributes=[{"key": "k", "value": any_value(value)}], name="")])
    pair = message.index(b"\x0a\x01k") + 3
    assert message[pair] == 2 << 3 | 2
    assert message[pair + 2] >> 3 == number


def test_spans_of_a_file_are_the_same_spans() -> None:
    told = span(attributes={"n": "-1", "text": '"a"', "odd": "not json"}, events=[])
    (read,) = spans_of_artifact({"spans": [told]})
    assert read["attributes"] == [
        {"key": "n", "value": {"int_value": -1}},
        {"key": "text", "value": {"string_value": "a"}},
        {"key": "odd", "value": {"string_value": "not json"}},
    ]
