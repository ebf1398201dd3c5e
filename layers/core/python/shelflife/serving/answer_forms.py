"""An answer's arrays as bytes: what they are as JSON, behind its length, and then their elements."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from shelflife.serving.features import DTYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shelflife.serving.tensors import Array

_LENGTH_BYTES = 4
_TEXT = "text"
_KNOWN = {dtype.str: dtype for dtype in DTYPES.values() if dtype != np.dtype(object)}


class AnswerUnreadableError(ValueError):
    """The bytes are no answer, or one of a later form."""


def to_bytes(answer: "Sequence[Array]") -> bytes | None:
    """None for an answer with elements that this has no form for."""
    header: list[Any] = []
    parts: list[bytes] = []
    for array in answer:
        if array.dtype == np.dtype(object):
            values = array.ravel().tolist()
            if not all(isinstance(value, str) for value in values):
                return None
            kind, part = _TEXT, json.dumps(values).encode()
        elif array.dtype.str in _KNOWN:
            kind, part = array.dtype.str, array.tobytes()
        else:
            return None
        header.append([kind, list(array.shape), len(part)])
        parts.append(part)
    told = json.dumps(header).encode()
    return b"".join((len(told).to_bytes(_LENGTH_BYTES, "little"), told, *parts))


def from_bytes(content: bytes) -> "list[Array]":
    """The arrays, which cannot be changed.

    Raises:
        AnswerUnreadableError: they are no answer.
    """
    try:
        return [*_arrays(content)]
    except (ValueError, KeyError, TypeError) as error:
        raise AnswerUnreadableError(str(error)) from error


def _arrays(content: bytes) -> "Iterator[Array]":
    at = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
    for kind, shape, size in json.loads(content[_LENGTH_BYTES:at]):
        part = content[at : at + size]
        at += size
        if kind == _TEXT:
            array = np.array(json.loads(part), dtype=object).reshape(shape)
            array.setflags(write=False)
            yield array
        else:
            yield np.frombuffer(part, dtype=_KNOWN[kind]).reshape(shape)
