"""Searching traces: newest first reads what it answers; other orders look through all that may match."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import total_ordering
from typing import Any, NamedTuple

from shelflife.kernel.filter_grammar import parse_orders
from shelflife.kernel.filters import ATTRIBUTE, InvalidSearchError, Order
from shelflife.kernel.paging import InvalidCursorError, decode_cursor, encode_cursor
from shelflife.tracing.conventions import Attribute
from shelflife.tracing.model import (
    Digest,
    Metadata,
    Place,
    Shelf,
    ShelfKind,
    Span,
    Trace,
    TraceState,
    Window,
    place_of,
)
from shelflife.tracing.ports import Traces
from shelflife.tracing.searchable import TRACES, Filter
from shelflife.tracing.service import checked_experiment
from shelflife.tracing.spans import SpanBook

#: So many are looked through at once; then the page ends, be it empty, with a token to go on by.
MOST_LOOKED_THROUGH = 20_000
#: So many of which spans have to be read for it.
MOST_READ = 500
_MOST_TOGETHER = 1000
_UNORDERED = frozenset({"prompt", "text"})


@dataclass(frozen=True, slots=True)
class Search:
    experiment_ids: tuple[str, ...]
    filter: str = ""
    order_by: tuple[str, ...] = ()
    limit: int = 100
    token: str | None = None


class Found(NamedTuple):
    traces: tuple[Trace, ...]
    token: str | None


@dataclass(frozen=True, slots=True)
class TraceSearch:
    traces: Traces
    spans: SpanBook

    def search(self, search: Search) -> Found:
        """A page of the traces that match.

        Raises:
            InvalidSearchError: the filter or an order cannot be understood.
            InvalidCursorError: the token was not given out by a search.
        """
        wanted = Filter(search.filter)
        orders = _orders(search.order_by)
        if not orders or _is_newest_first(orders):
            return self._newest(search, wanted)
        return self._ordered(search, wanted, orders)

    def every(
        self,
        experiment_ids: Sequence[str],
        window: Window,
        shelf: tuple[str, str] = ("", ""),
        after: Place | None = None,
        some: int = _MOST_TOGETHER,
    ) -> Iterator[Trace]:
        """All traces of the experiments within the window, in order, read while they are asked for."""
        shelves = [Shelf(checked_experiment(found), *shelf) for found in dict.fromkeys(experiment_ids)]
        streams = [self.traces.newest(place, window, after, some=some) for place in shelves]
        return heapq.merge(*streams, key=lambda trace: place_of(trace).rank)

    def _newest(self, search: Search, wanted: Filter) -> Found:
        after = _place_in(search.token)
        shelf, named = _shelf(wanted)
        # Where all that is read matches, no more is read than is answered.
        some = min(_MOST_TOGETHER, search.limit + 1) if wanted.is_met_by(*named) else _MOST_TOGETHER
        found: list[Trace] = []
        budget = MOST_READ if wanted.needs_content else MOST_LOOKED_THROUGH
        for trace in self.every(search.experiment_ids, wanted.window, shelf, after, some):
            if len(found) == search.limit or budget == 0:
                return Found(tuple(found), _token(after))
            budget -= 1
            after = place_of(trace)
            if self._matches(wanted, trace):
                found.append(trace)
        return Found(tuple(found), None)

    def _ordered(self, search: Search, wanted: Filter, orders: Sequence[Order]) -> Found:
        begin = _rank_in(search.token, orders)
        matching = (
            trace
            for trace in self.every(search.experiment_ids, wanted.window, _shelf(wanted)[0])
            if self._matches(wanted, trace)
        )
        ranked = ((_rank(_values(trace, orders), orders), trace) for trace in matching)
        behind = (pair for pair in ranked if begin is None or pair[0] > begin)
        first = heapq.nsmallest(search.limit + 1, behind, key=lambda pair: pair[0])
        page = tuple(trace for _, trace in first[: search.limit])
        more = len(first) > search.limit
        return Found(page, encode_cursor({"last": _values(page[-1], orders)}) if more else None)

    def _matches(self, wanted: Filter, trace: Trace) -> bool:
        read = self._content if wanted.needs_content or not trace.digested else _digested
        return wanted.matches(trace, read)

    def _content(self, trace: Trace) -> list[Span]:
        return self.spans.read(trace)[1]


def _digested(trace: Trace) -> list[Span]:
    return [_span_of(trace, digest) for digest in trace.digests]


def _span_of(trace: Trace, digest: Digest) -> Span:
    return Span(
        otel_trace_id=trace.trace_id,
        span_id=digest.span_id,
        parent_id=digest.parent_id,
        name=digest.name,
        start_ns=digest.start_ns,
        end_ns=digest.end_ns,
        status=digest.status,
        attributes={Attribute.TYPE: digest.type},
    )


def _shelf(wanted: Filter) -> tuple[tuple[str, str], tuple[str, str]]:
    """The shortest list that has all that may match, and the name of the text that it is for."""
    for kind, named in _SHELVES:
        value = wanted.wanted(*named)
        if value is not None and (kind is not ShelfKind.STATE or value == TraceState.ERROR):
            return (kind, value), named
    return ("", ""), ("", "")


_SHELVES = (
    (ShelfKind.RUN, (ATTRIBUTE, "run_id")),
    (ShelfKind.SESSION, ("metadata", Metadata.SESSION)),
    (ShelfKind.STATE, (ATTRIBUTE, "status")),
)


def _orders(texts: Sequence[str]) -> tuple[Order, ...]:
    orders = parse_orders(texts, TRACES)
    for order in orders:
        if order.kind == ATTRIBUTE and order.key in _UNORDERED:
            raise InvalidSearchError("order_by", f"order_by: {order.key!r} does not order")
    return orders


def _is_newest_first(orders: Sequence[Order]) -> bool:
    first = orders[0]
    return (first.kind, first.key, first.descending, len(orders)) == (ATTRIBUTE, "timestamp_ms", True, 1)


@total_ordering
class _Descending:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self.value == other.value

    def __lt__(self, other: "_Descending") -> bool:
        return bool(self.value > other.value)

    def __hash__(self) -> int:
        return hash(self.value)


def _values(trace: Trace, orders: Sequence[Order]) -> list[Any]:
    return [*(order.value(trace) for order in orders), trace.request_time, trace.trace_id]


def _rank(values: Sequence[Any], orders: Sequence[Order]) -> tuple[Any, ...]:
    """What the values sort by: what is absent comes last, whichever way an order runs."""
    ranks: list[Any] = []
    for value, order in zip(values, orders, strict=False):
        told = value if value is not None else ""
        ranks.append((value is None, _Descending(told) if order.descending else told))
    return (*ranks, -values[-2], values[-1])


def _token(place: Place | None) -> str | None:
    return encode_cursor({"after": list(place)}) if place else None


def _place_in(token: str | None) -> Place | None:
    told = _told(token, "after", 2)
    if told is None:
        return None
    if not isinstance(told[0], int) or not isinstance(told[1], str):
        raise InvalidCursorError(token or "")
    return Place(told[0], told[1])


def _rank_in(token: str | None, orders: Sequence[Order]) -> tuple[Any, ...] | None:
    told = _told(token, "last", len(orders) + 2)
    if told is None:
        return None
    fields = [TRACES.field_of(order.kind, order.key).number for order in orders]
    for value, number in zip(told, [*fields, True, False], strict=True):
        if value is not None and not isinstance(value, int | float if number else str):
            raise InvalidCursorError(token or "")
    if told[-1] is None or told[-2] is None:
        raise InvalidCursorError(token or "")
    return _rank(told, orders)


def _told(token: str | None, name: str, size: int) -> list[Any] | None:
    if not token:
        return None
    told = (decode_cursor(token) or {}).get(name)
    if not isinstance(told, list) or len(told) != size:
        raise InvalidCursorError(token)
    return told
