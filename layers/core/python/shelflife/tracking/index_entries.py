"""What of a run is in the index, and how its values are written so that they sort.

Every metric's latest value, param and tag, and some attributes, are an entry: (kind, key, value, start, run).
Entries of a kind and key are ordered by value, then latest start first, then run, as search results are.
"""

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

from shelflife.kernel.filters import ATTRIBUTE
from shelflife.tracking.model import Lifecycle, Run

#: Bytes of a text that order; the rest is compared with the run itself.
TEXT_BYTES = 256
#: After a value that counts as one but is none; sorts after all values.
NOT_A_NUMBER = "~nan"
START_TIME, END_TIME = "start_time", "end_time"
#: The partition of deleted runs: they are in no other.
DELETED = "deleted"
METRIC, PARAM, TAG = "metric", "param", "tag"
#: Attributes with entries; the others are few runs' or every run's own.
TEXT_ATTRIBUTES = ("run_name", "status", "user_id")
_LATEST = 10**20
_NUMBERS = "n"
_TEXTS = "t"
#: Sorts before everything that a text holds.
SEPARATOR = "\x01"


class Place(NamedTuple):
    """A kind and key whose values are in order."""

    kind: str
    key: str


LISTING = Place(ATTRIBUTE, START_TIME)
DELETED_LISTING = Place(ATTRIBUTE, DELETED)


class Entry(NamedTuple):
    """A run's value at a place; `value` is as `encoded` writes it, empty in the listings."""

    place: Place
    value: str
    start_time: int
    run_id: str

    @property
    def rank(self) -> tuple[int, str]:
        """Its order among the entries of one value."""
        return -self.start_time, self.run_id


def entries_of(run: Run) -> Iterator[Entry]:
    """The entries of a run; of a deleted one only that it is."""
    if run.lifecycle is Lifecycle.DELETED:
        yield Entry(DELETED_LISTING, "", run.start_time, run.run_id)
        return
    yield Entry(LISTING, "", run.start_time, run.run_id)
    for place, value in _values(run):
        yield Entry(place, encoded(value), run.start_time, run.run_id)


def indexed(place: Place) -> bool:
    """Whether runs have entries at the place."""
    attributes = {START_TIME, END_TIME, *TEXT_ATTRIBUTES}
    return place.kind in {METRIC, PARAM, TAG} or (place.kind == ATTRIBUTE and place.key in attributes)


def encoded(value: str | float) -> str:
    """The value as a text that sorts as the value does; NaN after all numbers.

    Numbers are their IEEE 754 bits, turned so that they sort; long texts are cut.
    """
    if isinstance(value, str):
        raw = value.encode()[:TEXT_BYTES]
        return _TEXTS + raw.decode(errors="ignore")
    if math.isnan(value):
        return NOT_A_NUMBER
    (bits,) = struct.unpack(">Q", struct.pack(">d", float(value) + 0.0))
    turned = bits ^ (0xFFFFFFFFFFFFFFFF if bits >> 63 else 1 << 63)
    return f"{_NUMBERS}{turned:016x}"


def is_cut(value: str) -> bool:
    """Whether an encoded value may stand for several."""
    return len(value.encode()) > TEXT_BYTES - 4


def sort_key(entry: Entry) -> str:
    return f"{entry.value}{SEPARATOR}{inverted(entry.start_time)}{SEPARATOR}{entry.run_id}"


def inverted(start_time: int) -> str:
    """The time as digits that sort latest first."""
    return f"{_LATEST - start_time:021}"


def entry_at(place: Place, key: str) -> Entry:
    """The entry that `sort_key` was given."""
    rest, _, run_id = key.rpartition(SEPARATOR)
    value, _, start = rest.rpartition(SEPARATOR)
    return Entry(place, value, _LATEST - int(start), run_id)


def value_at(run: Run, place: Place) -> str | None:
    """The run's value as an entry at the place would have it."""
    if place in {LISTING, DELETED_LISTING}:
        return ""
    if place.kind == METRIC:
        metric = run.metrics.get(place.key)
        found: str | float | None = None if metric is None else metric.value
    elif place.kind == ATTRIBUTE:
        found = getattr(run, place.key)
        found = float(found) if isinstance(found, int) else found
    else:
        found = (run.params if place.kind == PARAM else run.tags).get(place.key)
    return None if found is None else encoded(str(found) if isinstance(found, str) else found)


def _values(run: Run) -> Iterator[tuple[Place, str | float]]:
    for key, metric in run.metrics.items():
        yield Place(METRIC, key), metric.value
    for key, text in run.params.items():
        yield Place(PARAM, key), text
    for key, text in run.tags.items():
        yield Place(TAG, key), text
    for name in TEXT_ATTRIBUTES:
        yield Place(ATTRIBUTE, name), str(getattr(run, name))
    if run.end_time is not None:
        yield Place(ATTRIBUTE, END_TIME), float(run.end_time)
