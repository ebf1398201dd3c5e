"""From the tensors of a request to what a model takes: one column per feature, of the feature's type.

A feature's values may come as another type as long as no meaning is lost: whole numbers, truth values and
FP64 for an FP32 feature (rounded to the nearest, as in training), whole floats for INT64, 0 and 1 for BOOL.
Text is never read as a number, nor a number as text.
"""

from collections.abc import Callable, Mapping
from itertools import chain
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from shelflife.contracts.models import Datatype
from shelflife.serving.errors import InvalidRequestError, InvalidTensorError
from shelflife.serving.tensors import InferenceRequest, InputTensor, Rows

if TYPE_CHECKING:
    from shelflife.serving.tensors import Array, Feed

Features = Mapping[str, Datatype]

_NOTHING = type(None)
_NUMBERS: frozenset[Any] = frozenset((int, float, _NOTHING))
_WHOLE: frozenset[Any] = frozenset((int, _NOTHING))
#: Which JSON values a tensor of each datatype may hold.
_ELEMENTS: dict[str, frozenset[Any]] = {
    "BOOL": frozenset((bool, _NOTHING)),
    **dict.fromkeys(("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"), _WHOLE),
    **dict.fromkeys(("FP16", "FP32", "FP64"), _NUMBERS),
    "BYTES": frozenset((str, _NOTHING)),
}
_EXPECTED = {"BOOL": "true or false", "BYTES": "text"}
#: What fits; FP32 and FP64 are checked by the conversion itself.
_RANGES: dict[str, tuple[int, int]] = {
    **{f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "FP16": (-65504, 65504),
}
_FP32 = Datatype.FP32
_FLOATS = frozenset(("FP32", "FP64"))
_MATRIX_DIMENSIONS = 2


def bind(request: InferenceRequest, features: Features) -> Rows:
    """The request's rows: a tensor per feature, or all (numeric) features as one matrix in their order.

    Raises:
        InvalidTensorError: a tensor is unknown, or has another shape, datatype or values than expected.
        InvalidRequestError: a tensor is missing, or there are no rows.
    """
    inputs = request.inputs
    if len(inputs) == 1 and _is_matrix(inputs[0], features):
        inputs = _columns(inputs[0], features)
    count = _row_count(inputs)
    shapes = ([count], [count, 1])
    sent: dict[str, list[Any]] = {}
    floats: list[InputTensor] = []
    others: list[InputTensor] = []
    for tensor in inputs:
        name, datatype, shape, data = tensor
        target = features.get(name)
        if target is None:
            raise InvalidTensorError(name, f"is not expected, the model takes {_listed(features)}")
        if name in sent:
            raise InvalidTensorError(name, "is there twice")
        if shape not in shapes:
            raise _wrong_shape(tensor, count)
        sent[name] = data
        (floats if target is _FP32 and datatype in _FLOATS else others).append(tensor)
    if len(sent) != len(features):
        missing = [name for name in features if name not in sent]
        raise InvalidRequestError("inputs", f"tensor {missing[0]!r} is missing (of {_listed(missing)})")
    return Rows(count, _feed(floats, others, features, count), sent)


def _feed(floats: list[InputTensor], others: list[InputTensor], features: Features, count: int) -> "Feed":
    # One guard for all conversions: a number too large for FP32 would silently become infinite.
    with np.errstate(over="raise"):
        feed = _together(floats, count) if floats else {}
        if feed is None:
            feed, others = {}, floats + others
        for tensor in others:
            feed[tensor.name] = _array(tensor, features[tensor.name]).reshape(count, 1)
    return feed


def _together(tensors: list[InputTensor], count: int) -> "Feed | None":
    """Tensors of floats in one conversion, which for a few rows is much faster than one for each.

    None if any has what does not fit: converted alone, each says what is wrong with it.
    """
    values = list(chain.from_iterable([tensor.data for tensor in tensors]))
    if not _NUMBERS.issuperset(map(type, values)) or inf in values or -inf in values:
        return None
    try:
        table = np.array(values, dtype=np.float32).reshape(len(tensors), count, 1)
    except (FloatingPointError, OverflowError):
        return None
    return {tensor.name: column for tensor, column in zip(tensors, table, strict=True)}


def _is_matrix(tensor: InputTensor, features: Features) -> bool:
    """Whether this lone tensor can only mean all features at once: it has no feature's name, nor width."""
    return (
        len(tensor.shape) == _MATRIX_DIMENSIONS
        and tensor.shape[1] != 1
        and len(features) > 1
        and tensor.name not in features
    )


def _columns(matrix: InputTensor, features: Features) -> list[InputTensor]:
    rows, width = matrix.shape
    texts = [name for name, datatype in features.items() if datatype is Datatype.BYTES]
    if texts:
        raise InvalidTensorError(
            matrix.name,
            f"is not expected: a matrix is for numeric features only, and {_listed(texts)} is text; "
            f"expected one tensor for each of {_listed(features)}",
        )
    if width != len(features):
        raise InvalidTensorError(
            matrix.name,
            f"has shape [{rows}, {width}], expected [rows, {len(features)}] for {_listed(features)}",
        )
    return [
        InputTensor(name, matrix.datatype, [rows], matrix.data[at::width]) for at, name in enumerate(features)
    ]


def _row_count(inputs: list[InputTensor]) -> int:
    first = inputs[0]
    if not first.shape or first.shape[0] == 0:
        raise InvalidTensorError(first.name, f"has shape {first.shape}: expected one row at least")
    return first.shape[0]


def _wrong_shape(tensor: InputTensor, count: int) -> InvalidTensorError:
    expected = f"[{count}] or [{count}, 1], the same rows for every tensor"
    return InvalidTensorError(tensor.name, f"has shape {tensor.shape}, expected {expected}")


def _array(tensor: InputTensor, datatype: Datatype) -> "Array":
    allowed = _ELEMENTS.get(tensor.datatype)
    if allowed is None:
        known = ", ".join(_ELEMENTS)
        raise InvalidTensorError(tensor.name, f"has datatype {tensor.datatype!r}, expected one of {known}")
    if (tensor.datatype == "BYTES") != (datatype is Datatype.BYTES):
        raise InvalidTensorError(
            tensor.name, f"has datatype {tensor.datatype}, expected {_accepted(datatype)}"
        )
    if not allowed.issuperset(map(type, tensor.data)):
        raise _wrong_element(tensor, allowed)
    if tensor.datatype in _RANGES:
        _check_range(tensor)
    return _CONVERSIONS[datatype](tensor)


def _numbers(tensor: InputTensor) -> "Array":
    data = tensor.data
    # A literal such as 1e999 is infinite before it is ever converted.
    if inf not in data and -inf not in data:
        try:
            return np.array(data, dtype=np.float32)
        except (FloatingPointError, OverflowError):
            pass
    raise InvalidTensorError(tensor.name, "has a number that is too large for FP32")


def _whole_numbers(tensor: InputTensor) -> "Array":
    whole = [_whole(tensor, at, value) for at, value in enumerate(tensor.data)]
    try:
        return np.array(whole, dtype=np.int64)
    except OverflowError as error:
        raise InvalidTensorError(tensor.name, "has a number that is too large for INT64") from error


def _whole(tensor: InputTensor, at: int, value: Any) -> int:
    if value is None or (type(value) is float and not value.is_integer()):
        raise InvalidTensorError(tensor.name, f"has {_told(value)} at {at}, expected a whole number (INT64)")
    return int(value)


def _truths(tensor: InputTensor) -> "Array":
    for at, value in enumerate(tensor.data):
        if value not in (0, 1):
            raise InvalidTensorError(
                tensor.name, f"has {_told(value)} at {at}, expected true or false (BOOL)"
            )
    return np.array(tensor.data, dtype=np.bool_)


def _texts(tensor: InputTensor) -> "Array":
    """Text; a missing one is empty, which is what models were trained with."""
    texts = ["" if text is None else text for text in tensor.data]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise InvalidTensorError(tensor.name, "has half a surrogate pair, which is no text") from error
    return np.array(texts, dtype=object)


_CONVERSIONS: dict[Datatype, "Callable[[InputTensor], Array]"] = {
    Datatype.FP32: _numbers,
    Datatype.INT64: _whole_numbers,
    Datatype.BOOL: _truths,
    Datatype.BYTES: _texts,
}


def _check_range(tensor: InputTensor) -> None:
    lowest, highest = _RANGES[tensor.datatype]
    for at, value in enumerate(tensor.data):
        if value is not None and (value < lowest or value > highest):
            raise InvalidTensorError(
                tensor.name,
                f"has {_told(value)} at {at}, a {tensor.datatype} is from {lowest} to {highest}",
            )


def _wrong_element(tensor: InputTensor, allowed: frozenset[Any]) -> InvalidTensorError:
    at, value = next((at, value) for at, value in enumerate(tensor.data) if type(value) not in allowed)
    default = "a whole number" if allowed is _WHOLE else "a number"
    expected = _EXPECTED.get(tensor.datatype, default)
    return InvalidTensorError(
        tensor.name, f"has {_told(value)} at {at}, expected {expected} ({tensor.datatype}) or null"
    )


def _accepted(datatype: Datatype) -> str:
    return "BYTES" if datatype is Datatype.BYTES else f"{datatype.value} or another numeric datatype"


def _told(value: Any) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = "null" if value is None else repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"  # noqa: PLR2004 - enough to be found


def _listed(names: Any) -> str:
    """The first names of many, quoted."""
    known = list(names)
    shown = ", ".join(repr(name) for name in known[:8])
    return shown if len(known) <= 8 else f"{shown} and {len(known) - 8} more"  # noqa: PLR2004 - as above
