import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.kernel.profiles import (
    CATEGORY_BINS,
    NUMBER_BINS,
    ColumnProfile,
    Profile,
    ProfileMismatchError,
    Values,
    category_profile,
    from_json,
    merge,
    profile_over,
    reference_profile,
    shared,
    to_json,
)

INF = math.inf
NAN = math.nan
# Halves of whole numbers: their sums and squares are exact, in whatever order they are added.
EXACT = st.integers(-1000, 1000).map(lambda n: n / 2) | st.just(NAN)
ANY = st.floats(width=64)
WORDS = st.sampled_from(["a", "b", "c", "ä", "", "nan"]) | st.none()


def numbers(values: Sequence[float]) -> Values:
    return np.asarray(values, dtype=np.float64)


def words(values: list[str | None]) -> Values:
    return np.asarray([*values, None], dtype=object)[:-1]


def assert_same(found: Profile, expected: Profile, *, exact: bool = True) -> None:
    assert (found.row_count, found.columns.keys()) == (expected.row_count, expected.columns.keys())
    for name, column in expected.columns.items():
        assert_same_column(found.columns[name], column, exact=exact)


def assert_same_column(found: ColumnProfile, column: ColumnProfile, *, exact: bool) -> None:
    assert (found.kind, found.bins, found.missing) == (column.kind, column.bins, column.missing)
    assert (found.lowest, found.highest, found.centre) == (column.lowest, column.highest, column.centre)
    np.testing.assert_array_equal(found.counts, column.counts)
    assert found.counts.dtype == column.counts.dtype == np.int64
    tolerance = 0 if exact else 1e-9
    np.testing.assert_allclose(found.sums, column.sums, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found.squares, column.squares, rtol=tolerance, atol=tolerance)


def one(values: Values) -> ColumnProfile:
    return reference_profile({"x": values}).columns["x"]


@given(st.lists(EXACT), st.lists(st.lists(EXACT), min_size=1, max_size=4))
def test_merged_numbers_are_the_profile_of_all_rows(reference: list[float], parts: list[list[float]]) -> None:
    # A centre of any other value makes the squares inexact; that is the next test's.
    frozen = reference_profile({"x": numbers([*reference, *(-value for value in reference)])})
    merged = merge([profile_over(frozen, {"x": numbers(part)}) for part in parts])
    assert_same(merged, profile_over(frozen, {"x": numbers([v for part in parts for v in part])}))


@given(
    st.lists(st.floats(-1e6, 1e6)),
    st.lists(st.lists(st.floats(-1e6, 1e6)), min_size=1, max_size=4),
)
def test_merged_sums_differ_by_rounding_alone(reference: list[float], parts: list[list[float]]) -> None:
    frozen = reference_profile({"x": numbers(reference)})
    merged = merge([profile_over(frozen, {"x": numbers(part)}) for part in parts])
    whole = profile_over(frozen, {"x": numbers([v for part in parts for v in part])})
    np.testing.assert_array_equal(merged.columns["x"].counts, whole.columns["x"].counts)
    np.testing.assert_allclose(merged.columns["x"].sums, whole.columns["x"].sums, rtol=1e-9, atol=1e-6)


@given(st.lists(WORDS), st.lists(st.lists(WORDS), min_size=1, max_size=4))
def test_merged_categories_are_the_profile_of_all_rows(
    reference: list[str | None], parts: list[list[str | None]]
) -> None:
    frozen = reference_profile({"x": words(reference)})
    merged = merge([profile_over(frozen, {"x": words(part)}) for part in parts])
    assert_same(merged, profile_over(frozen, {"x": words([v for part in parts for v in part])}))


@given(st.lists(ANY), st.lists(WORDS))
def test_json_loses_nothing_and_is_json(values: list[float], texts: list[str | None]) -> None:
    size = min(len(values), len(texts))
    profile = reference_profile({"x": numbers(values[:size]), "t": words(texts[:size])})
    text = to_json(profile)
    json.loads(text, parse_constant=pytest.fail)
    assert_same(from_json(text), profile)
    assert_same(from_json(text.encode()), profile)


@given(st.lists(ANY))
def test_every_value_is_counted_once_in_ascending_bins(values: list[float]) -> None:
    column = one(numbers(values))
    assert column.total == len(values)
    assert column.missing == sum(map(math.isnan, values))
    assert len(column.counts) == len(column.sums) == len(column.bins) + 1
    assert len(column.bins) < NUMBER_BINS
    assert list(column.bins) == sorted({float(edge) for edge in column.bins})


def test_a_reference_counts_as_profile_over_itself_does() -> None:
    rows = {"x": numbers([1, 2, NAN]), "t": words(["a", None, "a"])}
    reference = reference_profile(rows)
    assert_same(profile_over(reference, rows), reference)
    assert_same(merge([reference]), reference)


def test_few_values_have_a_bin_each() -> None:
    column = one(numbers([3, 1, 2, 2, 3, 3]))
    assert column.bins == (1.0, 2.0)
    assert column.counts.tolist() == [1, 2, 3]
    assert column.sums.tolist() == [1.0, 4.0, 9.0]


def test_an_edge_belongs_to_the_bin_below_it() -> None:
    frozen = reference_profile({"x": numbers([1, 2, 3])})
    counted = profile_over(frozen, {"x": numbers([-9, 1, 1.5, 2, 2.5, 3, 99])}).columns["x"]
    assert counted.counts.tolist() == [2, 2, 3]
    assert (counted.lowest, counted.highest) == (-9.0, 99.0)


def test_many_values_share_the_rows_equally() -> None:
    column = one(np.random.default_rng(0).normal(size=25_600))
    assert len(column.counts) == NUMBER_BINS
    assert set(column.counts.tolist()) == {100}


@pytest.mark.parametrize("size", [257, 300, 1000, 4999])
def test_edges_are_values_of_the_reference(size: int) -> None:
    values = np.random.default_rng(size).normal(size=size)
    shares = np.arange(1, NUMBER_BINS) / NUMBER_BINS
    expected = np.unique(np.quantile(values, shares, method="inverted_cdf"))
    assert one(values).bins == tuple(expected.tolist())


def test_one_value_has_a_bin_and_above_it_another() -> None:
    frozen = reference_profile({"x": numbers([5, 5, 5])})
    assert frozen.columns["x"].bins == (5.0,)
    assert frozen.columns["x"].counts.tolist() == [3, 0]
    assert frozen.columns["x"].deviation == 0.0
    assert profile_over(frozen, {"x": numbers([4, 5, 6])}).columns["x"].counts.tolist() == [2, 1]


@pytest.mark.parametrize("values", [numbers([]), numbers([NAN, NAN])])
def test_a_column_without_numbers_has_one_bin_for_all(values: Values) -> None:
    column = one(values)
    assert (column.bins, column.present, column.missing) == ((), 0, len(values))
    assert (column.mean, column.deviation, column.lowest) == (None, None, None)
    assert column.missing_rate == (1.0 if len(values) else 0.0)
    over = profile_over(Profile(0, {"x": column}), {"x": numbers([1, 2])})
    assert over.columns["x"].counts.tolist() == [2]


def test_no_columns_are_no_rows() -> None:
    assert reference_profile({}).row_count == 0
    assert to_json(reference_profile({})) == '{"row_count":0,"columns":{}}'


def test_moments_are_those_of_the_present_values() -> None:
    values = np.random.default_rng(1).normal(1e6, 2.0, 1000)
    frozen = reference_profile({"x": np.append(values, NAN)})
    column = frozen.columns["x"]
    assert column.mean == pytest.approx(values.mean())
    assert column.deviation == pytest.approx(values.std(), rel=1e-6)
    moved = profile_over(frozen, {"x": values + 100}).columns["x"]
    assert moved.deviation == pytest.approx(values.std(), rel=1e-6)


def test_infinities_are_counted_and_told() -> None:
    column = one(numbers([1, 2, INF, -INF]))
    assert (column.counts.tolist(), column.present, column.centre) == ([1, 1, 1, 1], 4, 1.5)
    assert (column.lowest, column.highest, column.deviation) == (-INF, INF, INF)
    assert math.isnan(column.mean or 0.0)
    back = from_json(to_json(Profile(4, {"x": column}))).columns["x"]
    assert_same_column(back, column, exact=True)


def test_an_infinity_meets_finite_bins() -> None:
    frozen = reference_profile({"x": np.arange(1000.0)})
    counted = profile_over(frozen, {"x": numbers([INF, 5, -INF])}).columns["x"]
    assert counted.counts[0] == counted.counts[-1] == 1
    merged = merge([Profile(3, {"x": counted}), frozen]).columns["x"]
    assert merged.present == 1003
    assert merged.deviation == INF


def test_many_infinities_leave_finite_edges_finite() -> None:
    column = one(np.concatenate([np.arange(300.0), np.full(300, INF)]))
    assert all(math.isfinite(float(edge)) for edge in column.bins[:-1])
    assert column.total == 600


def test_numbers_beyond_their_sum_are_counted() -> None:
    column = one(numbers([1.7e308, 1.7e308, -1.7e308]))
    assert (column.present, column.centre, column.highest) == (3, column.centre, 1.7e308)
    assert column.deviation == INF


@pytest.mark.parametrize("dtype", [np.bool_, np.int64, np.uint8, np.float32])
def test_all_numeric_types_are_numbers(dtype: Any) -> None:
    column = one(np.asarray([0, 1, 1], dtype=dtype))
    assert (column.kind, column.bins) == ("number", (0.0,))
    assert column.mean == pytest.approx(2 / 3)


def test_categories_have_a_bin_each_and_unseen_ones_share_one() -> None:
    frozen = reference_profile({"t": words(["b", "a", "b", None])})
    assert frozen.columns["t"].bins == ("a", "b")
    assert frozen.columns["t"].counts.tolist() == [1, 2, 0]
    counted = profile_over(frozen, {"t": words(["a", "z", None, "y"])}).columns["t"]
    assert (counted.counts.tolist(), counted.missing) == ([1, 0, 2], 1)
    assert counted.unseen_rate == pytest.approx(2 / 3)
    assert counted.missing_rate == 0.25


def test_rare_categories_count_as_unseen() -> None:
    common = [f"c{place}" for place in range(CATEGORY_BINS)] * 2
    column = one(words([*common, "rare", "rarer"]))
    assert (len(column.bins), column.counts[-1], column.present) == (CATEGORY_BINS, 2, 202)
    assert "rare" not in column.bins


def test_counts_made_elsewhere_make_the_same_profile() -> None:
    values = [f"w{n}" for n in np.random.default_rng(3).zipf(1.5, 2000)]
    counts = {value: values.count(value) for value in set(values)}
    assert_same_column(category_profile(counts, other=0, missing=1), one(words([*values, None])), exact=True)
    commonest = dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:CATEGORY_BINS])
    rest = len(values) - sum(commonest.values())
    assert_same_column(
        category_profile(commonest, other=rest, missing=1), one(words([*values, None])), exact=True
    )


def test_missing_is_missing_in_whatever_form() -> None:
    masked = np.ma.masked_array([1.0, 2.0, 3.0], mask=[False, True, False])
    assert (one(masked).missing, one(masked).mean) == (1, 2.0)
    whole = np.ma.masked_array([1, 2, 3], mask=[False, True, False])
    assert (one(whole).missing, one(whole).mean) == (1, 2.0)
    texts = np.ma.masked_array(words(["a", "?", "b"]), mask=[False, True, False])
    assert (one(texts).missing, one(texts).bins) == (1, ("a", "b"))
    assert (one(np.asarray(["a", NAN, None], dtype=object)).missing) == 2
    frozen = reference_profile({"x": numbers([1, 2])})
    assert profile_over(frozen, {"x": np.asarray([1, None], dtype=object)}).columns["x"].missing == 1


def test_a_number_may_stand_for_a_category() -> None:
    frozen = reference_profile({"t": words(["1", "2"])})
    counted = profile_over(frozen, {"t": np.asarray([1, 2, 3])}).columns["t"]
    assert counted.counts.tolist() == [1, 1, 1]


def test_columns_beyond_the_reference_are_left_out() -> None:
    frozen = reference_profile({"x": numbers([1])})
    assert list(profile_over(frozen, {"x": numbers([1]), "y": numbers([2])}).columns) == ["x"]
    with pytest.raises(ProfileMismatchError, match="'x'"):
        profile_over(frozen, {"y": numbers([1])})


def test_profiles_over_other_bins_do_not_merge() -> None:
    first, second = (reference_profile({"x": numbers(values)}) for values in ([1, 2], [1, 2, 3]))
    with pytest.raises(ProfileMismatchError, match="'x' was counted over other bins"):
        merge([first, second])
    with pytest.raises(ProfileMismatchError, match="different columns"):
        merge([first, reference_profile({"y": numbers([1, 2])})])
    with pytest.raises(ProfileMismatchError, match="no profile"):
        merge([])
    with pytest.raises(ProfileMismatchError, match=r"different lengths: \[1, 2\]"):
        reference_profile({"x": numbers([1]), "y": numbers([1, 2])})


def test_a_value_beyond_a_floats_whole_numbers_keeps_its_bin() -> None:
    column = one(np.asarray([2**53, 2**53 + 2], dtype=np.int64))
    assert column.counts.tolist() == [1, 1]


def test_profiles_share_the_columns_that_all_of_them_have() -> None:
    whole = reference_profile({"a": np.array([1.0]), "b": np.array([2.0])})
    part = reference_profile({"a": np.array([1.0])})
    assert [[*one.columns] for one in shared([whole, part])] == [["a"], ["a"]]
    assert merge(shared([whole, part])).row_count == 2
    assert shared([]) == []
