"""Mergeable profiles: what monitoring keeps of rows instead of the rows.

A reference profile chooses bins once and freezes them; every later profile counts over the same bins, so
merging is adding, and the merged profile is exactly the profile of all the rows together. A scan then costs
bins, not rows (docs: performance).

Numbers fall into bins (edge[i-1], edge[i]] with open ends; beside the count of each bin its sum is kept,
which gives the mean of the bin's own values. Categories have a bin each and one for unseen ones. Missing
values (NaN, None) are counted apart.
"""

import json
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
        return float(self.sums.sum() / self.present) if self.kind == "number" and self.present else None

    @property
    def deviation(self) -> float | None:
        """The standard deviation (of the population) of the present numbers."""
        mean = self.mean
        if mean is None:
            return None
        return float(np.sqrt(max(self.squares / self.present - (mean - self.centre) ** 2, 0.0)))


@dataclass(frozen=True, slots=True)
class Profile:
    """All columns of some rows."""

    row_count: int
    columns: Mapping[str, ColumnProfile]


def reference_profile(columns: Mapping[str, Values]) -> Profile:
    """Choose bins from these rows and count them; a column is a number column if its dtype is numeric.

    Args:
        columns: one array of shape [rows] per column; booleans and numbers with NaN for missing,
            or objects (text) with None for missing.
    """
    return Profile(
        row_count=_row_count(columns), columns={name: _reference(values) for name, values in columns.items()}
    )


def profile_over(reference: Profile, columns: Mapping[str, Values]) -> Profile:
    """Count rows over the bins of a reference.

    Raises:
        ProfileMismatchError: a column of the reference is not there.
    """
    absent = sorted(reference.columns.keys() - columns.keys())
    if absent:
        raise ProfileMismatchError(f"columns {absent} of the reference profile are not in the rows")
    return Profile(
        row_count=_row_count(columns),
        columns={name: _count(frozen, columns[name]) for name, frozen in reference.columns.items()},
    )


def merge(profiles: Sequence[Profile]) -> Profile:
    """The profile of all their rows together.

    Raises:
        ProfileMismatchError: they were not counted over the same bins, or there are none.
    """
    if not profiles:
        raise ProfileMismatchError("there is no profile to merge")
    names = profiles[0].columns.keys()
    if any(profile.columns.keys() != names for profile in profiles):
        raise ProfileMismatchError("the profiles have different columns")
    return Profile(
        row_count=sum(profile.row_count for profile in profiles),
        columns={name: _merged(name, [profile.columns[name] for profile in profiles]) for name in names},
    )


def to_json(profile: Profile) -> str:
    """Lossless text of a profile."""
    columns = {name: _plain(column) for name, column in profile.columns.items()}
    return json.dumps({"row_count": profile.row_count, "columns": columns}, separators=(",", ":"))


def from_json(text: str | bytes) -> Profile:
    """The profile that `to_json` wrote."""
    plain = json.loads(text)
    return Profile(
        row_count=plain["row_count"],
        columns={name: _column(column) for name, column in plain["columns"].items()},
    )


def _row_count(columns: Mapping[str, Values]) -> int:
    sizes = {len(values) for values in columns.values()}
    if len(sizes) > 1:
        raise ProfileMismatchError(f"columns have different lengths: {sorted(sizes)}")
    return sizes.pop() if sizes else 0


def _reference(values: Values) -> ColumnProfile:
    if values.dtype.kind in "biuf":
        numbers = values.astype(np.float64)
        present = numbers[~np.isnan(numbers)]
        centre = float(present.mean()) if present.size else 0.0
        return _count(_empty("number", _edges(present), centre), values)
    present_texts = [str(value) for value in values if value is not None]
    seen, counts = np.unique(np.asarray(present_texts, dtype=object).astype(str), return_counts=True)
    commonest = sorted(zip(-counts, seen, strict=True))[:CATEGORY_BINS]
    return _count(_empty("category", tuple(sorted(str(name) for _, name in commonest)), 0.0), values)


def _edges(present: Floats) -> tuple[float, ...]:
    """Upper edges: every value its own bin if there are few, else equal shares of the rows."""
    distinct = np.unique(present)
    if distinct.size > NUMBER_BINS:
        shares = np.arange(1, NUMBER_BINS) / NUMBER_BINS
        distinct = np.unique(np.quantile(present, shares, method="inverted_cdf"))
    elif distinct.size:
        distinct = distinct[:-1] if distinct.size > 1 else distinct
    return tuple(float(edge) for edge in distinct)


def _empty(kind: Kind, bins: tuple[float, ...] | tuple[str, ...], centre: float) -> ColumnProfile:
    size = len(bins) + 1
    sums = np.zeros(size if kind == "number" else 0)
    return ColumnProfile(kind, bins, np.zeros(size, np.int64), sums, missing=0, centre=centre)


def _count(frozen: ColumnProfile, values: Values) -> ColumnProfile:
    return _count_numbers(frozen, values) if frozen.kind == "number" else _count_categories(frozen, values)


def _count_numbers(frozen: ColumnProfile, values: Values) -> ColumnProfile:
    numbers = values.astype(np.float64)
    present = numbers[~np.isnan(numbers)]
    size = len(frozen.bins) + 1
    place = np.searchsorted(np.asarray(frozen.bins, dtype=np.float64), present, side="left")
    return ColumnProfile(
        kind="number",
        bins=frozen.bins,
        counts=np.bincount(place, minlength=size).astype(np.int64),
        sums=np.bincount(place, weights=present, minlength=size).astype(np.float64),
        missing=int(numbers.size - present.size),
        centre=frozen.centre,
        squares=float(np.square(present - frozen.centre).sum()),
        lowest=float(present.min()) if present.size else None,
        highest=float(present.max()) if present.size else None,
    )


def _count_categories(frozen: ColumnProfile, values: Values) -> ColumnProfile:
    place = {name: position for position, name in enumerate(frozen.bins)}
    unseen = len(frozen.bins)
    # Anything but None is a value here; a number that stands for a category is its text.
    found = [place.get(_category(value), unseen) for value in values if value is not None]
    return ColumnProfile(
        kind="category",
        bins=frozen.bins,
        counts=np.bincount(np.asarray(found, dtype=np.int64), minlength=unseen + 1).astype(np.int64),
        sums=np.zeros(0),
        missing=len(values) - len(found),
    )


def _category(value: Any) -> Any:
    return value if isinstance(value, str) else str(value)


def _merged(name: str, columns: Sequence[ColumnProfile]) -> ColumnProfile:
    first = columns[0]
    if any((one.kind, one.bins, one.centre) != (first.kind, first.bins, first.centre) for one in columns):
        raise ProfileMismatchError(f"column {name!r} was counted over other bins")
    lowest = [one.lowest for one in columns if one.lowest is not None]
    highest = [one.highest for one in columns if one.highest is not None]
    return ColumnProfile(
        kind=first.kind,
        bins=first.bins,
        counts=np.sum([one.counts for one in columns], axis=0, dtype=np.int64),
        sums=np.sum([one.sums for one in columns], axis=0),
        missing=sum(one.missing for one in columns),
        centre=first.centre,
        squares=sum(one.squares for one in columns),
        lowest=min(lowest, default=None),
        highest=max(highest, default=None),
    )


def _plain(column: ColumnProfile) -> dict[str, Any]:
    return {
        "kind": column.kind,
        "bins": list(column.bins),
        "counts": column.counts.tolist(),
        "sums": column.sums.tolist(),
        "missing": column.missing,
        "centre": column.centre,
        "squares": column.squares,
        "lowest": column.lowest,
        "highest": column.highest,
    }


def _column(plain: Mapping[str, Any]) -> ColumnProfile:
    return ColumnProfile(
        **{
            **plain,
            "bins": tuple(plain["bins"]),
            "counts": np.asarray(plain["counts"], dtype=np.int64),
            "sums": np.asarray(plain["sums"], dtype=np.float64),
        }
    )
