"""The values of one tensor as an array of the type that a feature has.

Values may come as another type as long as no meaning is lost: numbers and truth values for a float (rounded
to the nearest, as in training), whole floats for a whole number, 0 and 1 for BOOL. Text is never read as a
number, nor a number as text. A missing number (null, NaN) is NaN, where the feature is a float; infinity is
no value, and what would become infinite is too large.
"""

from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from shelflife.contracts.models import Datatype
from shelflife.serving.errors import InvalidTensorError
from shelflife.serving.features import Feature
from shelflife.serving.tensors import InputTensor
from shelflife.serving.wording import element

if TYPE_CHECKING:
    from collections.abc import Callable

    from shelflife.serving.tensors import Array

_NOTHING = type(None)
#: What JSON's numbers are read as.
NUMBERS: frozenset[Any] = frozenset((int, float, _NOTHING))
_WHOLE: frozenset[Any] = frozenset((int, _NOTHING))
_ONLY_WHOLE: frozenset[Any] = frozenset((int,))
#: Which JSON values a tensor of each datatype may hold.
_ELEMENTS: dict[str, frozenset[Any]] = {
    "BOOL": frozenset((bool, _NOTHING)),
    **dict.fromkeys(("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"), _WHOLE),
    **dict.fromkeys(("FP16", "FP32", "FP64"), NUMBERS),
    "BYTES": frozenset((str, _NOTHING)),
}
_EXPECTED = {"BOOL": "true or false", "BYTES": "text"}
#: What fits; FP32 and FP64 are checked by the conversion itself.
_RANGES: dict[str, tuple[int, int]] = {
    **{f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "FP16": (-65504, 65504),
}


def converted(tensor: InputTensor, feature: Feature) -> "Array":
    """The tensor's values, flat, as the feature's type.

    Raises:
        InvalidTensorError: its datatype is not known or not the feature's kind, or a value does not fit.
    """
    allowed = _ELEMENTS.get(tensor.datatype)
    if allowed is None:
        known = ", ".join(_ELEMENTS)
        raise InvalidTensorError(tensor.name, f"has datatype {tensor.datatype!r}, expected one of {known}")
    if (tensor.datatype == "BYTES") != (feature.datatype is Datatype.BYTES):
        raise InvalidTensorError(
            tensor.name, f"has datatype {tensor.datatype}, expected {_accepted(feature.datatype)}"
        )
    if isinstance(tensor.data, list):
        return _of_list(tensor, tensor.data, allowed, feature)
    return _of_array(tensor, tensor.data, feature)


def _of_list(tensor: InputTensor, data: list[Any], allowed: frozenset[Any], feature: Feature) -> "Array":
    if not allowed.issuperset(map(type, data)):
        raise _wrong_element(tensor, data, allowed)
    if tensor.datatype in _RANGES:
        _check_range(tensor, data)
    return _LISTS[np.dtype(feature.dtype).kind](tensor, data, feature)


def _numbers(tensor: InputTensor, data: list[Any], feature: Feature) -> "Array":
    # A literal such as 1e999 is infinite before it is ever converted.
    if inf not in data and -inf not in data:
        try:
            with np.errstate(over="raise"):
                # Halves are made of doubles: of Python's floats numpy would make infinite ones in silence.
                wide = np.float64 if feature.datatype is Datatype.FP16 else feature.dtype
                return np.array(data, dtype=wide).astype(feature.dtype, copy=False)
        except (FloatingPointError, OverflowError):
            pass
    raise _too_large(tensor, feature)


def _whole_numbers(tensor: InputTensor, data: list[Any], feature: Feature) -> "Array":
    whole = data
    if not _ONLY_WHOLE.issuperset(map(type, data)):
        whole = [_whole(tensor, at, value, feature) for at, value in enumerate(data)]
    try:
        return np.array(whole, dtype=feature.dtype)
    except OverflowError as error:
        raise _too_large(tensor, feature) from error


def _whole(tensor: InputTensor, at: int, value: Any, feature: Feature) -> int:
    if value is None or (type(value) is float and not value.is_integer()):
        raise _misfit(tensor, at, value, f"a whole number ({feature.datatype.value})")
    return int(value)


def _truths(tensor: InputTensor, data: list[Any], feature: Feature) -> "Array":
    for at, value in enumerate(data):
        if value not in (0, 1):
            raise _misfit(tensor, at, value, "true or false (BOOL)")
    return np.array(data, dtype=feature.dtype)


def _texts(tensor: InputTensor, data: list[Any], feature: Feature) -> "Array":
    """Text; a missing one is empty, which is what models were trained with."""
    texts = ["" if text is None else text for text in data]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise InvalidTensorError(tensor.name, "has half a surrogate pair, which is no text") from error
    return np.array(texts, dtype=feature.dtype)


#: By the kind of numpy's type.
_LISTS: "dict[str, Callable[[InputTensor, list[Any], Feature], Array]]" = {
    "f": _numbers,
    "i": _whole_numbers,
    "u": _whole_numbers,
    "b": _truths,
    "O": _texts,
}


def _of_array(tensor: InputTensor, data: "Array", feature: Feature) -> "Array":
    if data.dtype.kind == "O":
        return data
    kind = np.dtype(feature.dtype).kind
    if kind == "f":
        with np.errstate(over="ignore"):
            numbers = data.astype(feature.dtype, copy=False)
        if np.isinf(numbers).any():
            raise _too_large(tensor, feature)
        return numbers
    if data.dtype == feature.dtype:
        return data
    if kind == "b":
        _check_all((data == 0) | (data == 1), tensor, data, "true or false (BOOL)")
    else:
        _check_whole(tensor, data, feature)
    return data.astype(feature.dtype)


def _check_whole(tensor: InputTensor, data: "Array", feature: Feature) -> None:
    if data.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            good = np.isfinite(data) & (np.floor(data) == data)
        _check_all(good, tensor, data, f"a whole number ({feature.datatype.value})")
    lowest, highest = _RANGES[feature.datatype.value]
    # Python compares a float with a whole number exactly, where numpy would round the greatest ones.
    if data.size and not lowest <= data.min().item() <= data.max().item() <= highest:
        raise _too_large(tensor, feature)


def _check_all(good: "Array", tensor: InputTensor, data: "Array", expected: str) -> None:
    if not good.all():
        at = int(np.argmin(good))
        raise _misfit(tensor, at, data[at].item(), expected)


def _check_range(tensor: InputTensor, data: list[Any]) -> None:
    lowest, highest = _RANGES[tensor.datatype]
    for at, value in enumerate(data):
        if value is not None and (value < lowest or value > highest):
            raise InvalidTensorError(
                tensor.name,
                f"has {element(value)} at {at}, a {tensor.datatype} is from {lowest} to {highest}",
            )


def _wrong_element(tensor: InputTensor, data: list[Any], allowed: frozenset[Any]) -> InvalidTensorError:
    at, value = next((at, value) for at, value in enumerate(data) if type(value) not in allowed)
    default = "a whole number" if allowed is _WHOLE else "a number"
    expected = _EXPECTED.get(tensor.datatype, default)
    return _misfit(tensor, at, value, f"{expected} ({tensor.datatype}) or null")


def _misfit(tensor: InputTensor, at: int, value: Any, expected: str) -> InvalidTensorError:
    return InvalidTensorError(tensor.name, f"has {element(value)} at {at}, expected {expected}")


def _too_large(tensor: InputTensor, feature: Feature) -> InvalidTensorError:
    return InvalidTensorError(tensor.name, f"has a number that is too large for {feature.datatype.value}")


def _accepted(datatype: Datatype) -> str:
    return "BYTES" if datatype is Datatype.BYTES else f"{datatype.value} or another numeric datatype"
