"""Figures of single events: an answer, its predictions, a shadow's answer beside it, a label that came in."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from shelflife.serving.figures import LATENCY_BOUNDS, PREDICTION_BINS, Figures, latency_bin

#: Edges between the bins of numbers; the bin after the last edge is open, the one after it for non-finite
#: values.
MOST_EDGES = PREDICTION_BINS - 2
#: Squares of larger values could not be added up in DynamoDB, whose numbers end at 10^125.
_LARGEST = 1e55


def answer(rows: int, latency_ms: float) -> Figures:
    place = latency_bin(latency_ms)
    counts = tuple(int(at == place) for at in range(len(LATENCY_BOUNDS) + 1))
    return Figures(requests=1, rows=rows, latency_counts=counts, latency_sum=latency_ms)


def failure() -> Figures:
    """A request that the model or the platform could not answer."""
    return Figures(requests=1, failures=1)


def refusal() -> Figures:
    """A request that was refused for what it asked (4xx)."""
    return Figures(requests=1, refusals=1)


def numbers(values: Iterable[float], edges: Sequence[float]) -> Figures:
    """Predictions of a regression, over ascending edges; a value on an edge belongs to the bin below it.

    What is not finite, or too large to be squared and stored, is counted in the last bin and is in no sum.

    Raises:
        ValueError: there are more edges than bins for them.
    """
    if len(edges) > MOST_EDGES:
        raise ValueError(f"{len(edges)} edges between bins, at most {MOST_EDGES} fit")
    counts = [0] * PREDICTION_BINS
    kept = []
    for value in values:
        if _adds(value):
            kept.append(value)
            counts[bisect_left(edges, value)] += 1
        else:
            counts[-1] += 1
    return Figures(
        predictions=sum(counts),
        prediction_sum=math.fsum(kept),
        prediction_squares=math.fsum(value * value for value in kept),
        prediction_counts=tuple(counts),
    )


def classes(places: Iterable[int]) -> Figures:
    """Predictions of a classification, by the label's place among the classes; from the 20th in one bin."""
    counts = [0] * PREDICTION_BINS
    for place in places:
        counts[min(place, PREDICTION_BINS - 1)] += 1
    return Figures(predictions=sum(counts), prediction_counts=tuple(counts))


def shadow_numbers(live: Sequence[float], shadow: Sequence[float], tolerance: float) -> Figures:
    """Rows that disagree differ by more than `tolerance` times the larger of the two.

    Two values that are not finite agree if they are the same or both no number; a pair with one of them is in
    no sum.
    """
    pairs = list(zip(live, shadow, strict=True))
    apart = [abs(one - other) for one, other in pairs if _adds(one) and _adds(other)]
    return Figures(
        pairs=len(pairs),
        disagreements=sum(not _agree(one, other, tolerance) for one, other in pairs),
        difference_sum=math.fsum(apart),
        difference_squares=math.fsum(value * value for value in apart),
    )


def shadow_labels(live: Sequence[object], shadow: Sequence[object]) -> Figures:
    """Rows that disagree have another label; each differs by 1."""
    pairs = list(zip(live, shadow, strict=True))
    unlike = sum(one != other for one, other in pairs)
    return Figures(pairs=len(pairs), disagreements=unlike, difference_sum=unlike, difference_squares=unlike)


def losses(values: Iterable[float]) -> Figures:
    """Losses of predictions whose label is known, 0 or more: the absolute error, or 1 for a wrong class.

    A loss that is not finite is left out: the failure shows among the predictions.
    """
    kept = [value for value in values if _adds(value)]
    return Figures(
        labels=len(kept), loss_sum=math.fsum(kept), loss_squares=math.fsum(value * value for value in kept)
    )


def _adds(value: float) -> bool:
    return abs(value) < _LARGEST


def _agree(one: float, other: float, tolerance: float) -> bool:
    if not (math.isfinite(one) and math.isfinite(other)):
        return one == other or (math.isnan(one) and math.isnan(other))
    return abs(one - other) <= tolerance * max(abs(one), abs(other))
