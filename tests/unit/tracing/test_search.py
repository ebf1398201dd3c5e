"""Searches and figures, over traces in memory."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from shelflife.kernel.filters import InvalidSearchError
from shelflife.kernel.paging import InvalidCursorError
from shelflife.tracing import search as module
from shelflife.tracing.errors import InvalidTraceMetricsError
from shelflife.tracing.metrics import Aggregation, Kind, Question, View, answered, percentile
from shelflife.tracing.model import Assessment, AssessmentKind, Metadata, Span, Tag, Trace, TraceState
from shelflife.tracing.search import Search
from tests.fakes.tracing import Tracer

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = 3_600_000


def said(name: str, value: Any, kind: str = "feedback", **more: Any) -> Assessment:
    known: dict[str, Any] = {"assessment_id": f"{name} {value}", "kind": AssessmentKind(kind)} | more
    return Assessment(name=name, value=value, **known)


def trace(trace_id: str, request_time: int, **more: Any) -> Trace:
    known: dict[str, Any] = {"experiment_id": "1", "state": TraceState.OK} | more
    return Trace(trace_id=trace_id, request_time=request_time, **known)


TRACES = (
    trace("a", HOUR, duration=10, tags={Tag.NAME: "ask", "team": "risk"}, metadata={Metadata.SESSION: "s"}),
    trace("b", HOUR + 1, duration=30, tags={Tag.NAME: "tell", "team": "fraud"}, state=TraceState.ERROR),
    trace("c", 2 * HOUR, tags={Tag.NAME: "ask"}, client_request_id="client", runs=("r",), prompts=("p/1",)),
    trace(
        "d",
        2 * HOUR,
        duration=20,
        metadata={Metadata.RUN: "r", Metadata.USAGE: '{"input_tokens": 3, "total_tokens": 4}'},
        assessments=(
            said("score", 0.5),
            said("liked", value=True),
            said("old", "x", valid=False),
            said("tone", "Yes"),
            said("want", {"k": [1]}, "expectation"),
            said("issue-1", "slow", "issue"),
        ),
    ),
    trace("e", 3 * HOUR, experiment_id="2", duration=5, assessments=(said("score", 1),)),
)


def span(trace_number: int, span_id: int, parent: int | None, name: str, **more: Any) -> Span:
    start = 3 * HOUR * 1_000_000
    return Span(
        otel_trace_id=f"{trace_number:032x}",
        span_id=f"{span_id:016x}",
        parent_id=None if parent is None else f"{parent:016x}",
        name=name,
        start_ns=start,
        end_ns=start + span_id * 1_000_000,
        **more,
    )


@pytest.fixture
def tracer() -> Tracer:
    tracer = Tracer()
    for one in TRACES:
        tracer.traces.add(replace(one, home="h"))
    return tracer


def found(tracer: Tracer, text: str = "", *order: str, experiments: tuple[str, ...] = ("1",)) -> str:
    page = tracer.searches.search(Search(experiments, text, order))
    return "".join(one.trace_id for one in page.traces)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "cdba"),
        ("trace.status = 'OK'", "cda"),
        ("status = 'ERROR'", "b"),
        ("attributes.status != 'OK'", "b"),
        ("status IN ('OK', 'IN_PROGRESS')", "cda"),
        ("name = 'ask'", "ca"),
        ("trace.name LIKE 't%'", "b"),
        ("name RLIKE '^(ask|tell)$'", "cba"),
        ("name IS NULL", "d"),
        ("tags.team = 'risk'", "a"),
        ("tag.team != 'risk'", "b"),
        ("tags.`mlflow.traceName` ILIKE 'ASK'", "ca"),
        ("tags.team IS NOT NULL", "ba"),
        ("metadata.`mlflow.trace.session` = 's'", "a"),
        ("request_metadata.`mlflow.trace.session` IS NULL", "cdb"),
        ("timestamp_ms > 3600000", "cdb"),
        ("trace.timestamp >= 3600001 AND timestamp < 7200000", "b"),
        ("timestamp_ms = 7200000", "cd"),
        ("timestamp_ms > 9000000000000000000", ""),
        ("execution_time_ms > 10", "db"),
        ("end_time <= 3600031", "ba"),
        ("request_id = 'c'", "c"),
        ("client_request_id = 'client'", "c"),
        ("run_id = 'r'", "cd"),
        ("attributes.run_id = 'r' AND name = 'ask'", "c"),
        ("prompt = 'p/1'", "c"),
        ("feedback.score > 0.4", "d"),
        ("feedback.score = '0.5'", "d"),
        ("feedback.score >= 0.6", ""),
        ("feedback.liked = 'true'", "d"),
        ("feedback.liked > 0", ""),
        ("feedback.old = 'x'", ""),
        ("feedback.tone LIKE 'Y%'", "d"),
        ("feedback.score IS NULL", "cba"),
        ("expectation.want IS NOT NULL", "d"),
        ("expectation.want = '{\"k\": [1]}'", "d"),
        ("issue.id = 'issue-1'", "d"),
        ("feedback.want IS NOT NULL", ""),
    ],
)
def test_filters(tracer: Tracer, text: str, wanted: str) -> None:
    assert found(tracer, text) == wanted


@pytest.mark.parametrize(
    ("orders", "wanted"),
    [
        (["timestamp_ms DESC"], "ecdba"),
        (["timestamp ASC"], "abcde"),
        (["execution_time ASC"], "eadbc"),
        (["execution_time_ms DESC"], "bdaec"),
        (["tags.team"], "baecd"),
        (["status", "timestamp_ms ASC"], "bacde"),
        (["trace.name DESC", "execution_time"], "baced"),
        (["metadata.`mlflow.sourceRun`"], "decba"),
        (["request_id DESC"], "edcba"),
    ],
)
def test_orders_and_their_pages(tracer: Tracer, orders: list[str], wanted: str) -> None:
    assert found(tracer, "", *orders, experiments=("1", "2", "1")) == wanted
    seen, token = "", None
    for _ in range(len(wanted) + 1):
        page = tracer.searches.search(Search(("1", "2"), "", tuple(orders), 2, token))
        seen += "".join(one.trace_id for one in page.traces)
        token = page.token
        if token is None:
            break
    assert seen == wanted


def test_what_is_added_or_deleted_shifts_no_page(tracer: Tracer) -> None:
    first = tracer.searches.search(Search(("1",), "", (), 2))
    tracer.traces.add(trace("new", 5 * HOUR))
    tracer.traces.remove(tracer.book.get("d"))
    second = tracer.searches.search(Search(("1",), "", (), 2, first.token))
    assert [one.trace_id for one in (*first.traces, *second.traces)] == ["c", "d", "b", "a"]
    assert second.token is None


def test_a_search_that_looks_through_much_ends_its_page(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_LOOKED_THROUGH", 2)
    pages = []
    token = None
    while True:
        page = tracer.searches.search(Search(("1",), "tags.team = 'risk'", (), 5, token))
        pages.append([one.trace_id for one in page.traces])
        token = page.token
        if token is None:
            break
    assert pages == [[], ["a"]]


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("", 3),
        ("timestamp_ms > 1 AND trace.timestamp < 9999999999", 3),
        ("run_id = 'r'", 3),
        ("metadata.`mlflow.trace.session` = 's' AND timestamp_ms > 1", 3),
        ("status = 'ERROR'", 3),
        ("status = 'OK'", 1000),
        ("run_id = 'r' AND status = 'OK'", 1000),
        ("run_id = 'r' AND span.name = 'x'", 1000),
        ("tags.team = 'risk'", 1000),
    ],
)
def test_no_more_is_read_than_is_answered_where_all_of_it_matches(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch, text: str, some: int
) -> None:
    asked: list[int] = []
    real = tracer.traces.newest

    def counted(*place: Any, some: int) -> Any:
        asked.append(some)
        return real(*place, some=some)

    monkeypatch.setattr(tracer.traces, "newest", counted)
    tracer.searches.search(Search(("1",), text, (), 2))
    assert asked == [some]


def test_clauses_of_spans_hold_for_one_and_the_same(tracer: Tracer) -> None:
    tracer.spans.log(
        "1",
        [
            (span(1, 1, None, "root", attributes={"mlflow.spanType": "CHAIN", "model": "large one"}), {}),
            (span(1, 2, 1, "call", status="ERROR", attributes={"mlflow.spanType": "LLM", "n": 5}), {}),
        ],
    )
    logged = f"tr-{1:032x}"
    for text, wanted in [
        ("span.name = 'call'", logged),
        ("span.name = 'call' AND span.type = 'LLM' AND span.status = 'ERROR'", logged),
        ("span.name = 'root' AND span.type = 'LLM'", ""),
        ("span.type IN ('TOOL', 'CHAIN')", logged),
        ("span.attributes.model LIKE 'large%'", logged),
        ("span.attributes.n = '5' AND span.name = 'root'", ""),
        ("span.attributes.`mlflow.spanType` = 'LLM'", logged),
        ("span.content LIKE '%large one%'", logged),
        ("trace.text ILIKE '%LARGE ONE%'", logged),
        ("text LIKE '%small one%'", ""),
    ]:
        assert found(tracer, text) == wanted, text


def test_contents_are_read_only_where_the_rest_holds(tracer: Tracer, monkeypatch: pytest.MonkeyPatch) -> None:
    tracer.spans.log("1", [(span(1, 1, None, "root"), {}), (span(2, 1, None, "root"), {})])
    read: list[str] = []
    real = tracer.files.read

    def counted(trace_id: str, home: str, pieces: Any) -> list[Span]:
        read.append(trace_id)
        return real(trace_id, home, pieces)

    monkeypatch.setattr(tracer.files, "read", counted)
    assert found(tracer, "span.name = 'root'") != ""
    assert read == []
    assert found(tracer, f"text LIKE '%root%' AND request_id = 'tr-{2:032x}'") == f"tr-{2:032x}"
    assert read == [f"tr-{2:032x}"]


@pytest.mark.parametrize("token", ["e30", "eyJhZnRlciI6WyJ4IiwxXX0", "eyJhZnRlciI6WzFdfQ", "%%%"])
def test_tokens_of_nobody_are_refused(tracer: Tracer, token: str) -> None:
    for orders in ((), ("name",)):
        with pytest.raises(InvalidCursorError):
            tracer.searches.search(Search(("1",), "", orders, 2, token))


def test_what_does_not_order_is_refused(tracer: Tracer) -> None:
    for order in ("prompt", "text DESC", "feedback.score", "colour"):
        with pytest.raises(InvalidSearchError):
            found(tracer, "", order)


def figures(tracer: Tracer, **asked: Any) -> list[tuple[Any, ...]]:
    known = {"view": View.TRACES, "metric": "trace_count", "aggregations": (Aggregation(Kind.COUNT),)} | asked
    question = Question(**known)
    traces: Iterator[Trace] = tracer.searches.every(("1", "2"), question.window)
    return [
        (*point.dimensions.values(), *point.values.values())
        for point in answered(question, traces, tracer.spans.digests)
    ]


ALL = tuple(Aggregation(kind) for kind in (Kind.AVG, Kind.MIN, Kind.MAX))


def test_figures_of_traces(tracer: Tracer) -> None:
    assert figures(tracer) == [(5.0,)]
    assert figures(tracer, dimensions=("trace_status",)) == [("ERROR", 1.0), ("OK", 4.0)]
    assert figures(tracer, dimensions=("trace_name",)) == [("ask", 2.0), ("tell", 1.0)]
    assert figures(tracer, metric="latency", aggregations=ALL) == [(16.25, 5.0, 30.0)]
    assert figures(tracer, metric="session_count") == [(1.0,)]
    assert figures(tracer, metric="input_tokens", aggregations=(Aggregation(Kind.SUM),)) == [(3.0,)]
    assert figures(tracer, metric="output_tokens", aggregations=(Aggregation(Kind.SUM),)) == []
    assert figures(tracer, first=9 * HOUR) == [(0.0,)]
    assert figures(tracer, interval_seconds=7200, first=0, last=2 * HOUR) == [
        ("1970-01-01T00:00:00+00:00", 2.0),
        ("1970-01-01T02:00:00+00:00", 2.0),
    ]
    assert figures(tracer, filters=("trace.status = 'OK'", "trace.tag.team = 'risk'")) == [(1.0,)]
    assert figures(tracer, filters=("trace.tag.`team` = 'fraud'",)) == [(1.0,)]
    assert figures(tracer, filters=("trace.metadata.`mlflow.sourceRun` = 'r'",)) == [(2.0,)]
    assert figures(tracer, limit=1, dimensions=("trace_status",)) == [("ERROR", 1.0)]


def test_figures_of_spans(tracer: Tracer) -> None:
    cost = {"mlflow.llm.model": "m", "mlflow.llm.cost": {"input_cost": 0.5, "total_cost": 2}}
    tracer.spans.log(
        "1",
        [
            (span(1, 1, None, "root"), {}),
            (span(1, 2, 1, "call", attributes=cost), {}),
            (span(1, 4, 1, "call", attributes=cost, status="ERROR"), {}),
        ],
    )
    count = {"view": View.SPANS, "metric": "span_count"}
    assert figures(tracer, **count) == [(3.0,)]
    assert figures(tracer, **count, dimensions=("span_name", "span_status")) == [
        ("call", "ERROR", 1.0),
        ("call", "UNSET", 1.0),
        ("root", "UNSET", 1.0),
    ]
    assert figures(tracer, **count, filters=("span.name = 'call'", "trace.status = 'OK'")) == [(2.0,)]
    latency = {"view": View.SPANS, "metric": "latency", "dimensions": ("span_name",)}
    assert figures(tracer, **latency, aggregations=ALL) == [("call", 3.0, 2.0, 4.0), ("root", 1.0, 1.0, 1.0)]
    costs = {"view": View.SPANS, "metric": "total_cost", "aggregations": (Aggregation(Kind.SUM),)}
    assert figures(tracer, **costs, dimensions=("span_model_name",)) == [("m", 4.0)]
    assert figures(tracer, **costs, first=3 * HOUR + 1) == []


def test_figures_of_assessments(tracer: Tracer) -> None:
    count = {"view": View.ASSESSMENTS, "metric": "assessment_count"}
    assert figures(tracer, **count) == [(6.0,)]
    assert figures(tracer, **count, filters=("assessment.name = 'score'",)) == [(2.0,)]
    assert figures(tracer, **count, filters=("assessment.type = 'expectation'",)) == [(1.0,)]
    assert (json.dumps("Yes"), 1.0) in figures(tracer, **count, dimensions=("assessment_value",))
    value = {"view": View.ASSESSMENTS, "metric": "assessment_value", "dimensions": ("assessment_name",)}
    assert figures(tracer, **value, aggregations=ALL) == [
        ("liked", 1.0, 1.0, 1.0),
        ("score", 0.75, 0.5, 1.0),
        ("tone", 1.0, 1.0, 1.0),
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {"metric": "colour"},
        {"aggregations": (Aggregation(Kind.SUM),)},
        {"dimensions": ("span_name",)},
        {"interval_seconds": 60},
        {"metric": "latency", "aggregations": (Aggregation(Kind.PERCENTILE, 101),)},
        {"metric": "latency", "aggregations": (Aggregation(Kind.PERCENTILE),)},
    ],
)
def test_figures_that_there_are_not(tracer: Tracer, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidTraceMetricsError):
        figures(tracer, **asked)


@pytest.mark.parametrize(
    "text",
    [
        "trace.status != 'OK'",
        "span.name = 'x'",
        "trace.tag = 'x'",
        "status = 'OK'",
        "trace.status = 'OK' AND trace.status = 'OK'",
    ],
)
def test_filters_of_figures_that_there_are_not(tracer: Tracer, text: str) -> None:
    with pytest.raises(InvalidSearchError):
        figures(tracer, filters=(text,))


@pytest.mark.parametrize(("percent", "wanted"), [(0, 1.0), (25, 1.75), (50, 2.5), (90, 3.7), (100, 4.0)])
def test_percentiles_lie_between_what_stands_around_them(percent: float, wanted: float) -> None:
    assert percentile([4, 1, 3, 2], percent) == pytest.approx(wanted)
    assert percentile([7], percent) == 7.0
