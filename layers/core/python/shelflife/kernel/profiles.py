"""Mergeable profiles: what monitoring keeps of rows instead of the rows.

A reference profile chooses bins once and freezes them; every later profile counts over the same bins, so
merging is adding, and the merged profile is exactly the profile of all the rows together. A scan then costs
bins, not rows (docs: performance).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shelflife.kernel.columns import (
    CATEGORY_BINS,
    NUMBER_BINS,
    ColumnProfile,
    Counts,
    Floats,
    Kind,
    ProfileMismatchError,
    Values,
    category_profile,
    count_column,
    reference_column,
)

__all__ = [
    "CATEGORY_BINS",
    "NUMBER_BINS",
    "ColumnProfile",
    "Counts",
    "Floats",
    "Kind",
    "Profile",
    "ProfileMismatchError",
    "Values",
    "category_profile",
    "from_json",
    "merge",
    "profile_over",
    "reference_profile",
    "shared",
    "to_json",
]


@dataclass(frozen=True, slots=True)
class Profile:
    """All columns of some rows."""

    row_count: int
    columns: Mapping[str, ColumnProfile]


def reference_profile(columns: Mapping[str, Values]) -> Profile:
    """Choose bins from these rows and count them; a column is a number column if its dtype is numeric.

    Args:
        columns: one array of shape [rows] per column; booleans and numbers with NaN for missing,
            or objects (text) with None for missing; masked values are missing too.
    """
    return Profile(
        row_count=_row_count(columns),
        columns={name: reference_column(values) for name, values in columns.items()},
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
        columns={name: count_column(frozen, columns[name]) for name, frozen in reference.columns.items()},
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


def shared(profiles: Sequence[Profile]) -> list[Profile]:
    """The profiles without the columns that any of them lacks."""
    names = (
        set[str]()
        .union(*(profile.columns for profile in profiles))
        .intersection(*(profile.columns.keys() for profile in profiles))
    )
    return [
        Profile(one.row_count, {name: column for name, column in one.columns.items() if name in names})
        for one in profiles
    ]


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


def _merged(name: str, columns: Sequence[ColumnProfile]) -> ColumnProfile:
    first = columns[0]
    if any((one.kind, one.bins, one.centre) != (first.kind, first.bins, first.centre) for one in columns):
        raise ProfileMismatchError(f"column {name!r} was counted over other bins")
    lowest = [one.lowest for one in columns if one.lowest is not None]
    highest = [one.highest for one in columns if one.highest is not None]
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.sum([one.sums for one in columns], axis=0)
    return ColumnProfile(
        kind=first.kind,
        bins=first.bins,
        counts=np.sum([one.counts for one in columns], axis=0, dtype=np.int64),
        sums=sums,
        missing=sum(one.missing for one in columns),
        centre=first.centre,
        squares=sum(one.squares for one in columns),
        lowest=min(lowest, default=None),
        highest=max(highest, default=None),
    )


def _plain(column: ColumnProfile) -> dict[str, Any]:
    return {
        "kind": column.kind,
        "bins": [_told(edge) for edge in column.bins],
        "counts": column.counts.tolist(),
        "sums": [_told(total) for total in column.sums.tolist()],
        "missing": column.missing,
        "centre": column.centre,
        "squares": _told(column.squares),
        "lowest": _told(column.lowest),
        "highest": _told(column.highest),
    }


def _told(value: Any) -> Any:
    """JSON has no infinities and no NaN: they are told as text, which `float` reads."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _column(plain: Mapping[str, Any]) -> ColumnProfile:
    number = plain["kind"] == "number"
    lowest, highest = plain["lowest"], plain["highest"]
    return ColumnProfile(
        kind=plain["kind"],
        bins=tuple(float(edge) for edge in plain["bins"]) if number else tuple(plain["bins"]),
        counts=np.asarray(plain["counts"], dtype=np.int64),
        sums=np.asarray([float(total) for total in plain["sums"]], dtype=np.float64),
        missing=plain["missing"],
        centre=plain["centre"],
        squares=float(plain["squares"]),
        lowest=None if lowest is None else float(lowest),
        highest=None if highest is None else float(highest),
    )
