import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from shelflife.kernel.significance import (
    at_least,
    at_most,
    beta_share,
    chi_squared_tail,
    kolmogorov_tail,
    normal_tails,
    student_tail,
)


@given(st.floats(0, 500), st.integers(1, 150))
def test_the_tail_of_chi_squared_is_scipys(statistic: float, degrees: int) -> None:
    expected = stats.chi2.sf(statistic, degrees)
    assert chi_squared_tail(statistic, degrees) == pytest.approx(expected, rel=1e-8, abs=1e-12)


@given(st.floats(0, 1), st.integers(2, 10_000), st.integers(2, 10_000))
def test_the_tail_of_kolmogorov_is_scipys(distance: float, one: int, other: int) -> None:
    expected = stats.kstwobign.sf(distance * (one * other / (one + other)) ** 0.5)
    assert kolmogorov_tail(distance, one, other) == pytest.approx(expected, abs=1e-9)


@given(st.floats(-30, 30))
def test_the_tails_of_a_normal_value_are_scipys(score: float) -> None:
    assert normal_tails(score) == pytest.approx(2 * stats.norm.sf(abs(score)), rel=1e-9)


def test_nothing_is_surprising_without_degrees_of_freedom() -> None:
    assert chi_squared_tail(10, 0) == 1


@given(st.floats(-30, 30), st.floats(1, 1e6))
@example(1e-5, 380_215.0)
def test_the_tail_of_student_is_scipys(score: float, degrees: float) -> None:
    assert student_tail(score, degrees) == pytest.approx(stats.t.sf(score, degrees), rel=1e-6, abs=1e-12)


@given(st.integers(1, 1_000_000), st.floats(0, 1), st.floats(0, 1))
def test_the_tails_of_a_count_are_scipys(trials: int, share: float, rate: float) -> None:
    hits = round(share * trials)
    above, below = stats.binom.sf(hits - 1, trials, rate), stats.binom.cdf(hits, trials, rate)
    assert at_least(hits, trials, rate) == pytest.approx(above, rel=1e-6, abs=1e-9)
    assert at_most(hits, trials, rate) == pytest.approx(below, rel=1e-6, abs=1e-9)


def test_small_counts_have_the_chances_of_coins() -> None:
    assert at_least(2, 3, 0.5) == pytest.approx(4 / 8)
    assert at_most(0, 3, 0.5) == pytest.approx(1 / 8)
    assert (at_least(0, 3, 0.5), at_most(3, 3, 0.5), at_least(4, 3, 0.5), at_most(-1, 3, 0.5)) == (1, 1, 0, 0)


def test_a_hundred_million_samples_are_few_enough() -> None:
    expected = stats.beta.cdf(0.5, 5e7, 5e7 + 1)
    assert beta_share(5e7, 5e7 + 1, 0.5) == pytest.approx(expected, rel=1e-4)
