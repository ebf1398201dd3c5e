"""Rows by column, as data frames have them, as the tensors of a model's inputs."""

from collections.abc import Mapping
from typing import Any

from shelflife.contracts.models import Datatype
from shelflife.serving.errors import InvalidRequestError, InvalidTensorError
from shelflife.serving.features import Feature, Features
from shelflife.serving.oip import LONGEST_SHAPE, flattened
from shelflife.serving.tensors import InputTensor
from shelflife.serving.wording import listed, shown

_NOTHING = type(None)
_TRUTHS: frozenset[Any] = frozenset((bool, _NOTHING))
_WHOLE: frozenset[Any] = frozenset((int,))


def tensors_of(columns: Mapping[str, list[Any]], features: Features) -> list[InputTensor]:
    """A tensor for each column that is a feature; others are passed over, as MLflow does.

    Raises:
        InvalidTensorError: a column's values are no tensor.
        InvalidRequestError: no column is a feature.
    """
    known = [name for name in columns if name in features]
    if not known:
        raise InvalidRequestError(
            "columns", f"expected {listed(features)}, got {listed(map(str, columns)) or 'none'}"
        )
    return [_tensor(name, columns[name], features[name]) for name in known]


def columns_of_rows(rows: Any, features: Features, field: str) -> dict[str, list[Any]]:
    """Rows of values in the order of the features; of one feature, a row is its value.

    Raises:
        InvalidRequestError: they are no such rows.
    """
    if type(rows) is not list or not rows:
        raise InvalidRequestError(field, f"expected a list of rows, got {shown(rows)}")
    if len(features) == 1:
        (name,) = features
        return {name: rows}
    return columns_of_table(rows, list(features), field)


def columns_of_table(rows: Any, names: list[str], field: str) -> dict[str, list[Any]]:
    """Rows of values in the order of the names.

    Raises:
        InvalidRequestError: a row is no list of as many values.
    """
    if type(rows) is not list:
        raise InvalidRequestError(field, f"expected a list of rows, got {shown(rows)}")
    for at, row in enumerate(rows):
        if type(row) is not list or len(row) != len(names):
            raise InvalidRequestError(
                f"{field}.{at}", f"expected {len(names)} values, for {listed(names)}, got {shown(row)}"
            )
    return {name: [row[at] for row in rows] for at, name in enumerate(names)}


def columns_of_records(records: Any, features: Features, field: str) -> dict[str, list[Any]]:
    """Objects of values by name; what one of them leaves out is missing in its row.

    Raises:
        InvalidRequestError: they are no such objects.
    """
    if type(records) is not list or not records:
        raise InvalidRequestError(field, f"expected a list of objects, got {shown(records)}")
    for at, record in enumerate(records):
        if type(record) is not dict:
            raise InvalidRequestError(f"{field}.{at}", f"expected an object, got {shown(record)}")
    named = set().union(*records)
    known = [name for name in features if name in named] or list(named)
    return {name: [record.get(name) for record in records] for name in known}


def _tensor(name: str, values: Any, feature: Feature) -> InputTensor:
    if type(values) is not list:
        raise InvalidTensorError(name, f"expected a list of values, one per row, got {shown(values)}")
    shape, one = [len(values)], values
    while one and type(one[0]) is list and len(shape) <= LONGEST_SHAPE:
        one = one[0]
        shape.append(len(one))
    flat = flattened(name, shape, values) if len(shape) > 1 else values
    return InputTensor(name, _datatype(flat, feature), shape, flat)


def _datatype(values: list[Any], feature: Feature) -> str:
    """What these values of JSON are, seen from the feature that they are for: JSON has but one number."""
    if feature.datatype is Datatype.BYTES:
        return "BYTES"
    kinds = set(map(type, values))
    if bool in kinds and _TRUTHS.issuperset(kinds):
        return "BOOL"
    if feature.datatype.value.lstrip("U").startswith("INT") and _WHOLE.issuperset(kinds):
        return feature.datatype.value
    return "FP64"
