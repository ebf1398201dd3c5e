"""What one variant did in some minutes: counters and sums that add up, so that windows merge exactly.

Latencies are counted over frozen bounds, 1.66 times apart, from 0.25 ms to 30 s, and an open end; each bound
belongs to the bin below it. Predictions are counted over at most 20 bins that are frozen with the baseline
(`observed.py` says which). Everything is a flat number, because DynamoDB adds attribute by attribute.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from statistics import NormalDist
from typing import Annotated, Self, SupportsFloat

from pydantic import Field

from shelflife.kernel.model import Model

_NORMAL = NormalDist()
_STEPS = 23
_STEP = float((30_000 / 0.25) ** (1 / _STEPS))
#: Upper ends of the latency bins in milliseconds; the last bin, above 30 s, has none.
LATENCY_BOUNDS = tuple(round(0.25 * _STEP**at, 4) for at in range(_STEPS + 1))
#: Of a quantile read off the bins: it lies in the bin of the true one, which is at most this much wider at
#: its upper end than at its lower. Of smooth distributions it is a few percent
#: (tests/unit/serving/test_figures.py).
WORST_QUANTILE_ERROR = _STEP - 1
#: Bins of the predictions; the last is for what is no finite number, or a class beyond the others.
PREDICTION_BINS = 20

Count = Annotated[int, Field(ge=0)]
Sum = Annotated[float, Field(allow_inf_nan=False)]
LatencyCounts = Annotated[
    tuple[Count, ...], Field(min_length=len(LATENCY_BOUNDS) + 1, max_length=len(LATENCY_BOUNDS) + 1)
]
PredictionCounts = Annotated[tuple[Count, ...], Field(min_length=PREDICTION_BINS, max_length=PREDICTION_BINS)]

_SCALARS = {
    "requests": "q",
    "rows": "r",
    "failures": "f",
    "refusals": "u",
    "latency_sum": "ls",
    "predictions": "pn",
    "prediction_sum": "ps",
    "prediction_squares": "pq",
    "pairs": "sn",
    "disagreements": "sd",
    "difference_sum": "sa",
    "difference_squares": "sq",
    "labels": "yn",
    "loss_sum": "ys",
    "loss_squares": "yq",
}
_LISTS = {"latency_counts": ("l", len(LATENCY_BOUNDS) + 1), "prediction_counts": ("p", PREDICTION_BINS)}


class Figures(Model):
    """Counts and sums of one variant; `+` merges two of them, and zero is the default of everything.

    `requests` are all that were given to the variant. Of these, `failures` got no answer because the model or
    the platform could not, and `refusals` because of what was asked (4xx); neither has latencies or
    predictions. `pairs` are rows that a shadow answered beside the live variant, `disagreements` those with
    another label or with numbers farther apart than the tolerance; differences are absolute. Latencies are in
    milliseconds.
    """

    requests: Count = 0
    rows: Count = 0
    failures: Count = 0
    refusals: Count = 0
    latency_counts: LatencyCounts = (0,) * (len(LATENCY_BOUNDS) + 1)
    latency_sum: Sum = 0.0
    predictions: Count = 0
    prediction_sum: Sum = 0.0
    prediction_squares: Sum = 0.0
    prediction_counts: PredictionCounts = (0,) * PREDICTION_BINS
    pairs: Count = 0
    disagreements: Count = 0
    difference_sum: Sum = 0.0
    difference_squares: Sum = 0.0
    labels: Count = 0
    loss_sum: Sum = 0.0
    loss_squares: Sum = 0.0

    def __add__(self, other: "Figures") -> "Figures":
        return merged((self, other))

    @property
    def answered(self) -> int:
        """Requests with a measured latency."""
        return sum(self.latency_counts)

    def latency_quantile(self, level: float) -> float | None:
        """The latency that this share of the answers does not exceed, in ms; null without answers."""
        return quantile(self.latency_counts, level)

    def to_counts(self) -> dict[str, float]:
        """The numbers by their attribute names, those that are 0 left out: what DynamoDB adds up.

        Names never change: `q` requests, `r` rows, `f` failures, `u` refusals; `l0` to `l24` and `ls` the
        latencies' counts and sum; `pn`, `ps`, `pq` number, sum and squares of the predictions and `p0` to
        `p19` their bins; `sn` pairs, `sd` disagreements, `sa` and `sq` sum and squares of their differences;
        `yn`, `ys`, `yq` number, sum and squares of the labels' losses.
        """
        scalars = {name: getattr(self, field) for field, name in _SCALARS.items()}
        listed = {
            f"{prefix}{at}": count
            for field, (prefix, _) in _LISTS.items()
            for at, count in enumerate(getattr(self, field))
        }
        return {name: value for name, value in (scalars | listed).items() if value}

    @classmethod
    def from_counts(cls, counts: Mapping[str, SupportsFloat]) -> Self:
        """The figures behind a mapping of `to_counts`, or behind a whole item: other names are not read.

        Raises:
            ValidationError: a counter is negative, or has a fraction.
        """
        fields: dict[str, object] = {
            field: float(counts[name]) for field, name in _SCALARS.items() if name in counts
        }
        for field, (prefix, size) in _LISTS.items():
            fields[field] = tuple(float(counts.get(f"{prefix}{at}", 0)) for at in range(size))
        return cls.model_validate(fields)


def merged(parts: Iterable[Figures]) -> Figures:
    """All parts in one; without any, zero everywhere."""
    all_parts = list(parts)
    scalars = {field: sum(getattr(part, field) for part in all_parts) for field in _SCALARS}
    listed = {
        field: tuple(map(sum, zip(*(getattr(part, field) for part in all_parts), strict=True))) or (0,) * size
        for field, (_, size) in _LISTS.items()
    }
    return Figures.model_validate(scalars | listed)


def latency_bin(milliseconds: float) -> int:
    """The bin that a latency is counted in."""
    return bisect_left(LATENCY_BOUNDS, milliseconds)


def quantile(counts: Sequence[int], level: float) -> float | None:
    """The latency at a level of 0 to 1; null without counts.

    Within a bin the latencies are taken for log-normal: a straight line between the logarithm and the normal
    score of the share. The answer lies in the bin of the true quantile (WORST_QUANTILE_ERROR), and is 30 s
    where that is longer.
    """
    total = sum(counts)
    if not total:
        return None
    rank = min(level * total, total)
    at = below = 0
    while not counts[at] or below + counts[at] < rank:
        below += counts[at]
        at += 1
    if at == len(LATENCY_BOUNDS):
        return LATENCY_BOUNDS[-1]
    place = _place(rank / total, below / total, (below + counts[at]) / total, 0.5 / total)
    return LATENCY_BOUNDS[at] * float(_STEP ** (place - 1))


def _place(level: float, lowest: float, highest: float, least: float) -> float:
    """Where a level is in its bin, from 0 to 1; `least` stands for a share of none at all."""
    from_, to, sought = (
        _NORMAL.inv_cdf(min(max(share, least), 1 - least)) for share in (lowest, highest, level)
    )
    return (sought - from_) / (to - from_) if to > from_ else 0.5
