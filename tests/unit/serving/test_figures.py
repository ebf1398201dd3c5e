import json
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shelflife.serving import observed
from shelflife.serving.figures import (
    LATENCY_BOUNDS,
    PREDICTION_BINS,
    WORST_QUANTILE_ERROR,
    Figures,
    latency_bin,
    merged,
    quantile,
)

counts = st.integers(0, 10**12)
# Whole numbers, so that sums are exact in any order.
whole = st.integers(-(10**6), 10**6).map(float)
latency_counts = st.lists(counts, min_size=25, max_size=25).map(tuple)
figures = st.builds(
    Figures,
    requests=counts,
    rows=counts,
    failures=counts,
    refusals=counts,
    latency_counts=latency_counts,
    latency_sum=whole,
    predictions=counts,
    prediction_sum=whole,
    prediction_squares=whole,
    prediction_counts=st.lists(counts, min_size=20, max_size=20).map(tuple),
    pairs=counts,
    disagreements=counts,
    difference_sum=whole,
    difference_squares=whole,
    labels=counts,
    loss_sum=whole,
    loss_squares=whole,
)


def test_a_minute_adds_up_by_hand() -> None:
    minute = merged(
        [
            observed.answer(rows=3, latency_ms=0.2),
            observed.answer(rows=1, latency_ms=40_000),
            observed.failure(),
            observed.refusal(),
            observed.numbers([1, 2, 3, math.nan], edges=[1, 2]),
            observed.shadow_numbers([1, 2], [1, 3], tolerance=0.1),
            observed.losses([0.5, 1.5]),
        ]
    )
    answers = {"q": 4, "r": 4, "f": 1, "u": 1, "ls": 40_000.2, "l0": 1, "l24": 1}
    predictions = {"pn": 4, "ps": 6, "pq": 14, "p0": 1, "p1": 1, "p2": 1, "p19": 1}
    shadow, labels = {"sn": 2, "sd": 1, "sa": 1, "sq": 1}, {"yn": 2, "ys": 2, "yq": 2.5}
    assert minute.to_counts() == answers | predictions | shadow | labels


def test_nothing_has_no_counts_and_no_quantiles() -> None:
    assert merged([]) == Figures()
    assert Figures().to_counts() == {}
    assert Figures().latency_quantile(0.5) is None


@given(figures, figures, figures)
def test_the_order_of_merging_does_not_matter(one: Figures, two: Figures, three: Figures) -> None:
    assert one + two == two + one
    assert (one + two) + three == one + (two + three) == merged([three, one, two])
    assert one + Figures() == one


@given(figures)
def test_counts_say_everything(some: Figures) -> None:
    assert Figures.from_counts(some.to_counts()) == some
    assert Figures.model_validate_json(some.model_dump_json()) == some


@given(figures, figures)
def test_counts_add_up_one_by_one_like_the_figures(one: Figures, two: Figures) -> None:
    added = one.to_counts()
    for name, value in two.to_counts().items():
        added[name] = added.get(name, 0) + value
    assert Figures.from_counts(added) == one + two


def test_a_whole_item_is_read_and_its_decimals_are_numbers() -> None:
    item = {"q": Decimal(7), "ls": Decimal("1.5"), "l0": Decimal(7), "ttl": Decimal(1_800_000_000)}
    assert Figures.from_counts(item).to_counts() == {"q": 7, "ls": 1.5, "l0": 7}


@pytest.mark.parametrize("broken", [{"q": -1}, {"q": 0.5}, {"ls": math.nan}, {"l3": -2}])
def test_counts_that_nothing_has_are_refused(broken: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Figures.from_counts(broken)


def test_attribute_names_are_short_and_none_is_used_twice() -> None:
    every = Figures.from_counts(
        dict.fromkeys([f"l{at}" for at in range(25)] + [f"p{at}" for at in range(20)], 1)
    )
    assert len(every.to_counts()) == 45
    assert all(len(name) <= 3 for name in every.to_counts())


def test_the_bounds_are_frozen() -> None:
    assert len(LATENCY_BOUNDS) == 24
    assert (LATENCY_BOUNDS[0], LATENCY_BOUNDS[12], LATENCY_BOUNDS[-1]) == (0.25, 111.6729, 30_000)
    assert pytest.approx(0.6627, abs=1e-4) == WORST_QUANTILE_ERROR


@given(st.floats(0, 1e6))
def test_a_latency_lies_between_the_bounds_of_its_bin(latency: float) -> None:
    at = latency_bin(latency)
    assert at == len(LATENCY_BOUNDS) or latency <= LATENCY_BOUNDS[at]
    assert at == 0 or latency > LATENCY_BOUNDS[at - 1]


@given(latency_counts, st.lists(st.floats(0, 1), min_size=2, max_size=10))
def test_quantiles_grow_with_their_level(counted: tuple[int, ...], levels: list[float]) -> None:
    found = [quantile(counted, level) for level in sorted(levels)]
    if sum(counted) == 0:
        assert found == [None] * len(levels)
    else:
        known = [value for value in found if value is not None]
        assert known == sorted(known)
        assert len(known) == len(levels)


@given(st.lists(st.floats(0.16, 29_000), min_size=1, max_size=60), st.floats(0.01, 1))
def test_a_quantile_is_in_the_bin_of_the_true_one(latencies: list[float], level: float) -> None:
    found = merged(observed.answer(1, latency) for latency in latencies).latency_quantile(level)
    true = sorted(latencies)[max(math.ceil(level * len(latencies) - 1e-9), 1) - 1]
    assert found is not None
    assert 1 / (1 + WORST_QUANTILE_ERROR) - 1e-3 <= found / true <= 1 + WORST_QUANTILE_ERROR + 1e-3


@pytest.mark.parametrize("middle", [0.7, 3.0, 20.0, 111.0, 450.0])
@pytest.mark.parametrize(("shape", "most"), [("lognormal", 0.04), ("gamma", 0.08), ("shifted", 0.12)])
def test_quantiles_of_smooth_latencies_are_off_by_a_few_percent(
    middle: float, shape: str, most: float
) -> None:
    random = np.random.default_rng(3)
    latencies = (
        middle
        * {
            "lognormal": lambda: random.lognormal(0, 0.3, 40_000),
            "gamma": lambda: random.gamma(4, 0.25, 40_000),
            "shifted": lambda: 0.8 + random.exponential(0.5, 40_000),
        }[shape]()
    )
    counted = np.bincount(np.searchsorted(LATENCY_BOUNDS, latencies), minlength=25).tolist()
    for level in (0.5, 0.95, 0.99):
        assert quantile(counted, level) == pytest.approx(np.quantile(latencies, level), rel=most)


def test_a_quantile_beyond_the_last_bound_is_the_last_bound() -> None:
    assert observed.answer(1, 90_000).latency_quantile(0.95) == 30_000


def test_values_that_cannot_be_added_up_are_counted_last_and_in_no_sum() -> None:
    seen = observed.numbers([1.0, math.inf, -math.inf, math.nan, 1e200], edges=[])
    assert (seen.predictions, seen.prediction_sum, seen.prediction_squares) == (5, 1, 1)
    assert (seen.prediction_counts[0], seen.prediction_counts[-1]) == (1, 4)
    assert json.loads(seen.model_dump_json())["prediction_sum"] == 1


def test_more_edges_than_bins_are_refused() -> None:
    assert observed.numbers([99], edges=range(18)).prediction_counts[18] == 1
    with pytest.raises(ValueError, match="19 edges between bins, at most 18 fit"):
        observed.numbers([1], edges=range(19))


def test_classes_from_the_twentieth_on_share_a_bin() -> None:
    seen = observed.classes([0, 0, 1, 19, 20, 400])
    assert (seen.prediction_counts[:2], seen.prediction_counts[PREDICTION_BINS - 1]) == ((2, 1), 3)


def test_a_shadow_agrees_within_its_tolerance() -> None:
    live = [100.0, 100.0, 0.0, math.nan, math.nan, math.inf]
    shadow = [101.0, 102.0, 0.0, math.nan, 1.0, -math.inf]
    seen = observed.shadow_numbers(live, shadow, tolerance=0.01)
    assert (seen.pairs, seen.disagreements, seen.difference_sum, seen.difference_squares) == (6, 3, 3, 5)


def test_a_shadow_with_another_label_disagrees() -> None:
    seen = observed.shadow_labels(["a", "b", "c"], ["a", "c", "c"])
    assert (seen.pairs, seen.disagreements, seen.difference_sum) == (3, 1, 1)
