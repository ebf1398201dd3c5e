"""From two profiles and a policy to what has drifted."""

import math
from collections.abc import Iterator

from shelflife.kernel.profiles import ColumnProfile, Profile, ProfileMismatchError
from shelflife.monitoring.histogram import display_bars, index_bars
from shelflife.monitoring.model import PREDICTION
from shelflife.monitoring.policy import Policy, Thresholds
from shelflife.monitoring.report import ColumnReport, Side, TestResult
from shelflife.monitoring.statistics import (
    Groups,
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
)


def judge_columns(baseline: Profile, window: Profile, policy: Policy) -> tuple[ColumnReport, ...]:
    """Every column that was captured, the prediction first, then what drifted, then by name.

    Raises:
        ProfileMismatchError: they were not counted over the same bins.
    """
    if not baseline.columns.keys() >= window.columns.keys():
        raise ProfileMismatchError("the window's profile has other columns than the baseline's")
    judged = [
        _judged(name, baseline.columns[name], column, policy) for name, column in window.columns.items()
    ]
    return tuple(sorted(judged, key=lambda one: (one.role != "prediction", not one.drifted, one.name)))


def drifted_features(columns: tuple[ColumnReport, ...]) -> tuple[tuple[str, ...], float]:
    """The drifted features and their share of those that count."""
    counted = [column for column in columns if column.role == "feature" and not column.ignored]
    drifted = tuple(column.name for column in counted if column.drifted)
    return drifted, len(drifted) / len(counted) if counted else 0.0


def _judged(name: str, baseline: ColumnProfile, window: ColumnProfile, policy: Policy) -> ColumnReport:
    if (baseline.kind, baseline.bins) != (window.kind, window.bins):
        raise ProfileMismatchError(f"column {name!r} was counted over other bins than its baseline's")
    groups = index_groups(baseline)
    tests = tuple(_tests(baseline, window, groups, policy))
    ignored = name in policy.ignored or (name == PREDICTION and not policy.judge_predictions)
    return ColumnReport(
        name=name,
        role="prediction" if name == PREDICTION else "feature",
        kind=baseline.kind,
        ignored=ignored,
        drifted=not ignored and any(test.drifted for test in tests),
        baseline=_side(baseline),
        window=_side(window),
        tests=tests,
        bars=display_bars(baseline, window),
        index_bars=index_bars(baseline, window, groups),
    )


def _tests(
    baseline: ColumnProfile, window: ColumnProfile, groups: Groups, policy: Policy
) -> Iterator[TestResult]:
    yield _stability(baseline, window, groups, policy)
    # Where one side has only missing values, there is nothing else to compare.
    if baseline.present and window.present:
        yield from (_of_numbers if baseline.kind == "number" else _of_categories)(baseline, window, policy)
    yield from _rates(baseline, window, policy.thresholds)


def _stability(baseline: ColumnProfile, window: ColumnProfile, groups: Groups, policy: Policy) -> TestResult:
    counts = index_counts(baseline, groups), index_counts(window, groups)
    index = population_stability_index(*counts)
    kind = "tenths" if baseline.kind == "number" else "20 commonest categories"
    return _result(
        "stability_index",
        f"PSI over {kind} of the baseline, missing and half an observation in every bin",
        policy,
        index,
        population_stability_p_value(index, *counts),
    )


def _of_numbers(baseline: ColumnProfile, window: ColumnProfile, policy: Policy) -> Iterator[TestResult]:
    moved = moved_p_value(baseline, window)
    distance = kolmogorov_smirnov(baseline.counts, window.counts)
    rank = kolmogorov_smirnov_p_value(distance, baseline.counts, window.counts)
    scaled = "in standard deviations of the baseline"
    yield _result(
        "wasserstein",
        f"earth mover's distance {scaled}, from bin means; p-value of KS and the means",
        policy,
        normed_wasserstein(baseline, window),
        moved,
    )
    yield _result(
        "kolmogorov_smirnov", "two-sample distance at the bins' edges, asymptotic", policy, distance, rank
    )
    shift, chance = mean_shift(baseline, window), mean_shift_p_value(baseline, window)
    yield _result("mean_shift", f"difference of means {scaled}", policy, shift, chance)


def _of_categories(baseline: ColumnProfile, window: ColumnProfile, policy: Policy) -> Iterator[TestResult]:
    statistic, chance = chi_squared(baseline.counts, window.counts)
    distance = jensen_shannon(baseline.counts, window.counts)
    name = "distance, base 2, over all categories and the unseen; p-value of chi-squared"
    yield _result("jensen_shannon", name, policy, distance, chance)
    yield _result("chi_squared", "Pearson, rare categories pooled", policy, statistic, chance)


def _rates(baseline: ColumnProfile, window: ColumnProfile, thresholds: Thresholds) -> Iterator[TestResult]:
    rates = {"missing_rate": window.missing_rate - baseline.missing_rate}
    if baseline.kind == "category":
        rates["unseen_rate"] = window.unseen_rate - baseline.unseen_rate
    for test, rise in rates.items():
        threshold = getattr(thresholds, test)
        drifted = threshold is not None and rise > 0 and rise >= threshold
        yield TestResult(
            test=test, variant="rise of the share", value=rise, threshold=threshold, drifted=drifted
        )


def _result(test: str, variant: str, policy: Policy, value: float, p_value: float) -> TestResult:
    threshold = getattr(policy.thresholds, test)
    # Infinite values in the rows leave distances without a meaning; the index still counts them.
    known = math.isfinite(value)
    reached = known and threshold is not None and abs(value) >= threshold
    return TestResult(
        test=test,
        variant=variant,
        value=value if known else None,
        p_value=p_value if known and math.isfinite(p_value) else None,
        threshold=threshold,
        drifted=reached and p_value < policy.p_below,
    )


def _side(column: ColumnProfile) -> Side:
    return Side(
        rows=column.total,
        missing_rate=column.missing_rate,
        unseen_rate=column.unseen_rate,
        mean=_finite(column.mean),
        deviation=_finite(column.deviation),
        lowest=_finite(column.lowest),
        highest=_finite(column.highest),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
