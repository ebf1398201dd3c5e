"""Protobuf's wire format, as far as ONNX files use it: fields of a message, one after the other.

A graph is read in milliseconds without onnxruntime: what a field holds is a view of the file, and weights
are stepped over.
"""

from collections.abc import Iterator
from typing import NamedTuple

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


class MalformedModelError(Exception):
    """The bytes are no such message; the registry tells it as a reason, and never raises it to a caller."""


class MessageField(NamedTuple):
    """`value` is a number, or a view of the bytes; `raw` is the field as it stands in the message."""

    number: int
    value: "int | memoryview"
    raw: memoryview

    @property
    def view(self) -> memoryview:
        if isinstance(self.value, int):
            raise MalformedModelError(f"field {self.number} is a number")
        return self.value

    @property
    def text(self) -> str:
        try:
            return bytes(self.view).decode()
        except UnicodeDecodeError as error:
            raise MalformedModelError(f"field {self.number} is no text") from error


def fields(message: memoryview) -> Iterator[MessageField]:
    """The fields in their order.

    Raises:
        MalformedModelError: the bytes end within a field, or are of a kind that does not exist.
    """
    at = 0
    while at < len(message):
        begin = at
        tag, at = _varint(message, at)
        kind = tag & 7
        value: int | memoryview
        if kind == _VARINT:
            value, at = _varint(message, at)
        elif kind == _BYTES:
            size, at = _varint(message, at)
            value, at = _taken(message, at, size)
        elif kind in {_FIXED64, _FIXED32}:
            value, at = _taken(message, at, 8 if kind == _FIXED64 else 4)
        else:
            raise MalformedModelError(f"a field of kind {kind} at byte {begin}")
        yield MessageField(tag >> 3, value, message[begin:at])


def of(message: memoryview, number: int) -> Iterator[MessageField]:
    """The fields with this number."""
    return (field for field in fields(message) if field.number == number)


def first(message: memoryview, number: int) -> MessageField | None:
    return next(of(message, number), None)


def bytes_field(number: int, *parts: "bytes | memoryview") -> list["bytes | memoryview"]:
    """A field with these bytes, in pieces, so that nothing large is copied."""
    size = sum(len(part) for part in parts)
    return [_encoded(number << 3 | _BYTES) + _encoded(size), *parts]


def _taken(message: memoryview, at: int, size: int) -> tuple[memoryview, int]:
    if at + size > len(message):
        raise MalformedModelError(f"{size} bytes are missing at byte {at}")
    return message[at : at + size], at + size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(message[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 - the bit that says more is coming
            return value & (2**64 - 1), at + place + 1
    raise MalformedModelError(f"a number does not end at byte {at}")


def _encoded(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits per byte
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
