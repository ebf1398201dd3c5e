"""How a candidate's figures compare with the baseline's: a value per question, and a bound for chance.

Rows and requests count as independent. What makes them alike (one client with many requests, a slow minute)
makes the bounds too narrow.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from shelflife.kernel.significance import chi_squared_tail, student_tail
from shelflife.serving.bounds import (
    difference_lower,
    quantile_lower,
    quantile_upper,
    rate_lower,
    rate_upper,
)
from shelflife.serving.figures import Figures

LATENCY_LEVEL = 0.95
#: The usual bound (Cochran, 1954), as in the drift scans: bins that expect fewer on either side are pooled.
LEAST_EXPECTED = 5.0
#: Stands for the ratio to a baseline without any loss.
_LARGEST_RATIO = 1e9
_HALVINGS = 30


@dataclass(frozen=True, slots=True)
class Comparison:
    """One question's answer.

    `value` is null where one side has no samples. `lower(alpha)` is a bound that the true value is below with
    a chance of alpha at the most, null where nothing can be said. `is_exact`: it holds for any number of
    samples.
    """

    samples: tuple[int, int]
    value: float | None
    told: str
    lower: Callable[[float], float | None]
    is_exact: bool = False


def error_rates(baseline: Figures, candidate: Figures) -> Comparison:
    """The rise of the share of failures among the requests that were not refused."""
    trials = baseline.requests - baseline.refusals, candidate.requests - candidate.refusals
    return _rates((baseline.failures, candidate.failures), trials, "failed")


def refusal_rates(baseline: Figures, candidate: Figures) -> Comparison:
    """The rise of the share of refusals among all requests: the same clients ask both."""
    trials = baseline.requests, candidate.requests
    return _rates((baseline.refusals, candidate.refusals), trials, "were refused")


def latencies(baseline: Figures, candidate: Figures) -> Comparison:
    """The ratio of the 95th percentiles; bounds by order statistics, joined on the logarithm."""
    samples = baseline.answered, candidate.answered
    before, after = (one.latency_quantile(LATENCY_LEVEL) for one in (baseline, candidate))
    if before is None or after is None:
        return _unmeasured(samples, "no answer of one side was timed")

    def lower(alpha: float) -> float | None:
        levels = (
            quantile_upper(samples[0], LATENCY_LEVEL, alpha),
            quantile_lower(samples[1], LATENCY_LEVEL, alpha),
        )
        ends = [
            side.latency_quantile(level) if level is not None else None
            for side, level in zip((baseline, candidate), levels, strict=True)
        ]
        if ends[0] is None or ends[1] is None:
            return None
        pairs = (math.log(after), math.log(ends[1])), (math.log(before), math.log(ends[0]))
        return math.exp(difference_lower(*pairs))

    told = f"95% of {samples[1]:,} answers took up to {after:.3g} ms, at the baseline {before:.3g} ms"
    return Comparison(samples, after / before, told, lower)


def predictions(baseline: Figures, candidate: Figures) -> Comparison:
    """The population stability index of the predictions, less what it is by chance alone.

    Two equal samples of n and m over B bins have an index of (B - 1) (1/n + 1/m) on average, and index over
    (1/n + 1/m) is chi-squared with B - 1 degrees (Yurdakul and Naranjo, Statistical properties of the
    population stability index, 2020). The bound needs both: that chance does not explain the index, and that
    it is above the limit by the delta method.
    """
    counts = pooled(baseline.prediction_counts, candidate.prediction_counts)
    samples = sum(counts[0]), sum(counts[1])
    if not all(samples):
        return _unmeasured(samples, "one side has no predictions")
    index, chance, degrees = stability_index(*counts), sum(1 / size for size in samples), len(counts[0]) - 1
    value = max(index - degrees * chance, 0.0)

    def lower(alpha: float) -> float | None:
        if chi_squared_tail(index / chance, degrees) > alpha:
            return None
        error = math.sqrt(_index_variance(*counts) + 2 * degrees * chance**2)
        return value - NormalDist().inv_cdf(1 - alpha) * error

    told = (
        f"the stability index of {samples[1]:,} predictions to the baseline's {samples[0]:,} is {value:.3g}"
    )
    return Comparison(samples, value, told, lower)


def disagreements(_: Figures, candidate: Figures) -> Comparison:
    """The share of the rows that the candidate, as a shadow, answered otherwise than the live variant."""
    pairs = candidate.pairs
    if not pairs:
        return _unmeasured((0, 0), "no row was answered by both")
    value = candidate.disagreements / pairs
    return Comparison(
        (pairs, pairs),
        value,
        f"{_percent(value)} of {pairs:,} rows were answered otherwise",
        lambda alpha: rate_lower(candidate.disagreements, pairs, alpha),
        is_exact=True,
    )


def label_losses(baseline: Figures, candidate: Figures) -> Comparison:
    """The ratio of the mean losses where labels are known; the bound is what Welch's test still refutes."""
    samples = baseline.labels, candidate.labels
    if not all(samples):
        return _unmeasured(samples, "no label of one side is known")
    before, after = baseline.loss_sum / samples[0], candidate.loss_sum / samples[1]
    value = (1.0 if after <= 0 else _LARGEST_RATIO) if before <= 0 else after / before

    def lower(alpha: float) -> float | None:
        low, high = 0.0, value
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if _welch(baseline, candidate, middle) <= alpha:
                low = middle
            else:
                high = middle
        return low

    told = f"the mean loss of {samples[1]:,} labels is {after:.4g}, at the baseline {before:.4g}"
    return Comparison(samples, value, told, lower)


def stability_index(baseline: Sequence[int], candidate: Sequence[int]) -> float:
    """Sum of (c - b) ln(c / b) over the bins' shares; half an observation more in every bin, as in scans."""
    return math.fsum(
        (after - before) * math.log(after / before) for before, after in _shares(baseline, candidate)
    )


def pooled(baseline: Sequence[int], candidate: Sequence[int]) -> tuple[list[int], list[int]]:
    """Both sides' counts without bins that are empty on both, and the rare ones as one.

    Rare is a bin that expects fewer than 5 on the smaller side even at the larger of its two shares: there
    the half observation weighs more than what was seen, and unequal sizes alone would look like drift.
    """
    sizes = max(sum(baseline), 1), max(sum(candidate), 1)
    rare, kept = [0, 0], []
    for pair in zip(baseline, candidate, strict=True):
        expected = max(count / size for count, size in zip(pair, sizes, strict=True)) * min(sizes)
        if expected >= LEAST_EXPECTED:
            kept.append(list(pair))
        else:
            rare = [total + count for total, count in zip(rare, pair, strict=True)]
    if any(rare):
        kept.append(rare)
    return [before for before, _ in kept], [after for _, after in kept]


def _rates(hits: tuple[int, int], trials: tuple[int, int], what: str) -> Comparison:
    if not all(trials):
        return _unmeasured(trials, "one side had no requests")
    before, after = (some / of for some, of in zip(hits, trials, strict=True))

    def lower(alpha: float) -> float | None:
        bounds = rate_lower(hits[1], trials[1], alpha), rate_upper(hits[0], trials[0], alpha)
        return difference_lower((after, bounds[0]), (before, bounds[1]))

    against = f"at the baseline {_percent(before)} of {trials[0]:,}"
    told = f"{_percent(after)} of {trials[1]:,} requests {what}, {against}"
    return Comparison(trials, after - before, told, lower, is_exact=True)


def _unmeasured(samples: tuple[int, int], told: str) -> Comparison:
    return Comparison(samples, None, told, lambda _: None)


def _shares(baseline: Sequence[int], candidate: Sequence[int]) -> list[tuple[float, float]]:
    sizes = sum(baseline) + len(baseline) / 2, sum(candidate) + len(candidate) / 2
    return [
        ((before + 0.5) / sizes[0], (after + 0.5) / sizes[1])
        for before, after in zip(baseline, candidate, strict=True)
    ]


def _index_variance(baseline: Sequence[int], candidate: Sequence[int]) -> float:
    """Of the index where the shares differ, by the delta method on the two multinomials."""
    shares = _shares(baseline, candidate)
    slopes = (
        [(before, 1 - after / before - math.log(after / before)) for before, after in shares],
        [(after, 1 - before / after + math.log(after / before)) for before, after in shares],
    )
    sizes = sum(baseline), sum(candidate)
    return math.fsum(_variance(side) / size for side, size in zip(slopes, sizes, strict=True))


def _variance(weighted: Sequence[tuple[float, float]]) -> float:
    """Of values with their shares."""
    mean = math.fsum(share * value for share, value in weighted)
    return math.fsum(share * (value - mean) ** 2 for share, value in weighted)


def _welch(baseline: Figures, candidate: Figures, ratio: float) -> float:
    """The one-sided p-value of "the candidate's mean loss is at most so many times the baseline's"."""
    parts = [ratio**2 * _mean_variance(baseline), _mean_variance(candidate)]
    apart = candidate.loss_sum / candidate.labels - ratio * baseline.loss_sum / baseline.labels
    variance = sum(parts)
    if variance <= 0 or min(baseline.labels, candidate.labels) < 2:  # noqa: PLR2004 - one loss has no spread
        return 1.0
    sizes = baseline.labels, candidate.labels
    degrees = variance**2 / sum(part**2 / (size - 1) for part, size in zip(parts, sizes, strict=True))
    return student_tail(apart / math.sqrt(variance), degrees)


def _mean_variance(figures: Figures) -> float:
    count = figures.labels
    if count < 2:  # noqa: PLR2004 - one loss has no spread
        return 0.0
    return max(figures.loss_squares - figures.loss_sum**2 / count, 0.0) / (count - 1) / count


def _percent(share: float) -> str:
    return f"{share * 100:.3g}%"
