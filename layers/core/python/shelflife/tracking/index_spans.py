"""Which stretch of a place's entries a search reads."""

from collections.abc import Iterable
from typing import NamedTuple

from shelflife.kernel.filters import ATTRIBUTE, Clause, Comparison
from shelflife.tracking.index_entries import (
    DELETED_LISTING,
    END_TIME,
    LISTING,
    METRIC,
    NOT_A_NUMBER,
    SEPARATOR,
    Place,
    encoded,
    inverted,
)
from shelflife.tracking.run_order import Position

#: Sorts after everything that stands behind a value.
_END = "~"
#: Sorts after every text.
_LAST = "\U0010ffff"


class Span(NamedTuple):
    """Sort keys from `low` to `high`, both included."""

    low: str
    high: str

    def within(self, other: "Span") -> "Span":
        return Span(max(self.low, other.low), min(self.high, other.high))

    @property
    def empty(self) -> bool:
        return self.low > self.high


NANS = Span(NOT_A_NUMBER, NOT_A_NUMBER + _END)
_NUMBERS = Span("n", "n" + _END)
_TEXTS = Span("t", "t" + _LAST)
_STARTS = Span(SEPARATOR, SEPARATOR + _END)


def all_values(place: Place) -> Span:
    """All that a place has but NaN."""
    if place in {LISTING, DELETED_LISTING}:
        return _STARTS
    number = place.kind == METRIC or place == Place(ATTRIBUTE, END_TIME)
    return _NUMBERS if number else _TEXTS


def span_of(clauses: Iterable[Clause], place: Place) -> Span:
    """Where entries that meet the clauses are; other entries may be there, too."""
    span = all_values(place)
    for clause in clauses:
        span = span.within(_started(clause) if place == LISTING else _compared(clause, span))
    return span


def from_value_on(place: Place, value: float | str, *, descending: bool) -> Span:
    """From the value on, in the direction in which the place is read."""
    if place == LISTING:
        at = SEPARATOR + inverted(int(value))
        return Span(at, _STARTS.high) if descending else Span(_STARTS.low, at + _END)
    at = encoded(value)
    return Span("", at + SEPARATOR + _END) if descending else Span(at, _LAST)


def from_start_on(value: str, after: Position) -> Span:
    """Within the entries of a value, from a run's start on."""
    return Span(f"{value}{SEPARATOR}{inverted(after.start_time)}", f"{value}{SEPARATOR}{_END}")


def _compared(clause: Clause, whole: Span) -> Span:
    value = clause.value
    if not isinstance(value, str | int | float):
        return whole
    at = encoded(value)
    first, last = at, at + SEPARATOR + _END
    return {
        Comparison.EQUAL: Span(first, last),
        # An entry of a cut text may stand for a greater one, so that the value's own entries stay in.
        Comparison.GREATER: Span(first, whole.high),
        Comparison.GREATER_OR_EQUAL: Span(first, whole.high),
        Comparison.LESS: Span(whole.low, last),
        Comparison.LESS_OR_EQUAL: Span(whole.low, last),
    }.get(clause.comparison, whole)


def _started(clause: Clause) -> Span:
    """Starts are kept inverted: the latest sorts first."""
    value = clause.value
    if not isinstance(value, int | float):
        return _STARTS
    at = SEPARATOR + inverted(int(value))
    later, earlier = Span(_STARTS.low, at + _END), Span(at, _STARTS.high)
    return {
        Comparison.EQUAL: later.within(earlier),
        Comparison.GREATER: later,
        Comparison.GREATER_OR_EQUAL: later,
        Comparison.LESS: earlier,
        Comparison.LESS_OR_EQUAL: earlier,
    }.get(clause.comparison, _STARTS)
