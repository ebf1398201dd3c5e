"""Minute windows: what the rows of a capture file add to the figures of their variant, minute by minute.

Everything is read off the file's columns, so that whoever finds a file whose writer was cut off adds the
very same.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shelflife.contracts.models import Task
from shelflife.contracts.serving import (
    CAPTURE_ASSIGNED,
    CAPTURE_ERROR,
    CAPTURE_LATENCY,
    CAPTURE_REFUSED,
    CAPTURE_ROW,
    CAPTURED_AT,
    LIVE_COLUMN,
    OUTPUT_COLUMN,
)
from shelflife.kernel.profiles import Profile
from shelflife.serving import observed
from shelflife.serving.columns import ANSWER, Column, Columns
from shelflife.serving.figures import LATENCY_BOUNDS, PREDICTION_BINS, Figures, merged
from shelflife.serving.observed import MOST_EDGES
from shelflife.serving.profiling import PREDICTION

#: Two numbers that differ by more than this share of the larger one disagree.
SHADOW_TOLERANCE = 0.01

#: The place of a label that is none of the classes: in the last bin.
_NO_CLASS = PREDICTION_BINS - 1

Truths = npt.NDArray[np.bool_]


class Scale(NamedTuple):
    """What the predictions of all variants of a revision are counted over: the bins of the stable one.

    `edges` are for numbers; `classes` are the labels in their order.
    """

    task: Task
    edges: tuple[float, ...] = ()
    classes: tuple[str, ...] = ()


def edges_of(baseline: Profile) -> tuple[float, ...]:
    """Edges between bins of about equal shares of the baseline's predictions; none if they are labels."""
    column = baseline.columns.get(PREDICTION)
    if column is None or column.kind != "number":
        return ()
    edges = np.asarray(column.bins, dtype=np.float64)
    if edges.size > MOST_EDGES:
        shares = np.cumsum(column.counts)[:-1]
        wanted = np.arange(1, MOST_EDGES + 1) * (column.present / (MOST_EDGES + 1))
        edges = np.unique(edges[np.minimum(np.searchsorted(shares, wanted), edges.size - 1)])
    return tuple(edges[np.isfinite(edges)].tolist())


def minutes_of(columns: Columns, scale: Scale) -> dict[datetime, Figures]:
    """Figures of each minute in which requests came that the traffic rule assigned.

    A request that travelled in several parts is counted with its first row, its rows wherever they are. What
    the capture policy hides or hashes must not be among the columns.
    """
    assigned = columns[CAPTURE_ASSIGNED].astype(np.bool_)
    minutes = columns[CAPTURED_AT].astype("datetime64[m]")
    return {
        minute.item().replace(tzinfo=UTC): _figures(columns, assigned & (minutes == minute), scale)
        for minute in np.unique(minutes[assigned])
    }


def _figures(columns: Columns, chosen: Truths, scale: Scale) -> Figures:
    if CAPTURE_ERROR in columns:
        first = chosen & (columns[CAPTURE_ROW] == 0)
        refused = int(columns[CAPTURE_REFUSED][first].astype(np.bool_).sum())
        count = int(first.sum())
        return Figures(requests=count, failures=count - refused, refusals=refused)
    return merged([_answers(columns, chosen), *_predictions(columns, chosen, scale)])


def _answers(columns: Columns, chosen: Truths) -> Figures:
    first = chosen & (columns[CAPTURE_ROW] == 0)
    latencies = columns[CAPTURE_LATENCY][first].astype(np.float64)
    counts = np.bincount(np.searchsorted(LATENCY_BOUNDS, latencies), minlength=len(LATENCY_BOUNDS) + 1)
    return Figures(
        requests=len(latencies),
        rows=int(chosen.sum()),
        latency_counts=tuple(counts.tolist()),
        latency_sum=float(latencies.sum()),
    )


def _predictions(columns: Columns, chosen: Truths, scale: Scale) -> Iterator[Figures]:
    name = ANSWER[scale.task]
    answers = _told(columns.get(OUTPUT_COLUMN.format(name=name)), chosen)
    live = _told(columns.get(LIVE_COLUMN.format(name=name)), chosen)
    if answers is None:
        return
    if scale.task is Task.REGRESSION:
        yield observed.numbers(_floats(answers), scale.edges)
        if live is not None:
            yield observed.shadow_numbers(_floats(live), _floats(answers), SHADOW_TOLERANCE)
    else:
        yield observed.classes(_places(answers, scale.classes))
        if live is not None:
            yield observed.shadow_labels(_texts(live), _texts(answers))


def _told(column: Column | None, chosen: Truths) -> Column | None:
    return None if column is None else column[chosen]


def _floats(values: Column) -> list[float]:
    return [float(value) for value in values]


def _texts(values: Column) -> list[str]:
    return [str(value) for value in values]


def _places(labels: Column, classes: Sequence[str]) -> Iterator[int]:
    known: Mapping[str, int] = {label: at for at, label in enumerate(classes)}
    return (known.get(label, _NO_CLASS) for label in _texts(labels))
