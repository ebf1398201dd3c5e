"""From the tensors of a request to what a model takes: one array per feature, of its type and shape."""

from itertools import chain
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from shelflife.contracts.models import Datatype
from shelflife.serving.conversions import NUMBERS, converted
from shelflife.serving.errors import InvalidRequestError, InvalidTensorError
from shelflife.serving.features import Feature, Features
from shelflife.serving.tensors import InferenceRequest, InputTensor, Rows
from shelflife.serving.wording import listed, sizes

if TYPE_CHECKING:
    from shelflife.serving.tensors import Array, Feed

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
        return _matrix_rows(inputs[0], features)
    count = _row_count(inputs)
    columns = ([count], [count, 1])
    known: set[str] = set()
    floats: list[InputTensor] = []
    others: list[InputTensor] = []
    for tensor in inputs:
        name, datatype, shape, data = tensor
        feature = features.get(name)
        if feature is None:
            raise InvalidTensorError(name, f"is not expected, the model takes {listed(features)}")
        if name in known:
            raise InvalidTensorError(name, "is there twice")
        if not (shape in columns if feature.is_plain else feature.fits(shape, count)):
            raise _wrong_shape(tensor, feature, count)
        known.add(name)
        plain = feature.is_plain and datatype in _FLOATS and type(data) is list
        (floats if plain else others).append(tensor)
    if len(known) != len(features):
        missing = [name for name in features if name not in known]
        raise InvalidRequestError("inputs", f"tensor {missing[0]!r} is missing (of {listed(missing)})")
    return Rows(count, _feed(floats, others, features, count), inputs, features)


def _feed(floats: list[InputTensor], others: list[InputTensor], features: Features, count: int) -> "Feed":
    feed = _together(floats, count) if floats else {}
    if feed is None:
        feed, others = {}, floats + others
    for tensor in others:
        feature = features[tensor.name]
        feed[tensor.name] = _shaped(converted(tensor, feature), tensor, feature, count)
    return feed


def _shaped(values: "Array", tensor: InputTensor, feature: Feature, count: int) -> "Array":
    # A column may come as [n] for [n, 1], and the other way round; all else has the feature's sizes.
    return values.reshape((count, *feature.row) if feature.is_column else tensor.shape)


def _together(tensors: list[InputTensor], count: int) -> "Feed | None":
    """Tensors of floats in one conversion, which for a few rows is much faster than one for each.

    None if any has what does not fit: converted alone, each says what is wrong with it.
    """
    values = list(chain.from_iterable([tensor.data for tensor in tensors]))
    if not NUMBERS.issuperset(map(type, values)) or inf in values or -inf in values:
        return None
    try:
        # A number too large for FP32 would silently become infinite.
        with np.errstate(over="raise"):
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


def _matrix_rows(matrix: InputTensor, features: Features) -> Rows:
    """Features of one type are converted at once, others column by column."""
    alike = features.alike
    if alike is None or matrix.shape[1] != len(features):
        _check_matrix(matrix, features)
    count = _row_count([matrix])
    if alike is None:
        return Rows(count, _feed([], _columns(matrix, features), features, count), [matrix], features, True)
    table = np.ascontiguousarray(converted(matrix, alike).reshape(matrix.shape).T)
    feed = dict(zip(features, table.reshape(len(features), count, *alike.row), strict=True))
    return Rows(count, feed, [matrix], features, is_matrix=True)


def _check_matrix(matrix: InputTensor, features: Features) -> None:
    texts = [name for name, feature in features.items() if feature.datatype is Datatype.BYTES]
    wide = [name for name, feature in features.items() if not feature.is_column]
    if texts or wide:
        has = f"{listed(texts)} is text" if texts else f"{listed(wide)} has several values in a row"
        raise InvalidTensorError(
            matrix.name,
            f"is not expected: a matrix is for numeric features only, and {has}; "
            f"expected one tensor for each of {listed(features)}",
        )
    rows, width = matrix.shape
    if width != len(features):
        raise InvalidTensorError(
            matrix.name,
            f"has shape {sizes([rows, width])}, expected [rows, {len(features)}] for {listed(features)}",
        )


def _columns(matrix: InputTensor, features: Features) -> list[InputTensor]:
    rows, width = matrix.shape
    return [
        InputTensor(name, matrix.datatype, [rows], matrix.data[at::width]) for at, name in enumerate(features)
    ]


def _row_count(inputs: list[InputTensor]) -> int:
    first = inputs[0]
    if not first.shape or first.shape[0] == 0:
        raise InvalidTensorError(first.name, f"has shape {sizes(first.shape)}: expected one row at least")
    return first.shape[0]


def _wrong_shape(tensor: InputTensor, feature: Feature, count: int) -> InvalidTensorError:
    form = f"[{count}] or [{count}, 1]" if feature.is_column else sizes(feature.shape(count))
    return InvalidTensorError(
        tensor.name,
        f"has shape {sizes(tensor.shape)}, expected {form}, the same rows for every tensor",
    )
