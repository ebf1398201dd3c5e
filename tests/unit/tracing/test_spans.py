"""Spans that come in any order, in any number of exports, and more than once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from shelflife.tracing.errors import (
    InvalidExperimentIdError,
    SpansMissingError,
    TraceBusyError,
    TraceNotCompleteError,
    TraceNotFoundError,
    TraceRaceLostError,
)
from shelflife.tracing.folding import MOST_DIGESTS
from shelflife.tracing.model import Metadata, Span, Tag, Trace, TraceState
from shelflife.tracing.spans import MOST_PIECES
from tests.fakes.tracing import MemorySpanFiles, MemoryTraces, Tracer

OTEL_ID = "0123456789abcdef" * 2
TRACE_ID = f"tr-{OTEL_ID}"
MS = 1_000_000
USAGE = "mlflow.chat.tokenUsage"


def span(number: int, parent: int | None = None, start: int = 1000, end: int = 1010, **more: Any) -> Span:
    return Span(
        otel_trace_id=OTEL_ID,
        span_id=f"{number:016x}",
        parent_id=None if parent is None else f"{parent:016x}",
        name=f"span {number}",
        start_ns=start * MS,
        end_ns=end * MS,
        **more,
    )


def told(**more: Any) -> Trace:
    known: dict[str, Any] = {"experiment_id": "1", "request_time": 1000, "state": TraceState.OK} | more
    return Trace(trace_id=TRACE_ID, **known)


ROOT = span(
    1, start=1000, end=1100, attributes={"mlflow.spanInputs": {"q": "?"}, "mlflow.spanOutputs": "answer"}
)
CHILD = span(
    2, 1, start=1010, end=1020, attributes={USAGE: {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}}
)
OTHER = span(
    3,
    1,
    start=990,
    end=1200,
    attributes={USAGE: {"input_tokens": 10, "output_tokens": 0, "total_tokens": 10}},
)


@pytest.fixture
def tracer() -> Tracer:
    return Tracer()


def log(tracer: Tracer, spans: Sequence[Span], **resource: Any) -> list[str]:
    return tracer.spans.log("1", [(one, resource) for one in spans])


def settled(tracer: Tracer) -> Trace:
    """The trace without what only tells how it came together."""
    return replace(tracer.book.get(TRACE_ID), pieces=(), digests=(), revision=0, home="")


@pytest.mark.parametrize("order", list(permutations([ROOT, CHILD, OTHER])))
def test_the_order_of_exports_does_not_matter(tracer: Tracer, order: tuple[Span, ...]) -> None:
    for one in order:
        log(tracer, [one])
        log(tracer, [one])
    together = Tracer()
    log(together, [ROOT, CHILD, OTHER])
    assert settled(tracer) == settled(together)
    trace, spans = tracer.spans.whole(TRACE_ID, partial=False)
    assert (trace.request_time, trace.duration, trace.state) == (990, 210, TraceState.OK)
    assert (trace.request_preview, trace.response_preview) == ('{"q": "?"}', "answer")
    assert trace.metadata[Metadata.USAGE] == '{"input_tokens": 11, "output_tokens": 2, "total_tokens": 13}'
    assert [one.span_id[-1] for one in spans] == ["1", "3", "2"]


def test_tokens_that_a_parent_sums_up_count_once(tracer: Tracer) -> None:
    sums = {USAGE: {"input_tokens": 11, "output_tokens": 2, "total_tokens": 13}}
    for one in (CHILD, span(4, 1), span(5, 4, attributes=CHILD.attributes), replace(ROOT, attributes=sums)):
        log(tracer, [one])
    assert tracer.book.get(TRACE_ID).metadata[Metadata.USAGE] == (
        '{"input_tokens": 11, "output_tokens": 2, "total_tokens": 13}'
    )


def test_spans_in_a_ring_are_counted_and_nothing_hangs(tracer: Tracer) -> None:
    log(tracer, [span(2, 3), span(3, 2, attributes=CHILD.attributes)])
    assert tracer.book.get(TRACE_ID).metadata[Metadata.USAGE].startswith('{"input_tokens": 1,')


@pytest.mark.parametrize("first", ["spans", "info"])
def test_spans_may_come_before_the_trace_is_told_and_after(tracer: Tracer, first: str) -> None:
    info = told(duration=77, tags={Tag.NAME: "asked"}, request_preview="short", metadata={Metadata.RUN: "r"})
    steps: list[Callable[[], object]] = [
        lambda: log(tracer, [CHILD]),
        lambda: log(tracer, [ROOT]),
        lambda: tracer.service.start(info),
    ]
    for step in steps if first == "spans" else steps[::-1]:
        step()
    trace, spans = tracer.spans.whole(TRACE_ID, partial=False)
    assert len(spans) == 2
    assert (trace.request_time, trace.duration, trace.request_preview) == (1000, 77, "short")
    assert trace.response_preview == "answer"
    assert trace.tags[Tag.NAME] == "asked"
    assert trace.tags[Tag.SPANS] == "TRACKING_STORE"
    assert trace.metadata[Metadata.RUN] == "r"


def test_what_the_client_counted_itself_stands(tracer: Tracer) -> None:
    counted = '{"input_tokens": 5, "output_tokens": 5, "total_tokens": 10}'
    tracer.service.start(told(metadata={Metadata.USAGE: counted}))
    log(tracer, [CHILD])
    assert tracer.book.get(TRACE_ID).metadata[Metadata.USAGE] == counted


def test_a_trace_of_which_spans_are_still_under_way_is_waited_for(tracer: Tracer) -> None:
    tracer.service.start(told(metadata={Metadata.SIZES: '{"num_spans": 2}'}))
    log(tracer, [ROOT])
    with pytest.raises(TraceNotCompleteError):
        tracer.spans.whole(TRACE_ID, partial=False)
    assert sum(tracer.pauses) == pytest.approx(2.5)
    assert len(tracer.spans.whole(TRACE_ID, partial=True)[1]) == 1
    assert list(tracer.spans.wholes([tracer.book.get(TRACE_ID)])) == []
    log(tracer, [CHILD])
    assert len(tracer.spans.whole(TRACE_ID, partial=False)[1]) == 2


def test_many_pieces_are_put_together(tracer: Tracer) -> None:
    for number in range(2, 3 * MOST_PIECES):
        log(tracer, [span(number, 1, start=1000 + number)])
    trace, spans = tracer.spans.read(tracer.book.get(TRACE_ID))
    assert len(spans) == 3 * MOST_PIECES - 2
    assert len(trace.pieces) <= MOST_PIECES
    assert len(tracer.files.files) == len(trace.pieces)


def test_a_trace_of_very_many_spans_stays_small_and_still_counts_all(tracer: Tracer) -> None:
    tokens = {USAGE: {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}}
    many = [span(number, 1, attributes=tokens) for number in range(2, MOST_DIGESTS + 12)]
    log(tracer, many[:-1])
    log(tracer, many[-1:])
    trace = tracer.book.get(TRACE_ID)
    assert (len(trace.digests), trace.digested) == (MOST_DIGESTS, False)
    assert len(tracer.spans.digests(trace)) == len(many)
    assert trace.metadata[Metadata.USAGE].endswith(f'"total_tokens": {2 * len(many)}}}')


def test_what_a_resource_and_a_root_say_become_tags(tracer: Tracer) -> None:
    root = replace(ROOT, attributes={"mlflow.traceTag.team": "risk", "session.id": "s", "user.id": "u"})
    resource = {
        "service.name": "svc",
        "host.cores": 4,
        "telemetry.sdk.name": "x",
        "mlflow.trace.spansLocation": "me",
    }
    assert log(tracer, [root], **resource) == [TRACE_ID]
    trace = tracer.book.get(TRACE_ID)
    assert trace.tags == {
        "service.name": "svc",
        "host.cores": "4",
        "team": "risk",
        Tag.SPANS: "TRACKING_STORE",
        Tag.ARTIFACTS: f"mlflow-artifacts:/1/traces/{TRACE_ID}/artifacts",
    }
    assert (trace.metadata[Metadata.SESSION], trace.metadata[Metadata.USER]) == ("s", "u")


def test_a_failed_root_is_a_failed_trace_and_an_open_one_is_in_progress(tracer: Tracer) -> None:
    log(tracer, [replace(CHILD, end_ns=0)])
    trace = tracer.book.get(TRACE_ID)
    assert (trace.state, trace.duration) == (TraceState.IN_PROGRESS, None)
    log(tracer, [replace(ROOT, status="ERROR")])
    assert tracer.book.get(TRACE_ID).state is TraceState.ERROR


def test_spans_of_no_experiment_are_refused(tracer: Tracer) -> None:
    with pytest.raises(InvalidExperimentIdError, match="'abc'"):
        tracer.spans.log("abc", [(ROOT, {})])
    with pytest.raises(InvalidExperimentIdError):
        tracer.spans.log("", [(ROOT, {})])
    assert tracer.files.files == {}


def test_a_call_that_is_cut_off_after_its_spans_were_kept_shows_nothing(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    def cut(*_: Any) -> None:
        raise KilledError

    log(tracer, [ROOT])
    before = tracer.book.get(TRACE_ID)
    monkeypatch.setattr(tracer.traces, "replace", cut)
    with pytest.raises(KilledError):
        log(tracer, [CHILD])
    assert tracer.book.get(TRACE_ID) == before
    assert len(tracer.spans.whole(TRACE_ID, partial=False)[1]) == 1
    monkeypatch.undo()
    log(tracer, [CHILD])
    assert len(tracer.spans.whole(TRACE_ID, partial=False)[1]) == 2


class BusyTraces(MemoryTraces):
    """Somebody else changes the trace between each of the first reads and its write."""

    def __init__(self, races: int) -> None:
        super().__init__()
        self.races = races

    def find(self, trace_id: str) -> Trace | None:
        found = super().find(trace_id)
        if found is not None and self.races > 0:
            self.races -= 1
            super().replace(replace(found, tags={**found.tags, f"race {self.races}": "won"}), found)
        return found


def test_nobody_who_writes_at_once_loses_a_word(tracer: Tracer) -> None:
    tracer.traces = busy = BusyTraces(0)
    tracer.book = replace(tracer.book, traces=busy)
    spans = replace(tracer.spans, book=tracer.book)
    spans.log("1", [(ROOT, {})])
    busy.races = 5
    spans.log("1", [(CHILD, {})])
    trace, held = spans.whole(TRACE_ID, partial=False)
    assert len(held) == 2
    assert sum(key.startswith("race") for key in trace.tags) == 5
    busy.races = 1000
    with pytest.raises(TraceBusyError):
        spans.log("1", [(OTHER, {})])


def test_a_span_that_comes_again_is_there_once_as_it_came_last(tracer: Tracer) -> None:
    log(tracer, [replace(ROOT, end_ns=0)])
    log(tracer, [ROOT, CHILD])
    trace, held = tracer.spans.whole(TRACE_ID, partial=False)
    assert [(one.name, one.end_ns) for one in held] == [(one.name, one.end_ns) for one in (ROOT, CHILD)]
    assert len(trace.digests) == 2


def test_what_its_client_told_of_a_trace_is_not_changed_by_a_late_root(tracer: Tracer) -> None:
    tracer.service.start(told(state=TraceState.ERROR))
    log(tracer, [replace(ROOT, status="OK")])
    assert tracer.book.get(TRACE_ID).state is TraceState.ERROR


def test_a_trace_that_is_deleted_while_many_are_read_is_left_out(tracer: Tracer) -> None:
    log(tracer, [ROOT])
    other = replace(ROOT, otel_trace_id="ff" * 16)
    log(tracer, [other])
    stale = [tracer.book.get(TRACE_ID), tracer.book.get(other.trace_id)]
    tracer.traces.remove(stale[0])
    tracer.files.remove_all(TRACE_ID, stale[0].home)
    assert [trace.trace_id for trace, _ in tracer.spans.wholes(stale)] == [other.trace_id]


def test_who_loses_again_waits_longer(tracer: Tracer) -> None:
    tracer.traces = busy = BusyTraces(0)
    spans = replace(tracer.spans, book=replace(tracer.book, traces=busy))
    spans.log("1", [(ROOT, {})])
    busy.races = 5
    spans.log("1", [(CHILD, {})])
    assert len(tracer.pauses) == 5
    assert sorted(set(tracer.pauses)) == tracer.pauses


def test_who_sends_the_same_at_once_and_is_cut_off_takes_nothing_away(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(tracer, [ROOT])
    write = tracer.files.write
    written: list[Any] = []

    class KilledError(Exception):
        pass

    def cut(*asked: Any) -> str:
        written.append(asked)
        if len(written) == 2:
            raise KilledError
        return write(*asked)

    class Twice(MemoryTraces):
        def replace(self, trace: Trace, former: Trace) -> None:
            super().replace(trace, former)
            raise TraceRaceLostError(trace.trace_id)

    twice = Twice()
    twice.known = tracer.traces.known
    monkeypatch.setattr(tracer.files, "write", cut)
    with pytest.raises(KilledError):
        replace(tracer.spans, book=replace(tracer.book, traces=twice)).log("1", [(CHILD, {})])
    assert len(tracer.spans.whole(TRACE_ID, partial=False)[1]) == 2


def test_the_same_export_again_changes_nothing(tracer: Tracer) -> None:
    log(tracer, [ROOT])
    first = tracer.book.get(TRACE_ID)
    log(tracer, [ROOT])
    assert (tracer.book.get(TRACE_ID), len(tracer.files.files)) == (first, 1)


def test_putting_together_that_is_cut_off_leaves_all_to_be_read(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [ROOT, *(span(number, 1) for number in range(2, MOST_PIECES + 2))]
    for one in many[:-1]:
        log(tracer, [one])

    class KilledError(Exception):
        pass

    def cut(*_: Any) -> None:
        raise KilledError

    for store, name in ((tracer.traces, "replace"), (tracer.files, "remove")):
        with monkeypatch.context() as patched:
            patched.setattr(store, name, cut)
            with pytest.raises(KilledError):
                log(tracer, many[-1:])
        assert len(tracer.spans.read(tracer.book.get(TRACE_ID))[1]) >= MOST_PIECES
    assert len(tracer.spans.read(tracer.book.get(TRACE_ID))[1]) == len(many)


def test_who_loses_the_race_to_begin_a_trace_adds_to_it(tracer: Tracer) -> None:
    class Late(MemoryTraces):
        def add(self, trace: Trace) -> None:
            if not self.known:
                super().add(replace(trace, home="other", tags={"first": "yes"}, pieces=()))
                raise TraceRaceLostError(trace.trace_id)
            super().add(trace)

    late = Late()
    spans = replace(tracer.spans, book=replace(tracer.book, traces=late))
    spans.log("1", [(ROOT, {})])
    trace, held = spans.whole(TRACE_ID, partial=False)
    assert (trace.home, trace.tags["first"], len(held)) == ("other", "yes", 1)
    assert {home for _, home, _ in tracer.files.files} == {"other"}


def test_pieces_that_are_put_together_while_they_are_read_are_read_again(tracer: Tracer) -> None:
    log(tracer, [ROOT])
    log(tracer, [CHILD])
    stale = tracer.book.get(TRACE_ID)
    together = tracer.files.write(TRACE_ID, stale.home, tracer.spans.read(stale)[1])
    tracer.traces.replace(replace(stale, pieces=(together,)), stale)
    tracer.files.remove(TRACE_ID, stale.home, stale.pieces)
    trace, held = tracer.spans.read(stale)
    assert (trace.pieces, len(held)) == ((together,), 2)


def test_spans_that_never_can_be_read_are_told_as_busy(tracer: Tracer) -> None:
    log(tracer, [ROOT])
    tracer.files.files.clear()
    with pytest.raises(TraceBusyError):
        tracer.spans.read(tracer.book.get(TRACE_ID))


def test_who_puts_together_what_somebody_else_put_together_tries_again(tracer: Tracer) -> None:
    many = [ROOT, *(span(number, 1) for number in range(2, MOST_PIECES + 2))]
    for one in many[:-1]:
        log(tracer, [one])

    class Late(MemorySpanFiles):
        """Before the first read, somebody else puts the pieces together."""

        def read(self, trace_id: str, home: str, pieces: Sequence[str]) -> list[Span]:
            stale = tracer.book.get(TRACE_ID)
            if len(stale.pieces) == MOST_PIECES:
                together = self.write(trace_id, home, super().read(trace_id, home, stale.pieces))
                tracer.traces.replace(replace(stale, pieces=(together,)), stale)
                self.remove(trace_id, home, stale.pieces)
            return super().read(trace_id, home, pieces)

    late = Late()
    late.files = tracer.files.files
    spans = replace(tracer.spans, files=late)
    spans.log("1", [(many[-1], {})])
    assert len(spans.whole(TRACE_ID, partial=False)[1]) == len(many)


def test_spans_of_a_trace_that_is_deleted_while_they_are_read_are_not_there(tracer: Tracer) -> None:
    log(tracer, [ROOT])
    stale = tracer.book.get(TRACE_ID)
    tracer.traces.remove(stale)
    tracer.files.remove_all(TRACE_ID, stale.home)
    with pytest.raises(TraceNotFoundError):
        tracer.spans.read(stale)
    with pytest.raises(SpansMissingError):
        MemorySpanFiles().read(TRACE_ID, "h", ["nothing"])
