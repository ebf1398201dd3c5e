"""Bounds against scipy, and against their promise: the chance to fail, added up over every possible count."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from shelflife.serving.bounds import (
    difference_lower,
    quantile_lower,
    quantile_upper,
    rate_lower,
    rate_upper,
)

alphas = st.floats(1e-5, 0.4)


@given(st.integers(1, 100_000), st.floats(0, 1), alphas)
def test_the_bounds_of_a_rate_are_those_of_clopper_and_pearson(
    trials: int, share: float, alpha: float
) -> None:
    hits = round(share * trials)
    lower = stats.beta.ppf(alpha, hits, trials - hits + 1) if hits else 0
    upper = stats.beta.ppf(1 - alpha, hits + 1, trials - hits) if hits < trials else 1
    assert rate_lower(hits, trials, alpha) == pytest.approx(lower, rel=2e-6, abs=1e-12)
    assert rate_upper(hits, trials, alpha) == pytest.approx(upper, rel=2e-6, abs=1e-12)


def test_one_failure_in_any_number_is_no_surprise_where_wilson_would_be_surprised() -> None:
    score, trials, alpha = stats.norm.isf(5e-4), 100_000, 5e-4
    wilson = (1 / trials + score**2 / (2 * trials) - score / trials * math.sqrt(1 + score**2 / 4)) / (
        1 + score**2 / trials
    )
    fails = [stats.binom.sf(0, trials, bound * 0.999) for bound in (rate_lower(1, trials, alpha), wilson)]
    assert fails[0] <= alpha
    assert fails[1] > 0.07


@pytest.mark.parametrize(("trials", "against"), [(30, 200), (100, 100), (60, 300)])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
@pytest.mark.parametrize("margin", [0.0, 0.01, 0.1])
def test_a_difference_of_rates_at_the_margin_is_rarely_above_it(
    trials: int, against: int, alpha: float, margin: float
) -> None:
    lowers = [rate_lower(hits, trials, alpha) for hits in range(trials + 1)]
    uppers = [rate_upper(hits, against, alpha) for hits in range(against + 1)]
    alarms = np.array(
        [
            [
                difference_lower((x / trials, lower), (y / against, upper)) > margin
                for y, upper in enumerate(uppers)
            ]
            for x, lower in enumerate(lowers)
        ]
    )
    for rate in (0.0, 0.001, 0.005, 0.02, 0.1, 0.3, 0.5, 0.8):
        chances = stats.binom.pmf(np.arange(trials + 1), trials, rate + margin)
        others = stats.binom.pmf(np.arange(against + 1), against, rate)
        assert float(chances @ alarms @ others) <= alpha


@given(st.integers(1, 20_000), st.sampled_from([0.5, 0.9, 0.95, 0.99]), alphas)
def test_order_statistics_are_on_the_sides_that_they_promise(
    samples: int, level: float, alpha: float
) -> None:
    lower, upper = quantile_lower(samples, level, alpha), quantile_upper(samples, level, alpha)
    below = 0 if lower is None else round(lower * samples)
    above = samples + 1 if upper is None else round(upper * samples)
    # As far as they may go, and no farther.
    assert below == 0 or stats.binom.cdf(below - 1, samples, level) <= alpha * (1 + 1e-6)
    assert stats.binom.cdf(below, samples, level) > alpha * (1 - 1e-6)
    assert above > samples or stats.binom.sf(above - 1, samples, level) <= alpha * (1 + 1e-6)
    assert stats.binom.sf(above - 2, samples, level) > alpha * (1 - 1e-6)


def test_a_few_samples_have_no_bound_of_a_high_quantile() -> None:
    assert quantile_upper(58, 0.95, 0.05) is None
    assert quantile_upper(59, 0.95, 0.05) == 1
    assert quantile_lower(1, 0.95, 0.01) is None
