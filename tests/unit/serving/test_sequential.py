"""The test that may be looked at at any time: small cases by hand, then error rates by simulation.

Simulations (tests/harness/experiments.py) draw with numpy, and ask the runtime functions at every look.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shelflife.serving.sequential import (
    Decision,
    Goal,
    Sums,
    compare,
    compare_to_control,
    log_evidence,
    radius,
)
from tests.harness.experiments import Experiment, covered, decided, naively_decided


def sums(*values: float) -> Sums:
    return Sums(count=len(values), total=sum(values), squares=sum(value * value for value in values))


def hits(count: int, of: int) -> Sums:
    return Sums(count=of, total=count, squares=count)


def test_the_evidence_is_the_formula_by_hand() -> None:
    # v = 1, tau = 1, d = 2: sqrt(1/2) exp(4 / 4)
    assert math.exp(log_evidence(2, 1, 1)) == pytest.approx(math.sqrt(0.5) * math.e)


def test_the_evidence_is_the_mixture_of_likelihood_ratios() -> None:
    effects = np.linspace(-8, 8, 40_001)
    prior = np.exp(-(effects**2) / (2 * 0.7**2)) / (0.7 * math.sqrt(2 * math.pi))
    ratios = np.exp((1.3 * effects - effects**2 / 2) / 0.4)
    assert math.exp(log_evidence(1.3, 0.4, 0.7)) == pytest.approx(
        float(np.trapezoid(prior * ratios, effects))
    )


@given(st.floats(1e-6, 1e3), st.floats(1e-3, 1e3), st.floats(1e-6, 0.9))
def test_the_interval_ends_where_the_evidence_is_one_over_alpha(
    variance: float, spread: float, alpha: float
) -> None:
    assert log_evidence(radius(variance, spread, alpha), variance, spread) == pytest.approx(-math.log(alpha))


def test_a_clear_difference_is_decided_in_the_goals_direction() -> None:
    a, b = sums(*[1.0, 2.0, 3.0] * 50), sums(*[2.0, 3.0, 4.0] * 50)
    higher, lower = compare(a, b, Goal()), compare(a, b, Goal(better="lower"))
    assert (higher.decision, lower.decision) == (Decision.B_BETTER, Decision.A_BETTER)
    assert higher.effect == pytest.approx(1)
    assert higher.lower is not None
    assert higher.lower > 0
    assert higher.p_value < 0.05


def test_fewer_than_the_minimum_decides_nothing_however_clear() -> None:
    seen = compare(hits(0, 99), hits(200, 200), Goal(kind="proportion"))
    assert (seen.decision, seen.p_value, seen.effect) == (Decision.UNDECIDED, 1, 1)
    assert seen.why == "99 samples of one variant, 100 of each are needed"
    assert compare(Sums(), sums(1), Goal()).effect is None


def test_samples_that_are_all_alike_decide_nothing() -> None:
    seen = compare(sums(*[0.1] * 200), sums(*[0.2] * 200), Goal())
    assert (seen.decision, seen.lower, seen.p_value) == (Decision.UNDECIDED, None, 1)


def test_values_too_small_to_be_squared_decide_nothing() -> None:
    seen = compare(sums(*[0.0, 1e-160] * 100), sums(*[0.0, 3e-160] * 100), Goal(minimum_effect=1))
    assert (seen.decision, seen.lower) == (Decision.UNDECIDED, None)


def test_a_proportion_without_hits_still_has_a_spread() -> None:
    seen = compare(hits(0, 1000), hits(100, 1000), Goal(kind="proportion"))
    assert seen.decision is Decision.B_BETTER
    assert compare(hits(0, 1000), hits(0, 1000), Goal(kind="proportion")).decision is Decision.UNDECIDED


def test_several_variants_share_alpha() -> None:
    a, b = hits(100, 1000), hits(146, 1000)
    alone = compare(a, b, Goal(kind="proportion"))
    among = compare_to_control(a, {"b": b, "c": a, "d": a}, Goal(kind="proportion"))
    assert alone.decision is Decision.B_BETTER
    assert among["b"].decision is Decision.UNDECIDED
    assert among["b"].p_value == pytest.approx(3 * alone.p_value)
    assert among["c"].p_value == 1


def test_sums_that_no_samples_have_are_refused() -> None:
    with pytest.raises(ValidationError, match="no 2 samples have the sum"):
        Sums(count=2, total=10, squares=1)
    with pytest.raises(ValidationError, match="no 2 samples have the sum"):
        Sums(count=2, total=1e200, squares=1)


def test_a_tiny_effect_of_interest_decides_late_and_not_wrongly() -> None:
    seen = compare(hits(0, 100), hits(100, 100), Goal(kind="proportion", minimum_effect=1e-200))
    assert seen.decision is Decision.UNDECIDED
    assert seen.p_value == pytest.approx(1)


finite = st.lists(st.floats(-1e3, 1e3), min_size=100, max_size=120)


@given(finite, finite, st.sampled_from(["higher", "lower"]))
def test_swapping_the_variants_swaps_the_answer(a: list[float], b: list[float], better: str) -> None:
    goal = Goal.model_validate({"better": better})
    one, other = compare(sums(*a), sums(*b), goal), compare(sums(*b), sums(*a), goal)
    swapped = {Decision.A_BETTER: Decision.B_BETTER, Decision.B_BETTER: Decision.A_BETTER}
    assert other.decision is swapped.get(one.decision, one.decision)
    assert other.p_value == pytest.approx(one.p_value)
    assert (one.decision is Decision.UNDECIDED) == (one.p_value >= goal.alpha)


@pytest.mark.parametrize(
    "experiment",
    [
        Experiment("normal", (0.0, 0.0)),
        Experiment("exponential", (1.0, 1.0), sizes=(20_000, 5_000)),
        Experiment("proportion", (0.01, 0.01), sizes=(20_000, 5_000)),
        Experiment("proportion", (0.3, 0.3)),
    ],
    ids=repr,
)
def test_equal_variants_are_rarely_told_apart_however_often_one_looks(experiment: Experiment) -> None:
    assert 1 - decided(experiment, 1000)[Decision.UNDECIDED] <= 0.05


def test_the_usual_test_in_the_same_simulation_tells_equal_variants_apart() -> None:
    assert naively_decided(Experiment("normal", (0.0, 0.0)), 500) > 0.2


@pytest.mark.parametrize(
    "experiment",
    [Experiment("normal", (0.0, 0.1)), Experiment("proportion", (0.10, 0.13))],
    ids=repr,
)
def test_a_better_variant_is_found(experiment: Experiment) -> None:
    ends = decided(experiment, 200)
    assert ends[Decision.B_BETTER] >= 0.99
    assert ends[Decision.A_BETTER] == 0


def test_the_sequence_holds_the_true_effect_at_every_look() -> None:
    assert covered(Experiment("normal", (0.0, 0.05), sizes=(20_000, 10_000)), 400, alpha=0.1) >= 0.9
