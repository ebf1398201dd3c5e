"""Tensors as bytes: the protocol's binary extension.

Little-endian, row-major, without padding. A BOOL is a byte of 0 or 1. A text (BYTES) is its length in four
bytes, and its UTF-8.
"""

from math import prod
from struct import Struct
from typing import TYPE_CHECKING

import numpy as np

from shelflife.contracts.models import Datatype
from shelflife.serving.errors import InvalidRequestError, InvalidTensorError
from shelflife.serving.features import DTYPES
from shelflife.serving.wording import shown, sizes

if TYPE_CHECKING:
    from shelflife.serving.tensors import Array

_LENGTH = Struct("<I")


class BinaryTensors:
    """What follows the JSON of a request, taken tensor by tensor."""

    def __init__(self, raw: bytes, start: int) -> None:
        self._raw = raw
        self._at = start

    def take(self, name: str, datatype: str, shape: list[int], size: object) -> "Array":
        """The next `size` bytes as the tensor's elements, flat.

        Raises:
            InvalidTensorError: they are not what the datatype and the shape ask for.
        """
        left = len(self._raw) - self._at
        if type(size) is not int or not 0 <= size <= left:
            raise InvalidTensorError(
                name, f'expected a "binary_data_size" from 0 to the {left} bytes left, got {shown(size)}'
            )
        if datatype not in DTYPES:
            raise InvalidTensorError(name, f"has datatype {datatype!r}, expected one of {', '.join(DTYPES)}")
        begin, self._at = self._at, self._at + size
        count = prod(shape)
        if datatype == Datatype.BYTES:
            return _texts(name, self._raw, (begin, self._at), count)
        if count * (width := DTYPES[Datatype(datatype)].itemsize) != size:
            raise InvalidTensorError(
                name, f"has {size} bytes, its shape {sizes(shape)} of {datatype} asks for {width} each"
            )
        return _numbers(name, datatype, np.frombuffer(self._raw, np.uint8, size, begin))

    def end(self) -> None:
        """Make sure that no bytes are left.

        Raises:
            InvalidRequestError: there are some that no tensor said it has.
        """
        left = len(self._raw) - self._at
        if left:
            raise InvalidRequestError("body", f"{left} bytes follow that no tensor's binary_data_size names")


def _numbers(name: str, datatype: str, content: "Array") -> "Array":
    if datatype == Datatype.BOOL and content.size and content.max() > 1:
        at = int(np.argmax(content > 1))
        raise InvalidTensorError(name, f"has byte {content[at]} at {at}, expected 0 or 1 (BOOL)")
    # The JSON before them has any length, and what onnxruntime sums up depends, in the last bit, on where in
    # memory the values begin. A copy begins where any array does: the same values get the same answer.
    return content.copy().view(DTYPES[Datatype(datatype)])


def _texts(name: str, raw: bytes, span: tuple[int, int], count: int) -> "Array":
    at, end = span
    if count * _LENGTH.size > end - at:
        raise InvalidTensorError(
            name, f"has {end - at} bytes, too few for {shown(count)} texts with a length of four bytes each"
        )
    texts = np.empty(count, dtype=object)
    try:
        for place in range(count):
            begin = at + _LENGTH.size
            if begin > end or (at := begin + _LENGTH.unpack_from(raw, begin - _LENGTH.size)[0]) > end:
                raise InvalidTensorError(
                    name, f"ends within text {place}, a text is its length and its bytes"
                )
            texts[place] = raw[begin:at].decode()
    except UnicodeDecodeError as error:
        raise InvalidTensorError(name, f"has text that is not UTF-8 at {place}") from error
    if at != end:
        raise InvalidTensorError(name, f"has {end - at} bytes more than its {count} texts")
    return texts


def written(array: "Array", datatype: Datatype) -> bytes:
    """The tensor's elements as bytes."""
    if datatype is not Datatype.BYTES:
        return array.astype(DTYPES[datatype], copy=False).tobytes()
    parts: list[bytes] = []
    for text in array.ravel():
        content = text if isinstance(text, bytes) else str(text).encode()
        parts += (_LENGTH.pack(len(content)), content)
    return b"".join(parts)
