"""Keys of traces; `dynamo` has the map of them."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from shelflife.tracing.model import Place, Shelf, Trace, place_of, shelves_of

POINTER = "TRACE"
DAYS = "DAYS#"
LEFT = "LEFT"
#: The last millisecond that has a date of four digits.
_LAST = 253_402_300_799_999
_DIGITS = 15
_MONTH = 7
_SHOWN = 32


def pointer_pk(trace_id: str) -> str:
    return f"TRACE#{trace_id}"


def day_of(milliseconds: int) -> str:
    """The date in UTC; what lies outside of four-digit years counts to their ends."""
    known = min(max(milliseconds, 0), _LAST)
    return datetime.fromtimestamp(known // 1000, UTC).strftime("%Y-%m-%d")


def months_of(days: Iterable[str]) -> Iterator[str]:
    """Months of days that come in order, each once."""
    last = ""
    for day in days:
        if day[:_MONTH] != last:
            last = day[:_MONTH]
            yield last


def days_key(experiment_id: str, day: str) -> tuple[str, str]:
    return f"{DAYS}{experiment_id}", day


def traces_pk(experiment_id: str, day: str) -> str:
    return f"TRACES#{experiment_id}#{day}"


def sort_key(place: Place) -> str:
    down = _LAST - min(max(place.request_time, 0), _LAST)
    return f"{down:0{_DIGITS}}#{place.trace_id}"


def place_in(sk: str) -> Place:
    """The place that a sort key stands for."""
    down, _, trace_id = sk.partition("#")
    return Place(_LAST - int(down), trace_id)


def trace_key(trace: Trace | Place, experiment_id: str | None = None) -> tuple[str, str]:
    place = trace if isinstance(trace, Place) else place_of(trace)
    owner = trace.experiment_id if isinstance(trace, Trace) else experiment_id
    return traces_pk(owner or "", day_of(place.request_time)), sort_key(place)


def entry_pk(shelf: Shelf, month: str) -> str:
    """Values are of any length and may hold anything, so their digest stands for them."""
    digest = hashlib.sha256(shelf.value.encode(errors="surrogatepass")).hexdigest()[:_SHOWN]
    return f"{shelf.kind}#{shelf.experiment_id}#{month}#{digest}"


def entries_of(trace: Trace) -> set[tuple[str, str]]:
    """Keys of the entries by which the trace is found."""
    month = day_of(trace.request_time)[:_MONTH]
    sk = sort_key(place_of(trace))
    return {(entry_pk(shelf, month), sk) for shelf in shelves_of(trace)}
