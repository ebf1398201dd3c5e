"""Compared with boto3's own, which every Python program uses."""

from decimal import Decimal
from math import inf, nan
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer
from hypothesis import given
from hypothesis import strategies as st

from shelflife.aws.attributes import UnstorableValueError, plain, typed

SCALARS = (
    st.none()
    | st.booleans()
    | st.text()
    | st.integers(-(10**37), 10**37)
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e100, max_value=1e100).filter(
        lambda number: number == 0 or abs(number) >= 1e-130
    )
    | st.binary()
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def with_decimals(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: with_decimals(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_decimals(inner) for inner in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return Decimal(repr(value))


@given(VALUES)
def test_a_value_comes_back_equal(value: Any) -> None:
    assert plain(typed(value)) == value


@given(VALUES)
def test_boto3_reads_what_is_written(value: Any) -> None:
    written: Any = typed(value)
    assert TypeDeserializer().deserialize(written) == with_decimals(value)


@pytest.mark.parametrize(
    ("text", "number"), [("2", 2), ("2.50", 2.5), ("-0.001", -0.001), ("1E+3", 1000), ("2.0", 2)]
)
def test_numbers_are_whole_where_they_can_be(text: str, number: float) -> None:
    found = plain({"N": text})
    assert (found, type(found)) == (number, type(number))


def test_sets_are_read() -> None:
    assert plain({"SS": ["a", "b"]}) == {"a", "b"}
    assert plain({"NS": ["1", "2.5"]}) == {1, 2.5}


@pytest.mark.parametrize("value", [nan, inf, 10**38, 1e-131, 1e126, object(), {1, 2}])
def test_what_dynamodb_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(UnstorableValueError):
        typed(value)
