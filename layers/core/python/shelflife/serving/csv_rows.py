"""CSV with a header as the tensors of a model's inputs; numbers become no objects of Python on their way."""

import csv
import io
from array import array
from collections.abc import Callable
from contextlib import suppress
from math import nan
from typing import Any

import numpy as np

from shelflife.contracts.models import Datatype
from shelflife.serving.errors import InvalidRequestError, InvalidTensorError
from shelflife.serving.features import Feature, Features
from shelflife.serving.tensors import InputTensor
from shelflife.serving.wording import listed, shown

#: What pandas takes for missing, and writes for it.
_MISSING = frozenset(("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"))
_TRUTHS = {"true": True, "false": False, "1": True, "0": False}


def csv_tensors(raw: bytes, features: Features) -> list[InputTensor]:
    """A tensor for each column that is a feature; others are passed over.

    Raises:
        InvalidRequestError: it is no CSV, or no column is a feature.
        InvalidTensorError: a value is not what its feature takes.
    """
    try:
        lines = csv.reader(io.TextIOWrapper(io.BytesIO(raw), "utf-8-sig", newline=""), strict=True)
        header = next(lines, [])
        columns = [_Column(name, features[name]) if name in features else None for name in header]
        if not any(columns):
            raise InvalidRequestError(
                "body", f"expected a header with {listed(features)}, got {listed(header) or 'none'}"
            )
        for line in lines:
            if not line:
                continue
            if len(line) != len(header):
                raise InvalidRequestError(
                    "body", f"line {lines.line_num} has {len(line)} values, the header has {len(header)}"
                )
            for column, cell in zip(columns, line, strict=True):
                if column is not None:
                    column.add(cell)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InvalidRequestError("body", f"expected CSV: {error}") from error
    return [column.tensor for column in columns if column is not None]


class _Column:
    def __init__(self, name: str, feature: Feature) -> None:
        self._name = name
        self._datatype, self._values, self._read = _forms(feature)

    def add(self, cell: str) -> None:
        try:
            self._values.append(self._read(cell))
        except ValueError as error:
            raise InvalidTensorError(
                self._name, f"has {shown(cell)} at {len(self._values)}, expected a number ({self._datatype})"
            ) from error

    @property
    def tensor(self) -> InputTensor:
        values = self._values
        data = np.frombuffer(values) if isinstance(values, array) else values
        return InputTensor(self._name, self._datatype, [len(values)], data)


def _forms(feature: Feature) -> tuple[str, Any, Callable[[str], Any]]:
    """As what a feature's cells are kept, and how they are read."""
    if feature.datatype is Datatype.BYTES:
        return "BYTES", [], lambda cell: cell or None
    if feature.datatype is Datatype.BOOL:
        return "BOOL", [], _truth
    if feature.datatype.value.startswith("FP"):
        return "FP64", array("d"), _number
    return "FP64", [], _whole


def _number(cell: str) -> float:
    if cell in _MISSING:
        return nan
    if "_" in cell:
        # Python's numbers may have them, those of others do not.
        raise ValueError(cell)
    return float(cell)


def _whole(cell: str) -> float | None:
    """As Python's whole number, where it is one: a float would lose digits of the great ones."""
    with suppress(ValueError):
        return int(cell)
    number = _number(cell)
    return None if number != number else number  # noqa: PLR0124 - NaN alone differs from itself


def _truth(cell: str) -> bool:
    found = _TRUTHS.get(cell.strip().lower())
    if found is None:
        raise ValueError(cell)
    return found
