import numpy as np
import pytest

from shelflife.kernel.profiles import ColumnProfile, profile_over, reference_profile
from shelflife.monitoring.histogram import BARS, CATEGORY_BARS, display_bars, index_bars
from shelflife.monitoring.report import Bar
from shelflife.monitoring.statistics import index_groups


def both(baseline: object, window: object) -> tuple[ColumnProfile, ColumnProfile]:
    reference = reference_profile({"x": np.asarray(baseline)})
    return reference.columns["x"], profile_over(reference, {"x": np.asarray(window)}).columns["x"]


def test_few_values_have_a_bar_each() -> None:
    bars = display_bars(*both(np.tile(np.arange(24.0), 10), np.tile(np.arange(24.0), 3)))
    assert [bar.label for bar in bars] == [str(hour) for hour in range(24)]
    assert {(bar.baseline, bar.window) for bar in bars} == {(10, 3)}


def test_an_end_that_holds_other_values_is_told_as_a_range() -> None:
    bars = display_bars(*both([0.0, 1.0, 0.0], [0.0, 7.0]))
    assert bars == (Bar(label="≤ 0", baseline=2, window=1), Bar(label="> 0", baseline=1, window=1))


def test_many_values_are_merged_into_stretches_that_cover_all_rows() -> None:
    random = np.random.default_rng(0)
    bars = display_bars(*both(random.normal(size=9_000), random.normal(3, 1, 800)))
    assert 10 <= len(bars) <= BARS
    assert (sum(bar.baseline for bar in bars), sum(bar.window for bar in bars)) == (9_000, 800)
    assert bars[0].label.startswith("≤")
    assert bars[-1].label.startswith(">")


@pytest.mark.parametrize("constant", [0.0, -3.5])
def test_a_constant_has_one_bar_with_rows(constant: float) -> None:
    bars = display_bars(*both([constant] * 5, [constant] * 2))
    assert sum(bar.baseline for bar in bars) == 5
    assert [bar for bar in bars if bar.window] == [bars[0]]


def test_missing_values_come_last() -> None:
    bars = display_bars(*both([0.0, 1.0, np.nan], [0.0, 1.0]))
    assert bars[-1] == Bar(label="missing", baseline=1, window=0)
    assert all(bar.baseline == 1 for bar in bars)


def test_the_commonest_categories_of_either_side_are_shown() -> None:
    names = np.array([f"c{number:02}" for number in range(40)], dtype=object)
    bars = display_bars(*both(np.repeat(names, 3), np.array(["c39"] * 9 + ["new", None], dtype=object)))
    assert bars[0] == Bar(label="c39", baseline=3, window=9)
    assert [bar.label for bar in bars[CATEGORY_BARS:]] == [
        "28 other categories",
        "unseen categories",
        "missing",
    ]
    assert (sum(bar.baseline for bar in bars), sum(bar.window for bar in bars)) == (120, 11)


def test_the_bins_of_the_index_are_named_with_their_counts() -> None:
    baseline, window = both(np.tile([0.0, 1.0, 2.0, 3.0], 5), [0.0, 9.0, np.nan])
    bars = index_bars(baseline, window, index_groups(baseline))
    assert [bar.label for bar in bars] == ["≤ 0", "0 – 1", "1 – 2", "> 2", "missing"]  # noqa: RUF001 - as typeset
    assert [bar.window for bar in bars] == [1, 0, 0, 1, 1]


def test_a_column_without_any_value_has_bars_too() -> None:
    baseline, window = both([np.nan, np.nan], [1.0])
    assert display_bars(baseline, window)[-1] == Bar(label="missing", baseline=2, window=0)
    assert sum(bar.window for bar in index_bars(baseline, window, index_groups(baseline))) == 1
