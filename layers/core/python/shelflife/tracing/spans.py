"""Spans of traces: kept as they come, put together, read back."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from shelflife.tracing.changes import ATTEMPTS, TraceBook
from shelflife.tracing.conventions import digest_of, translated
from shelflife.tracing.errors import (
    SpansMissingError,
    TraceBusyError,
    TraceNotCompleteError,
    TraceNotFoundError,
    TraceRaceLostError,
)
from shelflife.tracing.folding import Batch, folded
from shelflife.tracing.model import Digest, Span, Trace, TraceState
from shelflife.tracing.ports import SpanFiles
from shelflife.tracing.service import checked_experiment, kept_tags

#: More pieces than that are put together, so that a trace is read in few requests.
MOST_PIECES = 32
#: Seconds between the looks for spans that are still under way.
_PATIENCE = (0.3, 0.7, 1.5)
#: Traces that are read at once; their pieces share the threads that wait for S3.
_TOGETHER = 8


@dataclass(frozen=True, slots=True)
class SpanBook:
    book: TraceBook
    files: SpanFiles

    def log(self, experiment_id: str, spans: Iterable[tuple[Span, Mapping[str, Any]]]) -> list[str]:
        """Keep spans, each with its resource's attributes; the answer names the traces whose roots came.

        Spans are kept before their trace tells of them, so that it never tells of what is not there; sent
        again, they are what they are already.
        """
        checked_experiment(experiment_id)
        ordered = sorted(spans, key=lambda pair: pair[0].otel_trace_id)
        rooted = []
        for trace_id, found in groupby(ordered, key=lambda pair: pair[0].trace_id):
            pairs = list(found)
            batch = Batch(tuple(translated(span) for span, _ in pairs), pairs[0][1])
            self.book.persist(trace_id, lambda: self._folded(trace_id, experiment_id, batch))  # noqa: B023 - called at once
            rooted += [trace_id] if batch.root else []
        return rooted

    def whole(self, trace_id: str, *, partial: bool) -> tuple[Trace, list[Span]]:
        """The trace and its spans; those that its client counted are waited for, unless a part will do.

        Raises:
            TraceNotCompleteError: some did not come.
        """
        for seconds in (*_PATIENCE, 0.0):
            trace, spans = self.read(self.book.get(trace_id))
            if partial or _complete(trace, spans):
                return trace, spans
            self.book.pause(seconds)
        raise TraceNotCompleteError(trace_id)

    def take_file(self, trace_id: str, spans: Sequence[Span], body: bytes) -> None:
        """Keep the spans of a file that a client uploaded, and the file as its client reads it again.

        Raises:
            TraceNotFoundError: the trace was not told before.
        """
        trace = self.book.get(trace_id)
        self.files.keep_file(trace_id, trace.home, body)
        self.log(trace.experiment_id, [(span, {}) for span in spans])

    def file(self, trace_id: str) -> tuple[bytes | None, list[Span]]:
        """The file that was uploaded of the trace, or its spans if none was.

        Raises:
            TraceNotFoundError: there is no such trace.
        """
        trace = self.book.get(trace_id)
        body = self.files.file(trace_id, trace.home)
        return body, ([] if body is not None else self.read(trace)[1])

    def wholes(self, traces: Iterable[Trace]) -> Iterable[tuple[Trace, list[Span]]]:
        """Those of the traces of which all spans are there."""
        with ThreadPoolExecutor(_TOGETHER) as pool:
            for found in pool.map(self._read_if_there, traces):
                if found is not None and _complete(*found):
                    yield found

    def digests(self, trace: Trace) -> Sequence[Digest]:
        """Digests of all spans of the trace, also of one that does not know them all."""
        return trace.digests if trace.digested else tuple(map(digest_of, self.read(trace)[1]))

    def read(self, trace: Trace) -> tuple[Trace, list[Span]]:
        """The trace and its spans; when they were put together meanwhile, as it is then."""
        for _ in range(ATTEMPTS):
            if not trace.pieces:
                return trace, []
            try:
                return trace, latest(self.files.read(trace.trace_id, trace.home, trace.pieces))
            except SpansMissingError:
                trace = self.book.get(trace.trace_id)
        raise TraceBusyError(trace.trace_id)

    def _read_if_there(self, trace: Trace) -> tuple[Trace, list[Span]] | None:
        try:
            return self.read(trace)
        except TraceNotFoundError:
            return None  # deleted meanwhile

    def _folded(self, trace_id: str, experiment_id: str, batch: Batch) -> None:
        known = self.book.traces.find(trace_id)
        base = known or self._begun(trace_id, experiment_id, batch)
        piece = self.files.write(trace_id, base.home, batch.spans)
        if piece in base.pieces:
            return
        try:
            self._keep(base, piece, batch, known)
        except TraceRaceLostError:
            if known is None:
                self.files.remove(trace_id, base.home, [piece])
            raise

    def _keep(self, base: Trace, piece: str, batch: Batch, known: Trace | None) -> None:
        pieces: tuple[str, ...] = (*base.pieces, piece)
        old: tuple[str, ...] = ()
        changed = folded(base, batch, self.digests(base))
        if len(pieces) > MOST_PIECES:
            old, pieces = pieces, (self._together(base, pieces),)
        self.book.keep(replace(changed, pieces=pieces), known)
        if old:
            self.files.remove(base.trace_id, base.home, old)

    def _together(self, base: Trace, pieces: tuple[str, ...]) -> str:
        try:
            spans = self.files.read(base.trace_id, base.home, pieces)
        except SpansMissingError as error:
            raise TraceRaceLostError(str(error)) from error
        return self.files.write(base.trace_id, base.home, latest(spans))

    def _begun(self, trace_id: str, experiment_id: str, batch: Batch) -> Trace:
        """A trace of which only spans are known."""
        begun = Trace(
            trace_id=trace_id,
            experiment_id=experiment_id,
            request_time=batch.began,
            state=TraceState.IN_PROGRESS,
            home=self.book.new_id(),
        )
        return replace(begun, tags=kept_tags(begun))


def latest(spans: Iterable[Span]) -> list[Span]:
    """Each span once, as it came last; the root first, then in the order of their start."""
    by_id = {span.span_id: span for span in spans}
    return sorted(by_id.values(), key=lambda span: (span.parent_id is not None, span.start_ns))


def _complete(trace: Trace, spans: Sequence[Span]) -> bool:
    return len(spans) >= max(trace.spans_told, 1)
