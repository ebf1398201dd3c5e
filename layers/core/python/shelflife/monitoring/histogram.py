"""Fine bins merged into the few that people can look at."""

from itertools import pairwise

import numpy as np

from shelflife.kernel.profiles import ColumnProfile, Counts, Floats
from shelflife.monitoring.figures import figure
from shelflife.monitoring.report import Bar
from shelflife.monitoring.statistics import Groups, index_counts

#: Up to so many different values a bar each; more are merged into about as many ranges.
BARS = 24
CATEGORY_BARS = 12
_OTHERS = "other categories"
_UNSEEN = "unseen categories"
_MISSING = "missing"
_TAIL = 0.005


def display_bars(baseline: ColumnProfile, window: ColumnProfile) -> tuple[Bar, ...]:
    """Bars over both sides; the missing values are last, if there are any."""
    bars = _number_bars(baseline, window) if baseline.kind == "number" else _category_bars(baseline, window)
    if baseline.missing or window.missing:
        bars.append(Bar(label=_MISSING, baseline=baseline.missing, window=window.missing))
    return tuple(bars)


def index_bars(baseline: ColumnProfile, window: ColumnProfile, groups: Groups) -> tuple[Bar, ...]:
    """The bins of the stability index with their edges and counts."""
    labels = [*_index_labels(baseline, groups), _MISSING]
    counts = zip(labels, index_counts(baseline, groups), index_counts(window, groups), strict=True)
    return tuple(Bar(label=label, baseline=int(one), window=int(other)) for label, one, other in counts)


def _number_bars(baseline: ColumnProfile, window: ColumnProfile) -> list[Bar]:
    edges = np.asarray(baseline.bins, dtype=np.float64)
    cuts = np.arange(edges.size) if edges.size < BARS else _cuts(edges, baseline.counts + window.counts)
    # One value per bin, unless the open ends or the merging put more into it.
    places = np.searchsorted(cuts, np.arange(edges.size + 1), side="left")
    sides = [np.bincount(places, weights=one.counts, minlength=cuts.size + 1) for one in (baseline, window)]
    labels = _value_labels(baseline, window) if edges.size < BARS else None
    labels = labels or _range_labels(edges[cuts])
    return [
        Bar(label=label, baseline=int(one), window=int(other))
        for label, one, other in zip(labels, *sides, strict=True)
    ]


def _cuts(edges: Floats, counts: Counts) -> Groups:
    """Positions of those edges that cut the bulk of the rows into stretches of about one width."""
    reached = np.cumsum(counts) / max(int(counts.sum()), 1)
    low = edges[min(int(np.searchsorted(reached, _TAIL)), edges.size - 1)]
    high = edges[min(int(np.searchsorted(reached, 1 - _TAIL)), edges.size - 1)]
    wanted = np.linspace(low, high, BARS - 1)
    right = np.searchsorted(edges, wanted).clip(1, edges.size - 1)
    nearer = np.where(wanted - edges[right - 1] <= edges[right] - wanted, right - 1, right)
    return np.unique(nearer).astype(np.intp)


def _value_labels(baseline: ColumnProfile, window: ColumnProfile) -> list[str] | None:
    """The value of each bin, if all rows of both sides that are in it have the same one."""
    counts, sums = baseline.counts + window.counts, baseline.sums + window.sums
    means = sums / np.maximum(counts, 1)
    edges = np.append(np.asarray(baseline.bins, dtype=np.float64), np.nan)
    alike = (counts == 0) | np.isclose(means, edges, rtol=1e-9, atol=1e-12)
    highest = {one.highest for one in (baseline, window) if one.highest is not None and one.counts[-1]}
    lasts = highest | ({float(means[-1])} if counts[-1] else set())
    if not alike[:-1].all() or max(lasts, default=0.0) - min(lasts, default=0.0) > 1e-9 * _size(lasts):
        return None
    last = figure(max(lasts)) if lasts else f"> {figure(edges[-2])}" if len(edges) > 1 else "any"
    return [*(figure(edge) for edge in edges[:-1]), last]


def _size(values: set[float]) -> float:
    return max((abs(value) for value in values), default=0.0) or 1.0


def _range_labels(edges: Floats) -> list[str]:
    if not edges.size:
        return ["any"]
    inner = [
        f"{figure(low)} – {figure(high)}"  # noqa: RUF001 - a range is typeset with a dash
        for low, high in pairwise(edges)
    ]
    return [f"≤ {figure(edges[0])}", *inner, f"> {figure(edges[-1])}"]


def _category_bars(baseline: ColumnProfile, window: ColumnProfile) -> list[Bar]:
    """The categories that have the largest share on either side, the others together, the unseen."""
    names = [str(name) for name in baseline.bins]
    shares = np.maximum(*(one.counts[:-1] / max(one.present, 1) for one in (baseline, window)))
    order = np.argsort(-shares, kind="stable")
    shown, rest = order[:CATEGORY_BARS], order[CATEGORY_BARS:]
    bars = [
        Bar(label=names[i], baseline=int(baseline.counts[i]), window=int(window.counts[i])) for i in shown
    ]
    if rest.size:
        sums = (int(one.counts[rest].sum()) for one in (baseline, window))
        bars.append(Bar(label=f"{rest.size} {_OTHERS}", baseline=next(sums), window=next(sums)))
    if baseline.counts[-1] or window.counts[-1]:
        unseen = int(baseline.counts[-1]), int(window.counts[-1])
        bars.append(Bar(label=_UNSEEN, baseline=unseen[0], window=unseen[1]))
    return bars


def _index_labels(baseline: ColumnProfile, groups: Groups) -> list[str]:
    if baseline.kind == "number":
        edges = np.asarray(baseline.bins, dtype=np.float64)
        return _range_labels(edges[np.flatnonzero(np.diff(groups))])
    names = [*(str(name) for name in baseline.bins), _UNSEEN]
    alone = np.bincount(groups) == 1
    found = [names[int(np.flatnonzero(groups == group)[0])] for group in range(len(alone))]
    return [name if single else _OTHERS for name, single in zip(found, alone, strict=True)]
