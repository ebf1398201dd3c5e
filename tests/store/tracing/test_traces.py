from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shelflife.aws.items import TableUnavailableError
from shelflife.tracing.dynamo import DynamoTraces
from shelflife.tracing.errors import TraceRaceLostError, TraceTooLargeError
from shelflife.tracing.model import (
    ALWAYS,
    Assessment,
    AssessmentKind,
    Digest,
    Metadata,
    Place,
    Shelf,
    ShelfKind,
    Trace,
    TraceState,
    Window,
    place_of,
)
from shelflife.tracing.ports import Traces
from shelflife.tracing.settings import TABLE
from tests.fakes.tracing import MemoryTraces
from tests.harness.cloud import make_table
from tests.harness.turning_away import contended

DAY = 86_400_000
NOON = 1_795_176_000_000


def trace(trace_id: str, request_time: int = NOON, **more: Any) -> Trace:
    told: dict[str, Any] = {"experiment_id": "1", "state": TraceState.OK, "home": "h"} | more
    return Trace(trace_id=trace_id, request_time=request_time, **told)


FULL = trace(
    "tr-full",
    duration=5,
    client_request_id="c",
    request_preview="größe",
    response_preview="",
    metadata={Metadata.SESSION: "s", "a": "b"},
    tags={"team": "risk"},
    assessments=(
        Assessment(assessment_id="a-1", name="ok", kind=AssessmentKind.FEEDBACK, value={"x": [1, None]}),
        Assessment(
            assessment_id="a-2",
            name="want",
            kind=AssessmentKind.EXPECTATION,
            value=False,
            source_type="HUMAN",
            metadata={"m": "n"},
            valid=False,
        ),
    ),
    runs=("r1",),
    prompts=("greet/1",),
    pieces=("p1", "p2"),
    digests=(Digest("01", None, "root", "LLM", "OK", 1, 2, {"input_tokens": 3}, None, "m", None),),
    digested=False,
)


@pytest.fixture(params=["memory", "dynamo"])
def traces(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryTraces()
    request.getfixturevalue("aws")
    return DynamoTraces(make_table(TABLE))


def ids(traces: Traces, shelf: Shelf = Shelf("1"), window: Window = ALWAYS, **more: Any) -> list[str]:  # noqa: B008 - a constant
    return [found.trace_id for found in traces.newest(shelf, window, **more)]


def test_a_trace_comes_back_as_it_was(traces: Traces) -> None:
    assert traces.find("tr-full") is None
    traces.add(FULL)
    assert traces.find("tr-full") == FULL
    changed = replace(FULL, tags={}, state=TraceState.ERROR)
    traces.replace(changed, FULL)
    assert traces.find("tr-full") == replace(changed, revision=1)


def test_one_of_two_who_add_a_trace_wins(traces: Traces) -> None:
    traces.add(trace("a", tags={"winner": "yes"}))
    with pytest.raises(TraceRaceLostError):
        traces.add(trace("a", NOON + DAY, tags={"winner": "no"}))
    found = traces.find("a")
    assert found is not None
    assert found.tags == {"winner": "yes"}
    assert ids(traces) == ["a"]


@pytest.mark.parametrize("moved", [0, -5, 3 * DAY])
def test_who_has_not_seen_the_last_change_loses(traces: Traces, moved: int) -> None:
    first = trace("a")
    traces.add(first)
    traces.replace(replace(first, tags={"winner": "yes"}), first)
    with pytest.raises(TraceRaceLostError):
        traces.replace(replace(first, request_time=NOON + moved, tags={"winner": "no"}), first)
    with pytest.raises(TraceRaceLostError):
        traces.remove(first)
    found = traces.find("a")
    assert found is not None
    assert found.tags == {"winner": "yes"}


def test_an_experiments_traces_come_newest_first(traces: Traces) -> None:
    for name, at in [("b", NOON), ("a", NOON), ("old", NOON - 40 * DAY), ("new", NOON + 1), ("first", 0)]:
        traces.add(trace(name, at))
    traces.add(trace("elsewhere", experiment_id="12"))
    assert ids(traces) == ["new", "a", "b", "old", "first"]
    assert ids(traces, some=1) == ["new", "a", "b", "old", "first"]
    assert ids(traces, after=Place(NOON, "a")) == ["b", "old", "first"]
    assert ids(traces, after=Place(NOON - DAY, "x")) == ["old", "first"]
    assert ids(traces, window=Window(NOON, NOON)) == ["a", "b"]
    assert ids(traces, window=Window(1, NOON - 1)) == ["old"]
    assert ids(traces, window=Window(NOON + 2, NOON + 1)) == []


def test_a_trace_stands_where_its_last_change_put_it(traces: Traces) -> None:
    first = trace("a", metadata={Metadata.SESSION: "s"})
    traces.add(first)
    traces.add(trace("b", NOON - 1))
    moved = replace(first, request_time=NOON - 70 * DAY, state=TraceState.ERROR, runs=("r",))
    traces.replace(moved, first)
    assert ids(traces) == ["b", "a"]
    for shelf in (
        Shelf("1", ShelfKind.SESSION, "s"),
        Shelf("1", ShelfKind.STATE, "ERROR"),
        Shelf("1", ShelfKind.RUN, "r"),
    ):
        assert ids(traces, shelf) == ["a"]
    settled = replace(moved, revision=1)
    traces.replace(replace(settled, experiment_id="2", state=TraceState.OK), settled)
    assert ids(traces) == ["b"]
    assert ids(traces, Shelf("2")) == ["a"]
    assert ids(traces, Shelf("2", ShelfKind.RUN, "r")) == ["a"]
    assert ids(traces, Shelf("1", ShelfKind.RUN, "r")) == []
    assert ids(traces, Shelf("2", ShelfKind.STATE, "ERROR")) == []


def test_traces_of_a_session_come_in_order_and_page_by_page(traces: Traces) -> None:
    for number in range(60):
        session = "s" if number % 2 else "other"
        traces.add(trace(f"t{number:02}", NOON - number * DAY, metadata={Metadata.SESSION: session}))
    shelf = Shelf("1", ShelfKind.SESSION, "s")
    wanted = [f"t{number:02}" for number in range(1, 60, 2)]
    assert ids(traces, shelf) == wanted
    assert ids(traces, shelf, after=Place(NOON - 31 * DAY, "t31")) == wanted[16:]
    assert ids(traces, shelf, Window(NOON - 5 * DAY, NOON)) == ["t01", "t03", "t05"]


def test_many_are_found_in_the_order_asked_for(traces: Traces) -> None:
    for name in ("a", "b", "c"):
        traces.add(trace(name))
    found = traces.find_many(["c", "unknown", "a", "c"])
    assert [one.trace_id for one in found] == ["c", "a"]
    assert traces.find_many([]) == []


def test_a_removed_trace_leaves_only_word_of_its_spans(traces: Traces) -> None:
    traces.add(FULL)
    traces.remove(FULL)
    assert traces.find("tr-full") is None
    assert ids(traces) == []
    assert ids(traces, Shelf("1", ShelfKind.SESSION, "s")) == []
    assert traces.left_over() == [("tr-full", "h")]
    traces.forget_left_over("tr-full", "h")
    assert traces.left_over() == []


def test_a_removed_trace_leaves_no_item_but_the_day(aws: None) -> None:
    items = make_table(TABLE)
    traces = DynamoTraces(items)
    traces.add(FULL)
    traces.remove(FULL)
    traces.forget_left_over("tr-full", "h")
    left = items.client.scan(TableName=items.table_name)["Items"]
    assert [item["pk"]["S"] for item in left] == ["DAYS#1"]


def test_a_trace_that_no_longer_fits_is_refused_with_its_size(aws: None) -> None:
    traces = DynamoTraces(make_table(TABLE))
    huge = {
        str(number): "".join(chr(33 + (number * 7919 + at * at) % 9000) for at in range(8000))
        for number in range(60)
    }
    with pytest.raises(TraceTooLargeError, match="380000"):
        traces.add(trace("a", tags=huge))
    assert traces.find("a") is None


def test_a_trace_that_moves_while_it_is_read_is_found(aws: None) -> None:
    traces = DynamoTraces(make_table(TABLE))
    first = trace("a")
    traces.add(first)
    moved = replace(first, request_time=NOON - DAY)
    real = traces.items.client.get_item
    asked = 0

    def get_item(**told: Any) -> Any:
        nonlocal asked
        asked += 1
        answer = real(**told)
        if asked == 1:
            traces.replace(moved, first)
        return answer

    slow = DynamoTraces(replace(traces.items, client=_with(traces.items.client, get_item=get_item)))
    assert slow.find("a") == replace(moved, revision=1)
    assert place_of(moved).request_time == NOON - DAY


def test_a_search_reads_what_it_answers(aws: None) -> None:
    traces = DynamoTraces(make_table(TABLE))
    for number in range(30):
        traces.add(trace(f"t{number:02}", NOON - number))
    read: list[int] = []
    real = traces.items.client.query

    def query(**told: Any) -> Any:
        answer = real(**told)
        read.append(len(answer["Items"]))
        return answer

    slow = DynamoTraces(replace(traces.items, client=_with(traces.items.client, query=query)))
    stream = slow.newest(Shelf("1"), ALWAYS, some=5)
    assert [next(stream).trace_id for _ in range(5)] == [f"t{number:02}" for number in range(5)]
    assert read == [1, 5]


def test_a_trace_that_moves_while_many_are_read_is_found(aws: None) -> None:
    traces = DynamoTraces(make_table(TABLE))
    first = trace("a")
    traces.add(first)
    traces.add(trace("b"))
    moved = replace(first, request_time=NOON - DAY)
    real = traces.items.client.batch_get_item
    asked: list[dict[str, Any]] = []

    def batch_get_item(**told: Any) -> Any:
        answer = real(**told)
        if not asked:
            traces.replace(moved, first)
        asked.append(told)
        return answer

    slow = DynamoTraces(
        replace(traces.items, client=_with(traces.items.client, batch_get_item=batch_get_item))
    )
    assert [found.trace_id for found in slow.find_many(["a", "b"])] == ["a", "b"]


def test_a_trace_has_the_entries_of_what_it_is_now(traces: Traces) -> None:
    first = trace("a", state=TraceState.ERROR, metadata={Metadata.SESSION: "s"}, runs=("r1", "r2"))
    traces.add(first)
    traces.replace(replace(first, state=TraceState.OK, metadata={Metadata.SESSION: "t"}, runs=("r2",)), first)
    shelves = [(ShelfKind.STATE, "ERROR"), (ShelfKind.SESSION, "s"), (ShelfKind.RUN, "r1")]
    assert [ids(traces, Shelf("1", *shelf)) for shelf in shelves] == [[], [], []]
    shelves = [(ShelfKind.SESSION, "t"), (ShelfKind.RUN, "r2")]
    assert [ids(traces, Shelf("1", *shelf)) for shelf in shelves] == [["a"], ["a"]]


def test_one_that_was_made_again_is_not_taken_for_the_former(traces: Traces) -> None:
    former, again = trace("a"), trace("a", home="another")
    traces.add(former)
    traces.remove(former)
    traces.add(again)
    with pytest.raises(TraceRaceLostError):
        traces.remove(former)
    for moved in (0, DAY):
        with pytest.raises(TraceRaceLostError):
            traces.replace(replace(former, request_time=NOON + moved, tags={"k": "v"}), former)
    assert traces.find("a") == again


@pytest.mark.parametrize(
    "write",
    [
        lambda traces: traces.add(trace("b")),
        lambda traces: traces.replace(replace(trace("a"), request_time=NOON + 1), trace("a")),
        lambda traces: traces.remove(trace("a")),
    ],
)
def test_a_transaction_that_meets_another_is_a_lost_race(
    aws: None, write: Callable[[DynamoTraces], object]
) -> None:
    items = make_table(TABLE)
    DynamoTraces(items).add(trace("a"))
    with pytest.raises(TraceRaceLostError):
        write(DynamoTraces(contended(items)))


def test_a_throttled_table_is_told_as_one_that_does_not_answer_now(aws: None) -> None:
    items = make_table(TABLE)

    def throttled(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "GetItem")

    traces = DynamoTraces(replace(items, client=_with(items.client, get_item=throttled)))
    with pytest.raises(TableUnavailableError):
        traces.find("a")


@pytest.mark.parametrize("reason", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_is_throttled_is_told_as_a_table_that_does_not_answer_now(
    aws: None, reason: str
) -> None:
    items = make_table(TABLE)

    def throttled(**_: Any) -> Any:
        told: Any = {
            "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
            "CancellationReasons": [{"Code": "None"}, {"Code": reason}],
        }
        raise ClientError(told, "TransactWriteItems")

    traces = DynamoTraces(replace(items, client=_with(items.client, transact_write_items=throttled)))
    with pytest.raises(TableUnavailableError, match=reason):
        traces.add(trace("a"))
    assert DynamoTraces(items).find("a") is None


def _with(client: Any, **methods: Callable[..., Any]) -> Any:
    """The client with some of its methods replaced."""

    class Client:
        def __getattr__(self, name: str) -> Any:
            return methods.get(name) or getattr(client, name)

    return Client()
