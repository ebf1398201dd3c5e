"""Judgement by hand on small cases, then whole rollouts by simulation (tests/harness/rollouts.py)."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from shelflife.monitoring.statistics import population_stability_index
from shelflife.serving import comparisons, observed
from shelflife.serving.figures import PREDICTION_BINS, Figures, merged
from shelflife.serving.judgement import Criteria, Criterion, Finding, Judgement, Verdict, judge
from tests.harness.rollouts import (
    AT_LIMIT,
    EQUAL,
    LIMITS,
    SHIFT_AT_LIMIT,
    WORSE,
    Plan,
    looked,
    only,
    simulated,
    true_index,
)


def found(seen: Judgement, criterion: Criterion) -> Finding:
    return next(one for one in seen.findings if one.criterion == criterion)


def requests(count: int, failures: int = 0, refusals: int = 0) -> Figures:
    return Figures(requests=count, failures=failures, refusals=refusals)


def binned(*counts: int) -> Figures:
    padded = (*counts, *(0,) * (PREDICTION_BINS - len(counts)))
    return Figures(predictions=sum(counts), prediction_counts=padded)


def timed(latency_ms: float, count: int) -> Figures:
    return merged([observed.answer(1, latency_ms)] * count)


def test_nothing_at_all_is_insufficient_data() -> None:
    seen = judge(Figures(), Figures(), Criteria())
    assert seen.verdict is Verdict.INSUFFICIENT_DATA
    assert {one.verdict for one in seen.findings} == {Verdict.INSUFFICIENT_DATA}
    assert "error_rate: one side had no requests; too few to say, 200 are needed on both sides" in seen.why


def test_a_candidate_like_its_baseline_is_healthy() -> None:
    random = np.random.default_rng(1)
    before, after = looked(random, EQUAL, 20_000, 1)[0], looked(random, EQUAL, 5_000, 1)[0]
    seen = judge(before, after, Criteria(), looks=20)
    assert seen.verdict is Verdict.HEALTHY
    assert all(one.decided and one.bound is None for one in seen.findings)


def test_a_finding_says_its_numbers_and_why() -> None:
    (finding,) = judge(requests(10_000, 50), requests(1_000, 60), only("error_rate", 0.01)).findings
    assert (finding.verdict, finding.limit, finding.required) == (Verdict.UNHEALTHY, 0.01, False)
    assert (finding.baseline_samples, finding.candidate_samples) == (10_000, 1_000)
    assert finding.value == pytest.approx(0.055)
    assert finding.bound is not None
    assert 0.01 < finding.bound < 0.055
    assert finding.why == (
        "error_rate: 6% of 1,000 requests failed, at the baseline 0.5% of 10,000; "
        "above the limit of 0.01, and not by chance"
    )


def test_a_candidate_that_fails_every_request_is_found_before_the_minimum() -> None:
    seen = judge(requests(1_000), requests(12, failures=12), Criteria(), looks=20)
    assert seen.verdict is Verdict.UNHEALTHY
    assert seen.why.startswith("error_rate: 100% of 12 requests failed")


def test_one_failure_among_the_first_requests_proves_nothing() -> None:
    finding = found(judge(requests(10_000), requests(5, failures=1), Criteria(), looks=20), "error_rate")
    assert (finding.verdict, finding.value) == (Verdict.INSUFFICIENT_DATA, 0.2)


def test_above_the_limit_but_perhaps_by_chance_is_insufficient_data() -> None:
    (finding,) = judge(requests(10_000, 50), requests(300, 6), only("error_rate", 0.01)).findings
    assert (finding.verdict, finding.decided) == (Verdict.INSUFFICIENT_DATA, False)
    assert finding.why.endswith("above the limit of 0.01, which may be chance")


def test_a_candidate_that_refuses_everything_is_unhealthy() -> None:
    seen = judge(requests(5_000, refusals=10), requests(300, refusals=300), Criteria(), looks=20)
    assert seen.verdict is Verdict.UNHEALTHY
    assert found(seen, "error_rate").value is None


def test_a_slow_candidate_is_found_by_its_slowest_answers() -> None:
    before = timed(5, 2_000)
    slow = timed(5, 800) + timed(200, 200)
    (finding,) = judge(before, slow, only("latency", 1.5)).findings
    assert finding.verdict is Verdict.UNHEALTHY
    assert finding.value is not None
    assert finding.value > 20
    # One in fifty is slow: the 95th percentile does not see it.
    assert judge(before, timed(5, 980) + timed(200, 20), only("latency", 1.5)).verdict is Verdict.HEALTHY


def test_a_new_class_is_found_and_a_few_stray_rows_are_not() -> None:
    before = binned(6_000, 4_000)
    assert judge(before, binned(100, 60, 40), only("predictions", 0.2)).verdict is Verdict.UNHEALTHY
    assert judge(before, binned(120, 79, 1), only("predictions", 0.2)).verdict is Verdict.HEALTHY


def test_many_empty_and_rare_bins_are_no_drift() -> None:
    before = binned(90_000, 9_900, *(5,) * 18)
    finding = judge(before, binned(180, 20), only("predictions", 0.2)).findings[0]
    assert (finding.verdict, finding.value) == (Verdict.HEALTHY, 0)


def test_shadow_disagreement_needs_pairs_of_the_candidate_alone() -> None:
    many = Figures(pairs=1_000, disagreements=200)
    assert judge(Figures(), many, only("shadow", 0.1)).verdict is Verdict.UNHEALTHY
    assert judge(many, Figures(), only("shadow", 0.1)).verdict is Verdict.INSUFFICIENT_DATA


def test_a_worse_loss_is_found_and_a_perfect_baseline_is_no_fault() -> None:
    good, bad = observed.losses([0.5, 1.5] * 200), observed.losses([1.0, 3.0] * 200)
    seen = judge(good, bad, only("label_loss", 1.1)).findings[0]
    assert seen.verdict is Verdict.UNHEALTHY
    assert seen.value == pytest.approx(2)
    perfect = observed.losses([0.0] * 400)
    assert judge(perfect, perfect, only("label_loss", 1.1)).verdict is Verdict.HEALTHY
    assert judge(perfect, bad, only("label_loss", 1.1)).verdict is Verdict.UNHEALTHY
    assert judge(bad, perfect, only("label_loss", 1.1)).verdict is Verdict.HEALTHY


def test_the_bound_of_a_loss_is_where_welchs_test_turns() -> None:
    random = np.random.default_rng(5)
    one, two = random.exponential(1, 300), random.exponential(2, 400)
    compared = comparisons.label_losses(observed.losses(one.tolist()), observed.losses(two.tolist()))
    bound = compared.lower(0.01)
    assert bound is not None
    assert stats.ttest_ind(two, bound * one, equal_var=False, alternative="greater").pvalue == pytest.approx(
        0.01
    )


def test_labels_that_never_come_hold_nothing_up_unless_required() -> None:
    random = np.random.default_rng(1)
    unlabelled = {"labels": 0, "loss_sum": 0, "loss_squares": 0}
    before, after = (looked(random, EQUAL, 5_000, 1)[0].model_copy(update=unlabelled) for _ in range(2))
    assert judge(before, after, Criteria()).verdict is Verdict.HEALTHY
    required = Criteria(required=("error_rate", "label_loss"))
    seen = judge(before, after, required)
    assert seen.verdict is Verdict.INSUFFICIENT_DATA
    assert seen.why.startswith("label_loss: no label of one side is known")


def test_criteria_that_judge_nothing_are_refused() -> None:
    with pytest.raises(ValidationError, match="every criterion is off"):
        Criteria.model_validate(dict.fromkeys(LIMITS.values()))
    with pytest.raises(ValueError, match="a rollout looks at least once, not 0 times"):
        judge(Figures(), Figures(), Criteria(), looks=0)


counts = st.lists(st.integers(0, 10_000), min_size=20, max_size=20)


@given(counts, counts)
def test_the_stability_index_is_that_of_the_drift_scans(before: list[int], after: list[int]) -> None:
    expected = population_stability_index(np.array(before), np.array(after))
    assert comparisons.stability_index(before, after) == pytest.approx(expected, abs=1e-12)


@given(counts, counts)
def test_pooling_loses_no_row(before: list[int], after: list[int]) -> None:
    pooled = comparisons.pooled(before, after)
    assert [sum(side) for side in pooled] == [sum(before), sum(after)]


amounts = st.integers(0, 400)


@given(amounts, amounts, st.integers(0, 100), st.integers(0, 100), st.integers(1, 50))
def test_nothing_is_healthy_below_the_minimum(
    before: int, after: int, failed_before: int, failed_after: int, looks: int
) -> None:
    baseline, candidate = (
        Figures(
            requests=count + failed,
            failures=failed,
            latency_counts=(0, count, *(0,) * 23),
            predictions=count,
            prediction_counts=(count, *(0,) * 19),
            labels=count,
            loss_sum=count,
            loss_squares=count,
        )
        for count, failed in ((before, failed_before), (after, failed_after))
    )
    seen = judge(baseline, candidate, Criteria(), looks)
    for finding in seen.findings:
        assert finding.fewest >= 200 or finding.verdict is not Verdict.HEALTHY
        assert (finding.verdict is Verdict.UNHEALTHY) <= (
            finding.bound is not None and finding.value is not None and finding.bound <= finding.value
        )
    assert Judgement.model_validate_json(seen.model_dump_json()) == seen


@given(st.integers(1, 100), st.integers(0, 500))
def test_more_looks_never_find_harm_sooner(looks: int, failures: int) -> None:
    pair = requests(2_000, 10), requests(500, failures)
    once, often = (judge(*pair, only("error_rate", 0.01), many) for many in (1, looks))
    assert once.verdict is Verdict.UNHEALTHY or often.verdict is not Verdict.UNHEALTHY


def test_equal_variants_are_not_rolled_back_in_twenty_looks() -> None:
    ends = simulated(EQUAL, rollouts=80)
    assert ends.unhealthy == 0
    assert ends.healthy >= 0.85


def test_the_simulated_shift_is_at_the_limit() -> None:
    assert true_index(SHIFT_AT_LIMIT) == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize("criterion", LIMITS)
def test_a_variant_as_bad_as_allowed_is_rarely_rolled_back_in_twenty_looks(criterion: Criterion) -> None:
    ends = simulated(AT_LIMIT[criterion], rollouts=60, criteria=only(criterion))
    assert ends.unhealthy <= 0.05


@pytest.mark.parametrize("criterion", ["label_loss", "shadow"])
def test_looks_that_are_not_accounted_for_roll_back_too_often(criterion: Criterion) -> None:
    ends = simulated(AT_LIMIT[criterion], rollouts=60, criteria=only(criterion), looks_told=1)
    assert ends.unhealthy > 0.1


@pytest.mark.parametrize("criterion", WORSE)
def test_a_clearly_worse_variant_is_rolled_back(criterion: Criterion) -> None:
    ends = simulated(WORSE[criterion], rollouts=25)
    assert ends.unhealthy >= 0.96
    assert ends.median_requests is not None
    assert ends.median_requests <= 3_000


def test_the_index_of_equal_predictions_is_nothing_on_average() -> None:
    random = np.random.default_rng(8)
    chances = np.array([0.5 * 0.6**at for at in range(19)])
    chances = np.append(chances, 1 - chances.sum()) if chances.sum() < 1 else chances / chances.sum()
    values = []
    for _ in range(300):
        pair = (
            binned(*random.multinomial(10_000, chances).tolist()),
            binned(*random.multinomial(250, chances).tolist()),
        )
        values.append(comparisons.predictions(*pair).value or 0.0)
        assert judge(*pair, only("predictions", 0.05)).verdict is not Verdict.UNHEALTHY
    assert math.fsum(values) / len(values) < 0.02


def test_more_candidates_requests_find_smaller_harm() -> None:
    mild = AT_LIMIT["error_rate"]
    few, many = (
        simulated(mild, rollouts=20, criteria=only("error_rate", 0.002), plan=Plan(20_000, size, 10))
        for size in (50, 1_000)
    )
    assert few.unhealthy < many.unhealthy
