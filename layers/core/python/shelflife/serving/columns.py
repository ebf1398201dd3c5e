"""Captured rows as typed columns: what a capture file holds (contracts/serving.py)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from shelflife.contracts.models import Datatype, Signature, Tensor
from shelflife.contracts.serving import (
    CAPTURE_ID,
    CAPTURE_REVISION,
    CAPTURE_ROW,
    CAPTURE_VERSION,
    CAPTURED_AT,
    INPUT_COLUMN,
    OUTPUT_COLUMN,
)
from shelflife.kernel.errors import FieldFault, InvalidError
from shelflife.serving.captures import CapturedRows

Column = npt.NDArray[Any]
Columns = dict[str, Column]
#: The Parquet (DuckDB) type of each column, in order.
ColumnTypes = dict[str, str]

_SQL = {
    Datatype.BOOL: "BOOLEAN",
    Datatype.INT64: "BIGINT",
    Datatype.FP32: "DOUBLE",
    Datatype.BYTES: "VARCHAR",
}
_FIXED = {
    CAPTURE_ID: "VARCHAR",
    CAPTURE_ROW: "INTEGER",
    CAPTURED_AT: "TIMESTAMP",
    CAPTURE_VERSION: "INTEGER",
    CAPTURE_REVISION: "INTEGER",
}


class CaptureMismatchError(InvalidError):
    def __init__(self, capture_id: str, column: str, reason: str) -> None:
        super().__init__(f"capture {capture_id!r}: column {column!r} {reason}", [FieldFault(column, reason)])


def column_types(signature: Signature) -> ColumnTypes:
    return {
        **_FIXED,
        **{INPUT_COLUMN.format(name=tensor.name): _type(tensor) for tensor in signature.inputs},
        **{OUTPUT_COLUMN.format(name=tensor.name): _type(tensor) for tensor in signature.outputs},
    }


def columns_of(rows: CapturedRows, signature: Signature) -> Columns:
    """The message's rows as columns; times are UTC without a zone, missing text is None.

    Raises:
        CaptureMismatchError: they are not what the signature says.
    """
    count = rows.row_count
    columns: Columns = {
        CAPTURE_ID: _objects([rows.capture_id] * count),
        CAPTURE_ROW: np.arange(rows.first_row, rows.first_row + count, dtype=np.int32),
        CAPTURED_AT: np.full(count, np.datetime64(int(rows.captured_at.timestamp() * 1_000_000), "us")),
        CAPTURE_VERSION: np.full(count, rows.model_version, dtype=np.int32),
        CAPTURE_REVISION: np.full(count, rows.revision, dtype=np.int32),
    }
    for pattern, tensors, given in (
        (INPUT_COLUMN, signature.inputs, rows.inputs),
        (OUTPUT_COLUMN, signature.outputs, rows.outputs),
    ):
        for tensor in tensors:
            name = pattern.format(name=tensor.name)
            values = given.get(tensor.name)
            if values is None or len(values) != count:
                found = "is not there" if values is None else f"has {len(values)} values, expected {count}"
                raise CaptureMismatchError(rows.capture_id, name, found)
            columns[name] = _column(rows.capture_id, name, tensor, values)
    return columns


def joined(parts: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def is_listed(tensor: Tensor) -> bool:
    """Whether a row has several values of it."""
    return len(tensor.shape) > 1 and tensor.shape[1] != 1


def _column(capture_id: str, name: str, tensor: Tensor, values: list[Any]) -> Column:
    try:
        return _objects(values) if is_listed(tensor) else _TYPED[tensor.datatype](values)
    except (TypeError, ValueError, OverflowError) as error:
        raise CaptureMismatchError(capture_id, name, f"is not {tensor.datatype.value}: {error}") from error


def _numbers(values: list[Any]) -> Column:
    if any(isinstance(value, str) for value in values):
        # numpy would read text as numbers
        message = "text among numbers"
        raise TypeError(message)
    return np.array(values, dtype=np.float64)


def _whole_numbers(values: list[Any]) -> Column:
    return np.array([int(value) for value in values], dtype=np.int64)


def _truths(values: list[Any]) -> Column:
    return np.array(values, dtype=np.bool_)


def _texts(values: list[Any]) -> Column:
    """Text; empty text is what a model takes for a missing one."""
    return _objects([str(value) if value not in (None, "") else None for value in values])


def _objects(values: Sequence[Any]) -> Column:
    """An array of whatever the values are; numpy alone would make a table of lists."""
    column = np.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        column[at] = value
    return column


_TYPED: dict[Datatype, Callable[[list[Any]], Column]] = {
    Datatype.BOOL: _truths,
    Datatype.INT64: _whole_numbers,
    Datatype.FP32: _numbers,
    Datatype.BYTES: _texts,
}


def _type(tensor: Tensor) -> str:
    return f"{_SQL[tensor.datatype]}[]" if is_listed(tensor) else _SQL[tensor.datatype]
