"""Rows of a dataset version as arrays, and their split.

Numbers are rounded to 32-bit floats here, before anything is fitted: that is what the ONNX model will be
given, so both models see the same values. A missing number is NaN, a missing category is "".
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from shelflife.contracts.data import ColumnKind
from shelflife.contracts.models import Task
from shelflife.training.job.errors import RowsUnfitError
from shelflife.training.model import CheckedPlan
from shelflife.training.split import held_out, held_out_of_class

Array = npt.NDArray[Any]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """`numbers` are the rows' places in the dataset, from 1: what a message can point to."""

    numeric: dict[str, npt.NDArray[np.float32]]
    categorical: dict[str, Array]
    target: Array
    numbers: Places

    def __len__(self) -> int:
        return len(self.target)

    def take(self, places: Places) -> "Rows":
        return Rows(
            numeric={name: values[places] for name, values in self.numeric.items()},
            categorical={name: values[places] for name, values in self.categorical.items()},
            target=self.target[places],
            numbers=self.numbers[places],
        )


def load_rows(parquet: Path, checked: CheckedPlan) -> Rows:
    """The rows that have a target, in the order of the plan's split.

    Raises:
        RowsUnfitError: a number is not finite as a 32-bit float, or a target is no class.
    """
    columns = _columns(parquet, checked)
    target = _target(columns[checked.plan.target], checked)
    rows = Rows(
        numeric={name: _numeric(name, columns[name]) for name in checked.numeric},
        categorical={name: _categorical(columns[name]) for name in checked.categorical},
        target=target,
        numbers=np.arange(1, len(target) + 1),
    )
    present = (
        np.array([value is not None for value in target]) if target.dtype == object else ~np.isnan(target)
    )
    places = np.flatnonzero(present)
    if checked.plan.split.by is not None:
        order = columns[checked.plan.split.by]
        places = places[np.argsort(np.ma.getdata(order)[places], kind="stable")]
    return _with_settled_target(rows.take(places), checked)


def split_rows(rows: Rows, checked: CheckedPlan) -> tuple[Rows, Rows]:
    """The rows to train on and those held back, each in the order that they came in.

    Raises:
        RowsUnfitError: one side is empty, or the held-out rows have a class that is never trained.
    """
    back = _held_back(rows, checked)
    trained, kept = rows.take(np.flatnonzero(~back)), rows.take(np.flatnonzero(back))
    if not len(trained) or not len(kept):
        raise RowsUnfitError(f"the split leaves {len(trained)} rows to train on and {len(kept)} held out")
    if checked.plan.task is Task.CLASSIFICATION:
        _check_classes(trained, kept, checked.plan.target)
    return trained, kept


def _check_classes(trained: Rows, kept: Rows, target: str) -> None:
    known = set(trained.target.tolist())
    if len(known) < 2:  # noqa: PLR2004 - two classes are the fewest
        raise RowsUnfitError(f"target {target!r} has only the class {known.pop()!r} in the rows to train on")
    unknown = sorted(set(kept.target.tolist()) - known)
    if unknown:
        raise RowsUnfitError(
            f"target {target!r} has the class {unknown[0]!r} in the held-out rows, but in none to train on"
        )


def _held_back(rows: Rows, checked: CheckedPlan) -> npt.NDArray[np.bool_]:
    split, count = checked.plan.split, len(rows)
    back = np.zeros(count, dtype=np.bool_)
    if split.kind == "ordered":
        back[count - held_out(count, split.holdout_fraction) :] = True
        return back
    chance = np.random.default_rng(checked.plan.seed)
    if checked.plan.task is Task.REGRESSION:
        back[chance.permutation(count)[: held_out(count, split.holdout_fraction)]] = True
        return back
    for label in np.unique(rows.target):
        places = np.flatnonzero(rows.target == label)
        share = held_out_of_class(len(places), split.holdout_fraction)
        back[chance.permutation(places)[:share]] = True
    return back


def _columns(parquet: Path, checked: CheckedPlan) -> dict[str, Any]:
    """The plan's columns as masked arrays, by name."""
    kinds = {column.name: column.kind for column in checked.manifest.columns}
    plan = checked.plan
    names = list(dict.fromkeys([*checked.numeric, *checked.categorical, plan.target]))
    if plan.split.by is not None and plan.split.by not in names:
        names.append(plan.split.by)
    asked = ", ".join(f"{_cast(name, kinds[name])} AS c{place}" for place, name in enumerate(names))
    with duckdb.connect() as database:
        # Quoted names from the manifest are the only thing that varies; the path is bound.
        found = database.execute(f"SELECT {asked} FROM read_parquet(?)", [str(parquet)]).fetchnumpy()  # noqa: S608
    return {name: np.ma.asarray(found[f"c{place}"]) for place, name in enumerate(names)}


def _cast(name: str, kind: ColumnKind) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    if kind is ColumnKind.TIMESTAMP:
        return f"epoch_us({quoted})"
    return f"CAST({quoted} AS {'VARCHAR' if kind is ColumnKind.TEXT else 'DOUBLE'})"


def _numeric(name: str, column: Any) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        numbers = np.ma.filled(column.astype(np.float64), np.nan).astype(np.float32)
    wrong = np.flatnonzero(np.isinf(numbers))
    if wrong.size:
        row = int(wrong[0])
        raise RowsUnfitError(f"column {name!r}, row {row + 1}: {column[row]} is not finite as a 32-bit float")
    return numbers


def _categorical(column: Any) -> Array:
    texts = [_category(value) for value in column.tolist()]
    return np.array(texts, dtype=object)


def _category(value: Any) -> str:
    """A number as a category is written as people write it: 3, not 3.0."""
    if value is None or value != value:  # noqa: PLR0124 - NaN alone differs from itself
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def _target(column: Any, checked: CheckedPlan) -> Array:
    """Floats with NaN, or texts with None, for what is missing."""
    if column.dtype == object:
        return np.array(column.tolist(), dtype=object)
    numbers: Array = np.ma.filled(column.astype(np.float64), np.nan)
    wrong = np.flatnonzero(np.isinf(numbers))
    if wrong.size:
        raise RowsUnfitError(f"target {checked.plan.target!r}, row {int(wrong[0]) + 1}: {numbers[wrong[0]]}")
    return numbers


def _with_settled_target(rows: Rows, checked: CheckedPlan) -> Rows:
    if checked.plan.task is Task.REGRESSION:
        return rows
    if rows.target.dtype == object:
        labels = rows.target.astype(str)
    else:
        broken = np.flatnonzero(rows.target != np.floor(rows.target))
        if broken.size:
            place = int(broken[0])
            raise RowsUnfitError(
                f"target {checked.plan.target!r}, row {rows.numbers[place]}: {rows.target[place]} is no class"
            )
        labels = rows.target.astype(np.int64)
    return Rows(rows.numeric, rows.categorical, labels, rows.numbers)
