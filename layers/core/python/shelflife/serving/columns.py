"""Captured rows as typed columns: what a capture file holds (contracts/serving.py)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from shelflife.contracts.models import Datatype, Signature, Task, Tensor
from shelflife.contracts.serving import (
    CAPTURE_ASSIGNED,
    CAPTURE_ERROR,
    CAPTURE_ID,
    CAPTURE_LATENCY,
    CAPTURE_LIVE_VARIANT,
    CAPTURE_REFUSED,
    CAPTURE_REVISION,
    CAPTURE_ROLE,
    CAPTURE_ROW,
    CAPTURE_VARIANT,
    CAPTURE_VERSION,
    CAPTURED_AT,
    INPUT_COLUMN,
    LIVE_COLUMN,
    OUTPUT_COLUMN,
)
from shelflife.kernel.errors import FieldFault, InvalidError
from shelflife.serving.captures import CaptureBatch, CapturedRows, CaptureKind

Column = npt.NDArray[Any]
Columns = dict[str, Column]
#: The Parquet (DuckDB) type of each column, in order.
ColumnTypes = dict[str, str]

_SQL = {
    Datatype.BOOL: "BOOLEAN",
    **dict.fromkeys((Datatype.INT8, Datatype.INT16, Datatype.INT32, Datatype.INT64), "BIGINT"),
    **dict.fromkeys((Datatype.UINT8, Datatype.UINT16, Datatype.UINT32), "BIGINT"),
    Datatype.UINT64: "UBIGINT",
    **dict.fromkeys((Datatype.FP16, Datatype.FP32, Datatype.FP64), "DOUBLE"),
    Datatype.BYTES: "VARCHAR",
}
_TEXT = "VARCHAR"
_FIXED = {
    CAPTURE_ID: _TEXT,
    CAPTURE_ROW: "INTEGER",
    CAPTURED_AT: "TIMESTAMP",
    CAPTURE_VERSION: "INTEGER",
    CAPTURE_REVISION: "INTEGER",
    CAPTURE_VARIANT: _TEXT,
    CAPTURE_ROLE: _TEXT,
    CAPTURE_ASSIGNED: "BOOLEAN",
    CAPTURE_LATENCY: "DOUBLE",
}
_FAILURE = {CAPTURE_ERROR: _TEXT, CAPTURE_REFUSED: "BOOLEAN"}
#: The output that holds the answer, of which each row has one.
ANSWER = {Task.REGRESSION: "prediction", Task.CLASSIFICATION: "label"}
_ANSWERS = frozenset(ANSWER.values())


class CaptureMismatchError(InvalidError):
    def __init__(self, capture_id: str, column: str, reason: str) -> None:
        super().__init__(f"capture {capture_id!r}: column {column!r} {reason}", [FieldFault(column, reason)])


def column_types(batch: CaptureBatch, signature: Signature) -> ColumnTypes:
    if batch.kind is CaptureKind.FAILURES:
        return _FIXED | _FAILURE
    live = {CAPTURE_LIVE_VARIANT: _TEXT} if batch.kind is CaptureKind.SHADOWS else {}
    return (
        _FIXED
        | live
        | {
            pattern.format(name=tensor.name): _type(tensor, hashed=tensor.name in batch.masked.hashed)
            for pattern, tensors in _tensors(batch.kind, signature)
            for tensor in tensors
        }
    )


def columns_of(rows: CapturedRows, signature: Signature) -> Columns:
    """The message's rows as columns; times are UTC without a zone, missing text is None.

    A hidden column is None everywhere.

    Raises:
        CaptureMismatchError: they are not what the signature says.
    """
    count = rows.row_count
    columns = _fixed(rows, count)
    if rows.kind is CaptureKind.FAILURES:
        return columns | {
            CAPTURE_ERROR: _same(rows.error, count),
            CAPTURE_REFUSED: np.full(count, rows.refused),
        }
    if rows.kind is CaptureKind.SHADOWS:
        columns[CAPTURE_LIVE_VARIANT] = _same(rows.live_variant, count)
    given = {INPUT_COLUMN: rows.inputs, OUTPUT_COLUMN: rows.outputs, LIVE_COLUMN: rows.live}
    for pattern, tensors in _tensors(rows.kind, signature):
        for tensor in tensors:
            name = pattern.format(name=tensor.name)
            if tensor.name in rows.hidden:
                columns[name] = _same(None, count)
                continue
            values = given[pattern].get(tensor.name)
            if values is None or len(values) != count:
                found = "is not there" if values is None else f"has {len(values)} values, expected {count}"
                raise CaptureMismatchError(rows.capture_id, name, found)
            hashed = tensor.name in rows.hashed
            columns[name] = _column(rows.capture_id, name, _HASHED if hashed else tensor, values)
    return columns


def without_masked(columns: Columns, batch: CaptureBatch) -> Columns:
    """The columns whose values are as they were sent and answered."""
    masked = {
        pattern.format(name=name)
        for pattern in (INPUT_COLUMN, OUTPUT_COLUMN, LIVE_COLUMN)
        for name in batch.masked.hidden | batch.masked.hashed
    }
    return {name: values for name, values in columns.items() if name not in masked}


def joined(parts: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _fixed(rows: CapturedRows, count: int) -> Columns:
    return {
        CAPTURE_ID: _same(rows.capture_id, count),
        CAPTURE_ROW: np.arange(rows.first_row, rows.first_row + count, dtype=np.int32),
        CAPTURED_AT: np.full(count, np.datetime64(int(rows.captured_at.timestamp() * 1_000_000), "us")),
        CAPTURE_VERSION: np.full(count, rows.model_version, dtype=np.int32),
        CAPTURE_REVISION: np.full(count, rows.revision, dtype=np.int32),
        CAPTURE_VARIANT: _same(rows.variant, count),
        CAPTURE_ROLE: _same(rows.role.value, count),
        CAPTURE_ASSIGNED: np.full(count, rows.assigned),
        CAPTURE_LATENCY: np.full(count, rows.latency_ms, dtype=np.float64),
    }


def _tensors(kind: CaptureKind, signature: Signature) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    """Which tensors a file of that kind has, by the pattern of their columns' names."""
    yield INPUT_COLUMN, signature.inputs
    yield OUTPUT_COLUMN, signature.outputs
    if kind is CaptureKind.SHADOWS:
        yield LIVE_COLUMN, tuple(tensor for tensor in signature.outputs if tensor.name in _ANSWERS)


def is_listed(tensor: Tensor) -> bool:
    """Whether a row has several values of it."""
    return tensor.shape[1:] not in {(), (1,)}


def _column(capture_id: str, name: str, tensor: Tensor, values: list[Any]) -> Column:
    try:
        return _objects(values) if is_listed(tensor) else _TYPED[_SQL[tensor.datatype]](values)
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


def _unsigned(values: list[Any]) -> Column:
    return np.array([int(value) for value in values], dtype=np.uint64)


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


def _same(value: Any, count: int) -> Column:
    return _objects([value] * count)


#: Whatever it was: one text per row now, also where a row had several values.
_HASHED = Tensor(name="hashed", datatype=Datatype.BYTES, shape=(-1, 1))

_TYPED: dict[str, Callable[[list[Any]], Column]] = {
    "BOOLEAN": _truths,
    "BIGINT": _whole_numbers,
    "UBIGINT": _unsigned,
    "DOUBLE": _numbers,
    _TEXT: _texts,
}


def _type(tensor: Tensor, *, hashed: bool) -> str:
    if hashed:
        return _TEXT
    lists = "[]" * (len(tensor.shape) - 1) if is_listed(tensor) else ""
    return f"{_SQL[tensor.datatype]}{lists}"
