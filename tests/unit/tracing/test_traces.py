"""Traces told, tagged, linked, assessed and deleted."""

from dataclasses import replace
from typing import Any

import pytest

from shelflife.tracing.assessments import Change
from shelflife.tracing.deletion import Deletion
from shelflife.tracing.errors import (
    AssessmentNotFoundError,
    InvalidAssessmentError,
    InvalidTraceDeletionError,
    ProtectedTraceTagError,
    TooManyTraceRunsError,
    TraceNotFoundError,
    TraceRaceLostError,
    TraceTagNotFoundError,
)
from shelflife.tracing.model import Assessment, AssessmentKind, Metadata, Span, Tag, Trace, TraceState
from tests.fakes.tracing import MemoryTraces, Tracer

OTEL_ID = "00" * 16


def told(trace_id: str = "a", request_time: int = 1000, **more: Any) -> Trace:
    known: dict[str, Any] = {"experiment_id": "1", "state": TraceState.OK} | more
    return Trace(trace_id=trace_id, request_time=request_time, **known)


def feedback(name: str = "ok", **more: Any) -> Assessment:
    known: dict[str, Any] = {"assessment_id": "", "kind": AssessmentKind.FEEDBACK, "value": True} | more
    return Assessment(name=name, **known)


@pytest.fixture
def tracer() -> Tracer:
    tracer = Tracer()
    tracer.service.start(told())
    return tracer


def test_a_trace_that_is_told_again_is_told_anew_and_keeps_what_was_added(tracer: Tracer) -> None:
    tracer.service.set_tag("a", "mine", "kept")
    said = tracer.assessments.create("a", feedback())
    tracer.service.link_to_run(["a"], "r")
    again = told(
        request_time=5,
        tags={"new": "yes"},
        state=TraceState.ERROR,
        assessments=(feedback("b", assessment_id="b"),),
    )
    trace = tracer.service.start(again)
    assert tracer.service.get("a") == trace
    assert (trace.request_time, trace.state, trace.runs) == (5, TraceState.ERROR, ("r",))
    assert (trace.tags["mine"], trace.tags["new"]) == ("kept", "yes")
    assert [one.assessment_id for one in trace.assessments] == [said.assessment_id, "b"]
    assert trace.metadata[Metadata.FINAL] == "true"


def test_tags_that_the_server_keeps_are_its_own(tracer: Tracer) -> None:
    for key in (Tag.SPANS, Tag.ARTIFACTS):
        with pytest.raises(ProtectedTraceTagError, match=key):
            tracer.service.set_tag("a", key, "x")
        with pytest.raises(ProtectedTraceTagError):
            tracer.service.delete_tag("a", key)
    with pytest.raises(TraceTagNotFoundError):
        tracer.service.delete_tag("a", "unknown")
    with pytest.raises(TraceNotFoundError, match="'unknown'"):
        tracer.service.set_tag("unknown", "a", "b")


def test_a_trace_belongs_to_a_bounded_number_of_runs(tracer: Tracer) -> None:
    for number in range(30):
        tracer.service.link_to_run(["a", "unknown"], f"r{number}")
        tracer.service.link_to_run(["a"], f"r{number}")
    assert len(tracer.service.get("a").runs) == 30
    with pytest.raises(TooManyTraceRunsError, match="30"):
        tracer.service.link_to_run(["a"], "one more")


def test_overriding_and_taking_it_back(tracer: Tracer) -> None:
    first = tracer.assessments.create("a", feedback())
    second = tracer.assessments.create("a", feedback(value=False, overrides=first.assessment_id))
    assert (tracer.assessments.get("a", first.assessment_id).valid, second.valid) == (False, True)
    with pytest.raises(AssessmentNotFoundError, match="'nothing'"):
        tracer.assessments.create("a", feedback(overrides="nothing"))
    assert len(tracer.service.get("a").assessments) == 2
    for _ in range(2):
        tracer.assessments.delete("a", second.assessment_id)
    assert tracer.assessments.get("a", first.assessment_id).valid


def test_an_assessment_keeps_its_kind(tracer: Tracer) -> None:
    said = tracer.assessments.create("a", feedback(metadata={"a": "1", "b": "2"}, rationale="so"))
    value = {"value": 0.5, "serialized": False, "error": None}
    changed = tracer.assessments.update(
        "a", said.assessment_id, Change(kind=AssessmentKind.FEEDBACK, value=value, metadata={"b": "3"})
    )
    assert (changed.value, changed.metadata, changed.rationale) == (0.5, {"a": "1", "b": "3"}, "so")
    with pytest.raises(InvalidAssessmentError, match="is of kind feedback"):
        tracer.assessments.update(
            "a", said.assessment_id, Change(kind=AssessmentKind.EXPECTATION, value=value)
        )


class Racing(MemoryTraces):
    """Before the first write, somebody else writes."""

    def replace(self, trace: Trace, former: Trace) -> None:
        known = self.known[trace.trace_id]
        if "raced" not in known.tags:
            super().replace(replace(known, tags={**known.tags, "raced": "yes"}), known)
        super().replace(trace, former)


def test_two_who_assess_and_tag_at_once_both_count(tracer: Tracer) -> None:
    racing = Racing()
    racing.known = dict(tracer.traces.known)
    book = replace(tracer.book, traces=racing)
    replace(tracer.assessments, book=book).create("a", feedback())
    trace = racing.known["a"]
    assert (trace.tags["raced"], len(trace.assessments)) == ("yes", 1)


def test_what_a_trace_is_told_of_loses_nothing_that_was_known(tracer: Tracer) -> None:
    root = Span(
        otel_trace_id=OTEL_ID, span_id="01" * 8, parent_id=None, name="x", start_ns=10**9, end_ns=2 * 10**9
    )
    trace_id = f"tr-{OTEL_ID}"
    tracer.spans.log("1", [(root, {})])
    known: dict[str, Any] = {"request_preview": "why", "response_preview": "so", "metadata": {"a": "b"}}
    tracer.service.start(told(trace_id, **known))
    tracer.service.link_prompts(trace_id, ["greet/1"])
    before = tracer.service.get(trace_id)
    after = tracer.service.start(told(trace_id))
    assert before.digests
    assert replace(after, revision=before.revision) == before
    assert len(tracer.spans.whole(trace_id, partial=False)[1]) == 1


def test_a_trace_that_is_told_does_not_forget_that_it_knows_not_all_spans(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelflife.tracing.folding.MOST_DIGESTS", 0)
    spans_in(tracer, 1)
    assert not tracer.service.start(told(f"tr-{OTEL_ID}")).digested


def test_who_tells_a_trace_that_others_write_tells_it_all_the_same(tracer: Tracer) -> None:
    racing = Racing()
    racing.known = dict(tracer.traces.known)
    replace(tracer.service, book=replace(tracer.book, traces=racing)).start(told(tags={"mine": "yes"}))
    assert {"raced", "mine"} <= racing.known["a"].tags.keys()


def test_a_trace_that_is_deleted_while_it_is_linked_is_passed_over(tracer: Tracer) -> None:
    class Going(MemoryTraces):
        def find(self, trace_id: str) -> Trace | None:
            return None if trace_id == "a" else super().find(trace_id)

    going = Going()
    going.known = dict(tracer.traces.known)
    going.add(replace(told("b"), home="h"))
    replace(tracer.service, book=replace(tracer.book, traces=going)).link_to_run(["a", "b"], "r")
    assert [going.known[name].runs for name in "ab"] == [(), ("r",)]


def test_an_assessment_that_is_sent_again_is_there_once(tracer: Tracer) -> None:
    for value in (True, False):
        tracer.assessments.create("a", feedback(assessment_id="a-1", value=value))
    assert [said.value for said in tracer.service.get("a").assessments] == [False]


def test_what_changes_nothing_is_not_written(tracer: Tracer) -> None:
    for _ in range(2):
        tracer.service.set_tag("a", "k", "v")
        tracer.service.link_to_run(["a"], "r")
        tracer.service.link_prompts("a", ["greet/1"])
    assert tracer.service.get("a").revision == 3


def test_a_trace_that_is_made_again_has_another_home(tracer: Tracer) -> None:
    first = tracer.service.get("a").home
    tracer.deletions.delete(Deletion("1", trace_ids=("a",)))
    again = tracer.service.start(told()).home
    assert first
    assert again
    assert first != again


def spans_in(tracer: Tracer, trace_ids: int) -> None:
    for number in range(trace_ids):
        span = Span(
            otel_trace_id=f"{number:032x}",
            span_id="01" * 8,
            parent_id=None,
            name="x",
            start_ns=number * 10**6,
            end_ns=0,
        )
        tracer.spans.log("1", [(span, {})])


def test_the_oldest_go_first(tracer: Tracer) -> None:
    spans_in(tracer, 5)
    assert tracer.deletions.delete(Deletion("1", until=2, most=2)) == 2
    assert sorted(trace.request_time for trace in tracer.traces.known.values()) == [2, 3, 4, 1000]
    assert tracer.deletions.delete(Deletion("1", until=3)) == 2
    assert tracer.deletions.delete(Deletion("2", until=10**6)) == 0
    assert tracer.deletions.delete(Deletion("2", trace_ids=("a",))) == 0
    assert tracer.deletions.delete(Deletion("1", trace_ids=("a", "a", "unknown"))) == 1
    assert len(tracer.files.files) == len(tracer.traces.known) == 1
    assert tracer.traces.left == []


def test_one_call_deletes_a_bounded_number(tracer: Tracer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shelflife.tracing.deletion.MOST_AT_ONCE", 2)
    spans_in(tracer, 5)
    asked = Deletion("1", until=100, most=9)
    assert [tracer.deletions.delete(asked) for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.parametrize(
    "deletion",
    [
        Deletion("1"),
        Deletion("1", ("a",), until=1),
        Deletion("1", ("a",), most=1),
        Deletion("1", until=1, most=0),
    ],
)
def test_a_deletion_says_one_thing(tracer: Tracer, deletion: Deletion) -> None:
    with pytest.raises(InvalidTraceDeletionError):
        tracer.deletions.delete(deletion)
    assert "a" in tracer.traces.known


def test_a_deletion_that_is_cut_off_is_ended_by_the_next(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans_in(tracer, 1)

    class KilledError(Exception):
        pass

    def cut(*_: Any) -> None:
        raise KilledError

    monkeypatch.setattr(tracer.files, "remove_all", cut)
    with pytest.raises(KilledError):
        tracer.deletions.delete(Deletion("1", until=1))
    assert list(tracer.traces.known) == ["a"]
    spans_in(tracer, 1)
    monkeypatch.undo()
    assert tracer.deletions.delete(Deletion("1", trace_ids=("a",))) == 1
    assert tracer.traces.left == []
    trace, spans = tracer.spans.whole(f"tr-{OTEL_ID}", partial=False)
    assert len(spans) == 1
    assert {home for _, home, _ in tracer.files.files} == {trace.home}


def test_a_trace_that_changes_while_it_is_deleted_is_deleted_all_the_same(tracer: Tracer) -> None:
    class Changing(MemoryTraces):
        def remove(self, trace: Trace) -> None:
            known = self.known.get(trace.trace_id)
            if known is not None and "late" not in known.tags:
                super().replace(replace(known, tags={**known.tags, "late": "yes"}), known)
                raise TraceRaceLostError(trace.trace_id)
            super().remove(trace)

    changing = Changing()
    changing.known = dict(tracer.traces.known)
    deletions = replace(tracer.deletions, book=replace(tracer.book, traces=changing))
    assert deletions.delete(Deletion("1", trace_ids=("a",))) == 1
    assert changing.known == {}
