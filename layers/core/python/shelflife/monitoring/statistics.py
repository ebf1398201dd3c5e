"""How far the counts of a window are from those of its baseline, over the same frozen bins.

Pure numpy on counts and profiles: bins in, floats out, no rows. Accuracy against scipy on raw rows is
measured in tests/unit/monitoring/test_statistics.py and docs (performance).
"""

import math

import numpy as np
import numpy.typing as npt

from shelflife.kernel.profiles import ColumnProfile, Counts, Floats
from shelflife.kernel.significance import chi_squared_tail, kolmogorov_tail, normal_tails

#: Bins of the population stability index.
DECILES = 10
#: Categories that keep a bin of their own in the index; many rare ones would add up to noise.
INDEX_CATEGORIES = 20
#: The usual bound (Cochran, 1954): bins that expect fewer are pooled before a chi-squared test.
LEAST_EXPECTED = 5.0

_ROUNDING = 1e-12

Groups = npt.NDArray[np.intp]


def population_stability_index(baseline: Counts, window: Counts) -> float:
    """How far two histograms over the same bins have moved apart; 0 is identical.

    Sum of (w - b) ln(w / b) over the bins' shares. Every bin of both gets half an observation, so that the
    result is finite.
    """
    expected, found = _smoothed(baseline), _smoothed(window)
    return float(np.sum((found - expected) * np.log(found / expected)))


def population_stability_p_value(index: float, baseline: Counts, window: Counts) -> float:
    """The chance of an index of at least this one if nothing had moved.

    The index over (1/n + 1/m) is chi-squared with one degree less than bins (Yurdakul and Naranjo,
    Statistical properties of the population stability index, 2020).
    """
    sizes = int(baseline.sum()), int(window.sum())
    if not all(sizes):
        return 1.0
    return chi_squared_tail(index / sum(1 / size for size in sizes), len(baseline) - 1)


def index_groups(baseline: ColumnProfile) -> Groups:
    """For each of a column's bins, its bin in the stability index.

    Numbers: tenths of the baseline's rows, made of whole bins; a bin that holds more than a tenth stands
    alone, so edges never repeat, and both ends stay open. Categories: the 20 commonest of the baseline, the
    others together, and the unseen.
    """
    return _deciles(baseline.counts) if baseline.kind == "number" else _commonest(baseline.counts)


def index_counts(column: ColumnProfile, groups: Groups) -> Counts:
    """A column's counts in the bins of its stability index, and last the missing values."""
    counts = np.bincount(groups, weights=column.counts, minlength=int(groups.max()) + 1)
    return np.append(counts, column.missing).astype(np.int64)


def kolmogorov_smirnov(baseline: Counts, window: Counts) -> float:
    """The largest distance between the two cumulated shares at the bins' edges.

    Never above the distance of the raw rows, and below it by one bin's share at the most.
    """
    return float(np.abs(np.cumsum(_shares(baseline)) - np.cumsum(_shares(window))).max())


def kolmogorov_smirnov_p_value(distance: float, baseline: Counts, window: Counts) -> float:
    """Asymptotic, two-sided; cautious with ties."""
    return kolmogorov_tail(distance, int(baseline.sum()), int(window.sum()))


def wasserstein(baseline: ColumnProfile, window: ColumnProfile) -> float:
    """The earth mover's distance, in units of the column.

    Each bin's rows stand at their own mean, so the tails and shifts within a bin are felt: the difference
    of the two means is a lower bound of the result, whatever the bins.
    """
    places = np.concatenate([_means(baseline), _means(window)])
    moved = np.concatenate([_present(baseline) / baseline.present, -_present(window) / window.present])
    order = np.argsort(places, kind="stable")
    return float(np.sum(np.abs(np.cumsum(moved[order])[:-1]) * np.diff(places[order])))


def normed_wasserstein(baseline: ColumnProfile, window: ColumnProfile) -> float:
    """The earth mover's distance in standard deviations of the baseline.

    A baseline that is constant has none: then in multiples of its value, or in the column's own units if
    that is 0.
    """
    return wasserstein(baseline, window) / _scale(baseline)


def moved_p_value(baseline: ColumnProfile, window: ColumnProfile) -> float:
    """Whether numbers have moved at all: the smaller p-value of KS and of the test of means, doubled.

    KS alone is blind to what happens inside an open end, the test of means to changes of spread.
    """
    distance = kolmogorov_smirnov(baseline.counts, window.counts)
    by_rank = kolmogorov_smirnov_p_value(distance, baseline.counts, window.counts)
    return min(1.0, 2 * min(by_rank, mean_shift_p_value(baseline, window)))


def jensen_shannon(baseline: Counts, window: Counts) -> float:
    """The Jensen-Shannon distance, base 2: 0 is identical, 1 is nothing in common."""
    one, other = _shares(baseline), _shares(window)
    middle = (one + other) / 2
    divergence = (_relative_entropy(one, middle) + _relative_entropy(other, middle)) / 2
    return math.sqrt(max(divergence, 0.0))


def chi_squared(baseline: Counts, window: Counts) -> tuple[float, float]:
    """Pearson's test that both come from one distribution: the statistic and its p-value.

    Bins of which either side expects fewer than five are pooled.
    """
    table = _pooled(np.vstack([baseline, window]).astype(np.float64))
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(np.sum((table - expected) ** 2 / expected))
    return statistic, chi_squared_tail(statistic, table.shape[1] - 1)


def mean_shift(baseline: ColumnProfile, window: ColumnProfile) -> float:
    """The window's mean less the baseline's, in standard deviations of the baseline."""
    return ((window.mean or 0.0) - (baseline.mean or 0.0)) / _scale(baseline)


def mean_shift_p_value(baseline: ColumnProfile, window: ColumnProfile) -> float:
    """A z-test of the means with the spread of both sides together.

    The window's own spread would not do: a rare flag that happens not to occur in it has none.
    """
    apart = abs((window.mean or 0.0) - (baseline.mean or 0.0))
    if apart <= _ROUNDING * _scale(baseline):
        return 1.0
    sides = (baseline, window)
    squares = sum(one.present * (one.deviation or 0.0) ** 2 for one in sides)
    error = math.sqrt(squares / sum(one.present for one in sides) * sum(1 / one.present for one in sides))
    return normal_tails(apart / error) if error else 0.0


def _shares(counts: Counts) -> Floats:
    return np.asarray(counts / max(int(counts.sum()), 1), dtype=np.float64)


def _smoothed(counts: Counts) -> Floats:
    raised = counts + 0.5
    return np.asarray(raised / raised.sum(), dtype=np.float64)


def _deciles(counts: Counts) -> Groups:
    total = max(int(counts.sum()), 1)
    tenths = np.floor(np.cumsum(counts) * DECILES / total + 1e-9)
    ends = np.diff(tenths, prepend=0) > 0
    # A heavy bin is cut off on both sides: else a flag that is mostly 1, or mostly 0, would be one bin.
    heavy = counts * DECILES > total
    begins = heavy.copy()
    begins[1:] |= ends[:-1] | heavy[:-1]
    begins[0] = True
    return np.asarray(np.cumsum(begins) - 1, dtype=np.intp)


def _commonest(counts: Counts) -> Groups:
    seen = len(counts) - 1
    commonest = np.sort(np.argsort(-counts[:seen], kind="stable")[:INDEX_CATEGORIES])
    groups = np.full(seen + 1, len(commonest), dtype=np.intp)
    groups[commonest] = np.arange(len(commonest))
    groups[seen] = len(commonest) + (1 if seen > len(commonest) else 0)
    return groups


def _present(column: ColumnProfile) -> Counts:
    return column.counts[column.counts > 0]


def _means(column: ColumnProfile) -> Floats:
    filled = column.counts > 0
    return np.asarray(column.sums[filled] / column.counts[filled], dtype=np.float64)


def _scale(baseline: ColumnProfile) -> float:
    spread = baseline.deviation or 0.0
    # What is left of rounding is no spread.
    if spread > _ROUNDING * abs(baseline.mean or 0.0):
        return spread
    return abs(baseline.mean or 0.0) or 1.0


def _relative_entropy(one: Floats, other: Floats) -> float:
    filled = one > 0
    return float(np.sum(one[filled] * np.log2(one[filled] / other[filled])))


def _pooled(table: Floats) -> Floats:
    """The table without empty bins, its rare ones as one; if that is rare still, with the rarest other."""
    table = table[:, table.sum(axis=0) > 0]
    least = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
    rare = least < LEAST_EXPECTED
    if not rare.any() or table.shape[1] == 1:
        return table
    if least[rare].sum() < LEAST_EXPECTED and not rare.all():
        rare[np.flatnonzero(~rare)[np.argmin(least[~rare])]] = True
    return np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
