"""The statistics against scipy on the raw rows; bounds are what the module promises."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.spatial.distance import jensenshannon

from shelflife.kernel.profiles import (
    NUMBER_BINS,
    ColumnProfile,
    Profile,
    merge,
    profile_over,
    reference_profile,
)
from shelflife.monitoring.statistics import (
    chi_squared,
    index_counts,
    index_groups,
    jensen_shannon,
    kolmogorov_smirnov,
    kolmogorov_smirnov_p_value,
    mean_shift,
    mean_shift_p_value,
    moved_p_value,
    normed_wasserstein,
    population_stability_index,
    population_stability_p_value,
    wasserstein,
)

Rows = npt.NDArray[np.float64]
SHAPES: dict[str, Callable[[np.random.Generator, int], Rows]] = {
    "normal": lambda random, size: random.normal(10, 3, size),
    "skewed": lambda random, size: random.lognormal(0, 1, size),
    "few values": lambda random, size: random.integers(0, 24, size).astype(np.float64),
    "mostly zero": lambda random, size: random.poisson(0.2, size).astype(np.float64),
    "uniform": lambda random, size: random.uniform(-1, 1, size),
}
MOVES: dict[str, Callable[[Rows], Rows]] = {
    "nothing": lambda rows: rows,
    "shifted": lambda rows: rows + 1,
    "far away": lambda rows: rows + 100,
    "wider": lambda rows: rows * 1.5,
    "below": lambda rows: rows - 100,
}


def both(baseline: object, window: object) -> tuple[ColumnProfile, ColumnProfile]:
    reference = reference_profile({"x": np.asarray(baseline)})
    return reference.columns["x"], profile_over(reference, {"x": np.asarray(window)}).columns["x"]


def index(baseline: ColumnProfile, window: ColumnProfile) -> float:
    groups = index_groups(baseline)
    return population_stability_index(index_counts(baseline, groups), index_counts(window, groups))


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("shape", SHAPES)
def test_distances_are_those_of_the_raw_rows(shape: str, move: str) -> None:
    random = np.random.default_rng(7)
    one = SHAPES[shape](random, 20_000)
    other = MOVES[move](SHAPES[shape](random, 5_000))
    baseline, window = both(one, other)
    raw = stats.ks_2samp(one, other)
    found = kolmogorov_smirnov(baseline.counts, window.counts)
    if move not in {"below", "far away"} or shape not in {"few values", "mostly zero"}:
        assert raw.statistic - 1.2 / NUMBER_BINS <= found <= raw.statistic + 1e-12
    earth = stats.wasserstein_distance(one, other)
    assert wasserstein(baseline, window) == pytest.approx(earth, rel=0.05, abs=0.01 * one.std())
    assert normed_wasserstein(baseline, window) == pytest.approx(earth / one.std(), rel=0.05, abs=0.01)
    shift = (other.mean() - one.mean()) / one.std()
    assert mean_shift(baseline, window) == pytest.approx(shift, abs=1e-9)


def test_the_p_value_of_ks_is_the_asymptotic_one() -> None:
    random = np.random.default_rng(3)
    one, other = random.normal(size=4_000), random.normal(0.05, 1, 1_000)
    baseline, window = both(one, other)
    found = kolmogorov_smirnov(baseline.counts, window.counts)
    expected = stats.ks_2samp(one, other, method="asymp").pvalue
    assert kolmogorov_smirnov_p_value(found, baseline.counts, window.counts) == pytest.approx(
        expected, abs=0.05
    )


def test_the_index_is_the_published_sum() -> None:
    baseline, window = np.array([50, 30, 20]), np.array([20, 30, 50])
    one, other = (baseline + 0.5) / 101.5, (window + 0.5) / 101.5
    expected = float(((other - one) * np.log(other / one)).sum())
    assert population_stability_index(baseline, window) == pytest.approx(expected)
    assert population_stability_index(np.array([5, 0]), np.array([0, 5])) < 100


def test_the_index_has_a_p_value_that_is_uniform_if_nothing_moves() -> None:
    random = np.random.default_rng(5)
    shares = np.full(10, 0.1)
    baseline = random.multinomial(5_000, shares)
    found = [
        population_stability_p_value(population_stability_index(baseline, window), baseline, window)
        for window in random.multinomial(1_000, shares, size=2_000)
    ]
    assert 0.2 < float(np.mean(np.array(found) < 0.5)) < 0.8
    assert float(np.mean(np.array(found) < 0.01)) < 0.03


def test_a_shift_that_the_naive_index_cannot_see_is_seen() -> None:
    """Many tutorials bin each sample over its own range: a shifted copy then has an index of 0."""
    rows = np.random.default_rng(1).normal(size=1_000)
    naive = [np.histogram(one, bins=10)[0] for one in (rows, rows + 100)]
    assert population_stability_index(*naive) == pytest.approx(0, abs=1e-3)
    assert index(*both(rows, rows + 100)) > 2


@pytest.mark.parametrize("often", [0.02, 0.5, 0.98])
def test_a_flag_is_not_one_bin(often: float) -> None:
    random = np.random.default_rng(2)
    baseline, window = both(random.random(5_000) < often, random.random(5_000) < 1 - often)
    assert len(index_counts(baseline, index_groups(baseline))) == 3  # 0, 1, missing
    if often != 0.5:
        assert index(baseline, window) > 2


def test_tenths_of_the_baseline_are_whole_bins() -> None:
    rows = np.random.default_rng(4).normal(size=10_000)
    baseline, _ = both(rows, rows)
    counts = index_counts(baseline, index_groups(baseline))[:-1]
    assert len(counts) == 10
    assert np.abs(counts / 10_000 - 0.1).max() < 1.5 / NUMBER_BINS


def test_missing_values_move_the_index() -> None:
    rows = np.random.default_rng(4).normal(size=2_000)
    gone = np.where(np.arange(2_000) % 5 == 0, np.nan, rows)
    assert index(*both(rows, gone)) > 0.5
    assert index(*both(rows, np.full(500, np.nan))) > 2


def test_categories_are_compared_with_the_unseen() -> None:
    one = np.array(["a"] * 60 + ["b"] * 40, dtype=object)
    other = np.array(["a"] * 30 + ["c"] * 70, dtype=object)
    baseline, window = both(one, other)
    expected = jensenshannon([0.6, 0.4, 0], [0.3, 0, 0.7], base=2)
    assert jensen_shannon(baseline.counts, window.counts) == pytest.approx(expected)
    assert index(baseline, window) > 1


def test_rare_categories_are_together_in_the_index() -> None:
    names = np.array([f"c{number}" for number in range(60)], dtype=object)
    rows = np.random.default_rng(0).choice(names, 3_000)
    baseline, _ = both(rows, rows)
    assert len(index_counts(baseline, index_groups(baseline))) == 20 + 1 + 1 + 1


def test_chi_squared_is_scipys() -> None:
    baseline, window = np.array([500, 300, 200, 40]), np.array([45, 40, 25, 8])
    raw = stats.chi2_contingency(np.vstack([baseline, window]), correction=False)
    found = chi_squared(baseline, window)
    # The last bin expects 4.9 in the window, and is pooled with the next rarest.
    pooled = stats.chi2_contingency([[500, 300, 240], [45, 40, 33]], correction=False)
    assert raw.expected_freq.min() < 5
    assert found == pytest.approx((pooled.statistic, pooled.pvalue))
    assert chi_squared(np.array([10, 0]), np.array([7, 0])) == (0, 1)


def test_a_flag_that_does_not_occur_in_few_rows_is_no_evidence() -> None:
    baseline, window = both(np.arange(4_000) % 40 == 0, np.zeros(160, dtype=bool))
    assert normed_wasserstein(baseline, window) > 0.1
    assert moved_p_value(baseline, window) > 0.01


def test_a_move_within_an_open_end_is_felt() -> None:
    """All values stay in the bins that they were in: KS sees nothing."""
    baseline, window = both(np.tile([0.0, 1.0], 500), np.tile([0.0, 2.0], 500))
    assert kolmogorov_smirnov(baseline.counts, window.counts) == 0
    assert normed_wasserstein(baseline, window) == pytest.approx(1)
    assert moved_p_value(baseline, window) < 0.001


def test_a_constant_baseline_has_a_scale_nevertheless() -> None:
    assert normed_wasserstein(*both([4.0] * 50, [6.0] * 50)) == pytest.approx(0.5)
    assert normed_wasserstein(*both([0.0] * 50, [2.0] * 50)) == pytest.approx(2)
    assert mean_shift_p_value(*both([4.0] * 50, [6.0] * 50)) == 0
    assert mean_shift_p_value(*both([0.1] * 50, [0.1] * 7)) == 1


NUMBERS = arrays(np.float64, st.integers(1, 300), elements=st.floats(-1e6, 1e6, width=32))


@settings(max_examples=60)
@given(NUMBERS)
def test_a_column_is_at_no_distance_from_itself(rows: Rows) -> None:
    baseline, window = both(rows, rows)
    scale = 1e-9
    assert index(baseline, window) == pytest.approx(0, abs=scale)
    assert kolmogorov_smirnov(baseline.counts, window.counts) == 0
    assert wasserstein(baseline, window) == pytest.approx(0, abs=scale)
    assert jensen_shannon(baseline.counts, window.counts) == pytest.approx(0, abs=1e-7)
    assert mean_shift(baseline, window) == 0
    assert moved_p_value(baseline, window) == 1


@settings(max_examples=60)
@given(NUMBERS, NUMBERS)
def test_distances_stay_in_their_ranges(one: Rows, other: Rows) -> None:
    baseline, window = both(one, other)
    assert index(baseline, window) >= 0
    assert 0 <= kolmogorov_smirnov(baseline.counts, window.counts) <= 1
    assert 0 <= jensen_shannon(baseline.counts, window.counts) <= 1 + 1e-9
    apart = abs(one.mean() - other.mean())
    assert wasserstein(baseline, window) >= apart - 1e-6 * max(abs(one).max(), abs(other).max(), 1)
    assert 0 <= moved_p_value(baseline, window) <= 1
    groups = index_groups(baseline)
    assert np.all(np.diff(groups) >= 0)
    assert index_counts(baseline, groups).sum() == len(one)


@settings(max_examples=40)
@given(st.lists(NUMBERS, min_size=1, max_size=5))
def test_merged_windows_are_the_window_of_all_rows(parts: list[Rows]) -> None:
    reference = reference_profile({"x": np.linspace(-10, 10, 1_000)})
    merged: Profile = merge([profile_over(reference, {"x": part}) for part in parts])
    whole = profile_over(reference, {"x": np.concatenate(parts)})
    assert np.array_equal(merged.columns["x"].counts, whole.columns["x"].counts)
    baseline = reference.columns["x"]
    assert index(baseline, merged.columns["x"]) == index(baseline, whole.columns["x"])
