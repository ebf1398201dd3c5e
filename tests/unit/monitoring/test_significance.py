import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from shelflife.monitoring.significance import chi_squared_tail, kolmogorov_tail, normal_tails


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
