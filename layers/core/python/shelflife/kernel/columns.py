"""One column over frozen bins: how bins are chosen, and how values are counted over them.

Numbers fall into bins (edge[i-1], edge[i]] with open ends; beside the count of each bin its sum is kept,
which gives the mean of the bin's own values. Categories have a bin each and one for unseen ones. Missing
values (NaN, None, masked ones) are counted apart. Infinities are values: they fall into the outermost bins,
and the sums and means that they take part in are infinite, or NaN where both signs meet.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from shelflife.kernel.errors import InvalidError

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Values = npt.NDArray[Any]

#: Bins of a number column with many values: fine enough for a KS error of 1/256 at the worst.
NUMBER_BINS = 256
#: Categories that get a bin of their own; the rarer ones count as unseen.
CATEGORY_BINS = 100

Kind = Literal["number", "category"]


class ProfileMismatchError(InvalidError):
    """Two profiles that were counted over other bins or columns cannot be merged or compared."""


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column over frozen bins.

    `bins` holds k ascending inner edges (numbers: k + 1 counts) or k categories (k + 1 counts, the last
    for unseen ones). `sums` has the shape of `counts` for numbers and is empty for categories.
    `squares` is the sum of squared distances from `centre`, a frozen value near the reference's mean.
    """

    kind: Kind
    bins: tuple[float, ...] | tuple[str, ...]
    counts: Counts
    sums: Floats
    missing: int
    centre: float = 0.0
    squares: float = 0.0
    lowest: float | None = None
    highest: float | None = None

    @property
    def present(self) -> int:
        return int(self.counts.sum())

    @property
    def total(self) -> int:
        return self.present + self.missing

    @property
    def missing_rate(self) -> float:
        return self.missing / self.total if self.total else 0.0

    @property
    def unseen_rate(self) -> float:
        """The share of present values that no category of the reference covers; 0 for numbers."""
        return float(self.counts[-1] / self.present) if self.kind == "category" and self.present else 0.0

    @property
    def mean(self) -> float | None:
        if self.kind != "number" or not self.present:
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            return float(self.sums.sum() / self.present)

    @property
    def deviation(self) -> float | None:
        """The standard deviation (of the population) of the present numbers; infinite where a number is."""
        mean = self.mean
        if mean is None:
            return None
        if not math.isfinite(self.squares) or not math.isfinite(mean):
            return math.inf
        return float(np.sqrt(max(self.squares / self.present - (mean - self.centre) ** 2, 0.0)))


def category_profile(counts: Mapping[str, int], *, other: int, missing: int) -> ColumnProfile:
    """What `reference_profile` makes of a text column whose values were counted elsewhere.

    Args:
        counts: how often each value occurs; the commonest get a bin.
        other: how many values are not in `counts`: they count as unseen, as the rarer ones do.
        missing: how many values are missing.
    """
    commonest = sorted(counts, key=lambda name: (-counts[name], name))[:CATEGORY_BINS]
    bins = tuple(sorted(commonest))
    unseen = sum(counts.values()) - sum(counts[name] for name in bins) + other
    binned = np.asarray([*(counts[name] for name in bins), unseen], dtype=np.int64)
    return ColumnProfile("category", bins, binned, sums=np.zeros(0), missing=missing)


def reference_column(values: Values) -> ColumnProfile:
    """Choose the bins of a column, and count it."""
    if values.dtype.kind in "biuf":
        numbers = _numbers(values)
        present = np.sort(numbers[~np.isnan(numbers)])
        return _count_numbers(_empty("number", _edges(present), _centre(present)), numbers)
    texts = [_category(value) for value in _listed(values) if not _is_missing(value)]
    return category_profile(Counter(texts), other=0, missing=len(values) - len(texts))


def _centre(present: Floats) -> float:
    """The mean of the finite values; 0 if there is none, or their sum is beyond a float."""
    finite = present[np.isfinite(present)]
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(finite.mean()) if finite.size else 0.0
    return mean if math.isfinite(mean) else 0.0


def _edges(ascending: Floats) -> tuple[float, ...]:
    """Upper edges: every value its own bin if there are few, else equal shares of the rows."""
    distinct = np.unique(ascending)
    if distinct.size > NUMBER_BINS:
        # The inverted distribution function, picked rather than interpolated: infinities have no middle.
        places = np.ceil(np.arange(1, NUMBER_BINS) * (ascending.size / NUMBER_BINS)).astype(np.int64) - 1
        distinct = np.unique(ascending[places])
    elif distinct.size > 1:
        distinct = distinct[:-1]
    return tuple(float(edge) for edge in distinct)


def _empty(kind: Kind, bins: tuple[float, ...] | tuple[str, ...], centre: float) -> ColumnProfile:
    size = len(bins) + 1
    sums = np.zeros(size if kind == "number" else 0, np.float64)
    return ColumnProfile(kind, bins, np.zeros(size, np.int64), sums, missing=0, centre=centre)


def count_column(frozen: ColumnProfile, values: Values) -> ColumnProfile:
    """Count a column over the bins of another."""
    return _count_numbers(frozen, values) if frozen.kind == "number" else _count_categories(frozen, values)


def _count_numbers(frozen: ColumnProfile, values: Values) -> ColumnProfile:
    numbers = _numbers(values)
    present = numbers[~np.isnan(numbers)]
    size = len(frozen.bins) + 1
    place = np.searchsorted(np.asarray(frozen.bins, dtype=np.float64), present, side="left")
    with np.errstate(over="ignore", invalid="ignore"):
        squares = float(np.square(present - frozen.centre).sum())
    return ColumnProfile(
        kind="number",
        bins=frozen.bins,
        counts=np.bincount(place, minlength=size).astype(np.int64),
        sums=np.bincount(place, weights=present, minlength=size).astype(np.float64),
        missing=int(numbers.size - present.size),
        centre=frozen.centre,
        squares=squares,
        lowest=float(present.min()) if present.size else None,
        highest=float(present.max()) if present.size else None,
    )


def _count_categories(frozen: ColumnProfile, values: Values) -> ColumnProfile:
    place = {name: position for position, name in enumerate(frozen.bins)}
    unseen = len(frozen.bins)
    # A number that stands for a category is its text.
    found = [place.get(_category(value), unseen) for value in _listed(values) if not _is_missing(value)]
    return ColumnProfile(
        kind="category",
        bins=frozen.bins,
        counts=np.bincount(np.asarray(found, dtype=np.int64), minlength=unseen + 1).astype(np.int64),
        sums=np.zeros(0),
        missing=len(values) - len(found),
    )


def _numbers(values: Values) -> Floats:
    numbers = values.astype(np.float64)
    return numbers.filled(np.nan) if isinstance(numbers, np.ma.MaskedArray) else numbers


def _listed(values: Values) -> Sequence[Any]:
    """The values; a masked one is None."""
    return list(values.tolist() if isinstance(values, np.ma.MaskedArray) else values)


def _is_missing(value: Any) -> bool:
    return value is None or value != value  # noqa: PLR0124 - NaN alone differs from itself


def _category(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
