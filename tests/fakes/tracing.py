"""Traces and their spans in memory, with the races that the real stores have."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

from shelflife.tracing.assessments import AssessmentBook
from shelflife.tracing.changes import TraceBook
from shelflife.tracing.deletion import Deletions
from shelflife.tracing.errors import SpansMissingError, TraceRaceLostError
from shelflife.tracing.model import Place, Shelf, Span, Trace, Window, place_of, shelves_of
from shelflife.tracing.packing import pack_spans
from shelflife.tracing.search import TraceSearch
from shelflife.tracing.service import Tracing
from shelflife.tracing.spans import SpanBook

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class MemoryTraces:
    def __init__(self) -> None:
        self.known: dict[str, Trace] = {}
        self.left: list[tuple[str, str]] = []

    def find(self, trace_id: str) -> Trace | None:
        return self.known.get(trace_id)

    def find_many(self, trace_ids: Sequence[str]) -> list[Trace]:
        return [self.known[trace_id] for trace_id in dict.fromkeys(trace_ids) if trace_id in self.known]

    def add(self, trace: Trace) -> None:
        if trace.trace_id in self.known:
            raise TraceRaceLostError(trace.trace_id)
        self.known[trace.trace_id] = trace

    def replace(self, trace: Trace, former: Trace) -> None:
        self._check(former)
        self.known[trace.trace_id] = replace(trace, revision=former.revision + 1)

    def remove(self, trace: Trace) -> None:
        self._check(trace)
        del self.known[trace.trace_id]
        self.left.append((trace.trace_id, trace.home))

    def newest(
        self, shelf: Shelf, window: Window, after: Place | None = None, *, some: int = 1000
    ) -> Iterator[Trace]:
        del some  # all are at hand
        found = [
            trace
            for trace in self.known.values()
            if trace.experiment_id == shelf.experiment_id
            and window.first <= trace.request_time <= window.last
            and (not shelf.kind or shelf in shelves_of(trace))
            and (after is None or place_of(trace).rank > after.rank)
        ]
        yield from sorted(found, key=lambda trace: place_of(trace).rank)

    def forget_days(self, experiment_id: str) -> None:
        """Days are not kept apart here."""

    def left_over(self) -> list[tuple[str, str]]:
        return list(self.left)

    def forget_left_over(self, trace_id: str, home: str) -> None:
        self.left = [left for left in self.left if left != (trace_id, home)]

    def _check(self, trace: Trace) -> None:
        known = self.known.get(trace.trace_id)
        if known is None or known.revision != trace.revision or known.home != trace.home:
            raise TraceRaceLostError(trace.trace_id)


class MemorySpanFiles:
    def __init__(self) -> None:
        self.files: dict[tuple[str, str, str], list[Span]] = {}
        self.uploaded: dict[tuple[str, str], bytes] = {}

    def write(self, trace_id: str, home: str, spans: Sequence[Span]) -> str:
        piece = str(hash(pack_spans(list(spans))))
        self.files[trace_id, home, piece] = list(spans)
        return piece

    def read(self, trace_id: str, home: str, pieces: Sequence[str]) -> list[Span]:
        for piece in pieces:
            if (trace_id, home, piece) not in self.files:
                raise SpansMissingError(trace_id, piece)
        return [span for piece in pieces for span in self.files[trace_id, home, piece]]

    def remove(self, trace_id: str, home: str, pieces: Sequence[str]) -> None:
        for piece in pieces:
            self.files.pop((trace_id, home, piece), None)

    def keep_file(self, trace_id: str, home: str, body: bytes) -> None:
        self.uploaded[trace_id, home] = body

    def file(self, trace_id: str, home: str) -> bytes | None:
        return self.uploaded.get((trace_id, home))

    def remove_all(self, trace_id: str, home: str) -> None:
        for key in [key for key in self.files if key[:2] == (trace_id, home)]:
            del self.files[key]


class Tracer:
    """The use cases of tracing over stores in memory."""

    def __init__(self) -> None:
        self.traces = MemoryTraces()
        self.files = MemorySpanFiles()
        self.pauses: list[float] = []
        numbers = count(1)
        self.book = TraceBook(self.traces, lambda: f"home-{next(numbers)}", self.pauses.append)
        self.service = Tracing(self.book)
        self.spans = SpanBook(self.book, self.files)
        self.searches = TraceSearch(self.traces, self.spans)
        self.deletions = Deletions(self.book, self.files)
        self.assessments = AssessmentBook(self.book, lambda: f"a-{next(numbers)}", lambda: NOON)
