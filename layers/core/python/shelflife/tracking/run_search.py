"""Which runs a search finds, read from the index in the order in which they are shown.

The cost of a page grows with what it shows. The index says where to look, a run itself decides: an entry
that is no longer the run's is passed over, and runs whose entries are still to be written are looked at
themselves.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import chain, groupby, islice, repeat
from typing import Any

from shelflife.kernel.filters import ATTRIBUTE, Clause, Comparison, Order
from shelflife.tracking.index_entries import (
    DELETED_LISTING,
    LISTING,
    METRIC,
    Entry,
    Place,
    encoded,
    indexed,
    is_cut,
    value_at,
)
from shelflife.tracking.index_spans import NANS, Span, all_values, from_start_on, from_value_on, span_of
from shelflife.tracking.model import Lifecycle, Run, Segment
from shelflife.tracking.ports import RunIndex
from shelflife.tracking.run_order import ABSENT, NAN, VALUE, Position, key_of

#: A clause with no more entries than this is read whole, and its runs are sorted here.
_FEW = 1000
#: Runs that are read at once, at the most, and at the least where those that were expected did not do.
_CHUNK, _LEAST = 100, 25
_SPANNED = {
    Comparison.EQUAL,
    Comparison.GREATER,
    Comparison.GREATER_OR_EQUAL,
    Comparison.LESS,
    Comparison.LESS_OR_EQUAL,
}


@dataclass(frozen=True, slots=True)
class SegmentSearch:
    """A search of the runs of one segment of an experiment; `expected` are about as many as are asked for."""

    runs: RunIndex
    segment: Segment
    clauses: tuple[Clause, ...]
    orders: tuple[Order, ...]
    after: Position | None
    expected: int = _CHUNK

    def active(self) -> Iterator[Run]:
        """The runs that are not deleted, in order."""
        pending = self.runs.pending(self.segment)
        waiting = self._kept([run for run in pending if run.lifecycle is Lifecycle.ACTIVE])
        passed = {run.run_id for run in pending}
        return self._merged(iter(waiting), self._from_index(passed))

    def deleted(self) -> Iterator[Run]:
        """The deleted ones, in order."""
        pending = self.runs.pending(self.segment)
        waiting = self._kept([run for run in pending if run.lifecycle is Lifecycle.DELETED])
        passed = {run.run_id for run in pending}
        span = all_values(DELETED_LISTING)
        if not self.orders and self.after:
            span = span.within(from_start_on("", self.after))
        listed = self._entries(DELETED_LISTING, span)
        if self.orders:
            return self._merged(iter(waiting), iter(self._all_current(listed, passed)))
        return self._merged(iter(waiting), self._next(listed, passed))

    def _merged(self, *sources: Iterator[Run]) -> Iterator[Run]:
        return merge(*sources, key=self._key)

    def _key(self, run: Run) -> tuple[Any, ...]:
        return key_of(run, self.orders)

    def _kept(self, runs: Iterable[Run]) -> list[Run]:
        """Those that match and come next, in order."""
        return sorted(
            [run for run in runs if self._matches(run) and self._is_next(run)],
            key=self._key,
        )

    def _matches(self, run: Run) -> bool:
        return all(clause.matches(run) for clause in self.clauses)

    def _is_next(self, run: Run) -> bool:
        return self.after is None or self._key(run) > self.after.key(self.orders)

    def _from_index(self, passed: set[str]) -> Iterator[Run]:
        named = self._named()
        if named is not None:
            return iter(self._kept(run for run in self.runs.find_many(named) if self._seen(run, passed)))
        place = self._order_place()
        on_order = _on(self.clauses, place) if place else []
        few = None if on_order else self._few()
        if few is not None:
            return iter(self._all_current(few, passed))
        if not self.orders:
            return self._by_default(passed)
        if place is None:
            return iter(self._all_current(self._entries(LISTING, all_values(LISTING)), passed))
        return self._by_order(place, on_order, passed)

    def _named(self) -> list[str] | None:
        """The runs that are asked for by their ids, if they are."""
        for clause in _on(self.clauses, Place(ATTRIBUTE, "run_id")):
            if clause.comparison is Comparison.EQUAL:
                return [str(clause.value)]
            if clause.comparison is Comparison.IN and isinstance(clause.value, tuple):
                return sorted({str(run_id) for run_id in clause.value})
        return None

    def _seen(self, run: Run, passed: set[str]) -> bool:
        return run.run_id not in passed and _active(run) and run.segment == self.segment

    def _order_place(self) -> Place | None:
        if not self.orders:
            return LISTING
        place = Place(self.orders[0].kind, self.orders[0].key)
        return place if indexed(place) else None

    def _few(self) -> list[Entry] | None:
        """The entries of a clause, if there is one that has few."""
        spanned = [
            clause
            for clause in self.clauses
            if _is_spanned(clause) and indexed(_place(clause)) and _place(clause) != LISTING
        ]
        for clause in sorted(spanned, key=lambda clause: clause.comparison is not Comparison.EQUAL):
            place = _place(clause)
            span = span_of([clause], place)
            found = list(islice(self._entries(place, span, expected=_FEW + 1), _FEW + 1))
            if len(found) <= _FEW:
                return found
        return None

    def _by_default(self, passed: set[str]) -> Iterator[Run]:
        """Latest start first: of one value's runs if a clause names one, else of all."""
        clause = next((clause for clause in self.clauses if _is_one_value(clause)), None)
        place = _place(clause) if clause else LISTING
        span = span_of([clause], place) if clause else span_of(_on(self.clauses, LISTING), LISTING)
        if self.after:
            span = span.within(from_start_on(encoded(clause.value) if clause else "", self.after))  # type: ignore[arg-type]  # one value is no list
        return self._next(self._entries(place, span), passed)

    def _by_order(self, place: Place, on_order: Sequence[Clause], passed: set[str]) -> Iterator[Run]:
        descending = self.orders[0].descending
        kind, value = self.after.values[0] if self.after else (VALUE, None)
        parts: list[Iterator[Run]] = []
        if kind == VALUE:
            span = span_of(on_order, place)
            if value is not None:
                span = span.within(from_value_on(place, value, descending=descending))
            parts.append(self._grouped(place, span, passed, descending=descending))
        if place.kind == METRIC and kind <= NAN and not any(_is_spanned(clause) for clause in on_order):
            parts.append(self._grouped(place, NANS, passed, descending=False))
        if place != LISTING and all(clause.comparison is Comparison.IS_NULL for clause in on_order):
            parts.append(self._without(passed))
        return chain.from_iterable(parts)

    def _grouped(self, place: Place, span: Span, passed: set[str], *, descending: bool) -> Iterator[Run]:
        """Runs by value; those of one value in the order of the rest."""
        backwards = descending != (place == LISTING)
        entries = self._entries(place, span, backwards=backwards)
        for in_order, groups in groupby(_groups(entries, by_start=place == LISTING), key=self._is_in_order):
            if in_order:
                yield from self._next(chain.from_iterable(map(_ranked, groups)), passed)
                continue
            for group in groups:
                yield from self._all_current(group, passed)

    def _is_in_order(self, group: list[Entry]) -> bool:
        """Whether the entries of one value say themselves which run comes first."""
        return len(self.orders) == 1 and not is_cut(group[0].value)

    def _without(self, passed: set[str]) -> Iterator[Run]:
        """Runs that have no value to be ordered by."""
        order = self.orders[0]
        span = all_values(LISTING)
        alone = len(self.orders) == 1
        if alone and self.after and self.after.values[0][0] == ABSENT:
            span = span.within(from_start_on("", self.after))
        listed = self._current(self._entries(LISTING, span), passed)
        found = (run for run in listed if order.value(run) is None)
        if alone:
            return (run for run in found if self._matches(run) and self._is_next(run))
        return iter(self._kept(found))

    def _next(self, entries: Iterable[Entry], passed: set[str]) -> Iterator[Run]:
        found = self._current(entries, passed)
        return (run for run in found if self._matches(run) and self._is_next(run))

    def _entries(
        self, place: Place, span: Span, *, backwards: bool = False, expected: int | None = None
    ) -> Iterator[Entry]:
        if span.empty:
            return iter(())
        expected = expected or self.expected
        return self.runs.entries(
            self.segment, place, span.low, span.high, backwards=backwards, expected=expected
        )

    def _all_current(self, entries: Iterable[Entry], passed: set[str]) -> list[Run]:
        """The runs of the entries that match and come next, in order: all of them are read."""
        return self._kept(self._current(entries, passed, repeat(_CHUNK)))

    def _current(
        self, entries: Iterable[Entry], passed: set[str], chunks: Iterable[int] | None = None
    ) -> Iterator[Run]:
        """The runs of the entries, where an entry is still the run's."""
        left = (entry for entry in entries if entry.run_id not in passed)
        for size in chunks or _chunks(self.expected):
            chunk = list(islice(left, size))
            if not chunk:
                return
            found = {run.run_id: run for run in self.runs.find_many([entry.run_id for entry in chunk])}
            yield from (found[entry.run_id] for entry in chunk if _is_of(entry, found.get(entry.run_id)))


def _is_of(entry: Entry, run: Run | None) -> bool:
    """Whether the entry tells what is true of the run."""
    return (
        run is not None
        and _active(run) == (entry.place != DELETED_LISTING)
        and run.start_time == entry.start_time
        and value_at(run, entry.place) == entry.value
    )


def _groups(entries: Iterable[Entry], *, by_start: bool) -> Iterator[list[Entry]]:
    """Neighbours of one value, or of one start."""
    for _, group in groupby(entries, key=lambda entry: entry.start_time if by_start else entry.value):
        yield list(group)


def _ranked(group: Iterable[Entry]) -> list[Entry]:
    return sorted(group, key=lambda entry: entry.rank)


def _chunks(expected: int) -> Iterator[int]:
    """As many as are expected in as few chunks as there can be, then more and more."""
    yield from (min(_CHUNK, expected - first) for first in range(0, expected, _CHUNK))
    size = max(expected, _LEAST)
    while True:
        size = min(size, _CHUNK)
        yield size
        size *= 2


def _is_spanned(clause: Clause) -> bool:
    return clause.comparison in _SPANNED


def _is_one_value(clause: Clause) -> bool:
    place = _place(clause)
    return clause.comparison is Comparison.EQUAL and place != LISTING and indexed(place)


def _active(run: Run) -> bool:
    return run.lifecycle is Lifecycle.ACTIVE


def _place(clause: Clause) -> Place:
    return Place(clause.kind, clause.key)


def _on(clauses: Iterable[Clause], place: Place) -> list[Clause]:
    return [clause for clause in clauses if _place(clause) == place]
