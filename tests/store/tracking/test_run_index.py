"""Searches by the index find what looking at every run finds, whatever is still to be written."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from random import Random
from typing import Any

import pytest

from shelflife.aws.items import Items
from shelflife.kernel.filter_grammar import parse_filter, parse_orders
from shelflife.tracking.dynamo_index import DynamoRunIndex, place_pk
from shelflife.tracking.dynamo_runs import DynamoRuns
from shelflife.tracking.errors import IndexBusyError
from shelflife.tracking.index_entries import Place, encoded, entries_of, sort_key
from shelflife.tracking.index_spans import all_values
from shelflife.tracking.model import Lifecycle, Metric, Run, RunStatus, Segment
from shelflife.tracking.ports import RunIndex, Runs
from shelflife.tracking.run_order import key_of, position_at, position_of, token_of
from shelflife.tracking.run_search import SegmentSearch
from shelflife.tracking.searchable import RUNS
from shelflife.tracking.settings import TABLE
from tests.fakes.tracking import MemoryRunIndex, MemoryRuns
from tests.harness.cloud import make_table
from tests.harness.disturbed import before_write

SEGMENT = Segment("1", 0)
VALUES = (-1e300, -2.5, -0.0, 0.0, 1e-12, 0.5, 0.9, 0.91, 7.0, 1.7976931348623157e308, math.nan)
TEXTS = ("", "a", "a b", "ab", "B", "ä", "10", "9", "x" * 300, "x" * 300 + "y", "\U0001f95b")
FILTERS = (
    "",
    "metrics.m > 0.5",
    "metrics.m >= 0.9 AND params.p = 'a'",
    "metrics.m != 0.5",
    "metrics.m <= 0 AND tags.t != 'a'",
    "params.p = 'ab'",
    f"params.p = '{'x' * 300}'",
    "tags.t LIKE 'a%'",
    "tags.t IS NULL AND metrics.m < 7",
    "start_time > 1003 AND start_time <= 1009",
    "run_name = 'run 3'",
    "status != 'FINISHED'",
    "end_time > 1500",
    "run_id IN ('r1', 'r2', 'r70')",
)
ORDERS: tuple[tuple[str, ...], ...] = (
    (),
    ("metrics.m",),
    ("metrics.m DESC",),
    ("params.p DESC",),
    ("tags.t ASC", "metrics.m DESC"),
    ("start_time ASC",),
    ("start_time DESC", "metrics.m"),
    ("end_time DESC",),
    ("artifact_uri DESC",),
    ("status", "start_time ASC"),
)


@dataclass
class Kept:
    runs: Runs
    index: RunIndex


def memory() -> Kept:
    runs = MemoryRuns()
    return Kept(runs, MemoryRunIndex(runs))


@pytest.fixture(params=["memory", "dynamo"])
def kept(request: pytest.FixtureRequest) -> Kept:
    if request.param == "memory":
        return memory()
    request.getfixturevalue("aws")
    table = make_table(TABLE)
    return Kept(DynamoRuns(table), DynamoRunIndex(table))


def some_run(number: int, random: Random) -> Run:
    def some(key: str, values: tuple[Any, ...], of: Callable[[Any], Any] = str) -> dict[str, Any]:
        return {key: of(random.choice(values))} if random.random() < 0.7 else {}

    run_id = f"r{number}"
    return Run(
        run_id=run_id,
        experiment_id="1",
        run_name=f"run {number % 5}",
        user_id="ada",
        status=random.choice(list(RunStatus)),
        start_time=1000 + number // 3,
        end_time=random.choice([None, 1000, 2000, 1_795_161_600_000]),
        artifact_uri=f"mlflow-artifacts:/1/{run_id}",
        params=some("p", TEXTS),
        tags=some("t", TEXTS),
        metrics=some("m", VALUES, lambda value: Metric("m", value, 1, 1)),
    )


def found(kept: Kept, run_id: str = "r1") -> Run:
    run = kept.runs.find(run_id)
    assert run is not None
    return run


def fill(kept: Kept, count: int, random: Random) -> None:
    """Runs of which some are indexed, some were changed afterwards, and some wait."""
    for number in range(count):
        run = some_run(number, random)
        kept.runs.add(run)
        if random.random() < 0.8:
            kept.index.write(run.run_id)
            if random.random() < 0.3:
                other = some_run(number, random)
                lifecycle = Lifecycle.DELETED if random.random() < 0.3 else Lifecycle.ACTIVE
                changed = replace(
                    found(kept, run.run_id), metrics=other.metrics, params=other.params, lifecycle=lifecycle
                )
                kept.runs.replace(changed)
                if random.random() < 0.5:
                    kept.index.write(run.run_id)


def paged(kept: Kept, text: str, order_by: tuple[str, ...], size: int, *, deleted: bool = False) -> list[str]:
    """What a client sees that asks page by page."""
    clauses, orders = parse_filter(text, RUNS), parse_orders(order_by, RUNS)
    seen: list[str] = []
    token: str | None = None
    while True:
        search = SegmentSearch(kept.index, SEGMENT, clauses, orders, position_at(token, orders))
        page = list(islice(search.deleted() if deleted else search.active(), size))
        seen += [run.run_id for run in page]
        if len(page) < size:
            return seen
        token = token_of(position_of(page[-1], orders))


def looked_at(
    kept: Kept, count: int, text: str, order_by: tuple[str, ...], *, deleted: bool = False
) -> list[str]:
    """What is found by looking at every run."""
    clauses, orders = parse_filter(text, RUNS), parse_orders(order_by, RUNS)
    runs = [
        run
        for number in range(count)
        if ((run := found(kept, f"r{number}")).lifecycle is Lifecycle.DELETED) == deleted
        and all(clause.matches(run) for clause in clauses)
    ]
    return [run.run_id for run in sorted(runs, key=lambda run: key_of(run, orders))]


@pytest.mark.parametrize("few", [0, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_searches_find_what_looking_at_every_run_finds(
    seed: int, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelflife.tracking.run_search._FEW", few)
    kept = memory()
    fill(kept, 90, Random(seed))  # noqa: S311 - made-up runs
    for text in FILTERS:
        for order_by in ORDERS:
            expected = looked_at(kept, 90, text, order_by)
            assert paged(kept, text, order_by, 7) == expected, (text, order_by)
            hidden = looked_at(kept, 90, text, order_by, deleted=True)
            assert paged(kept, text, order_by, 4, deleted=True) == hidden, (text, order_by)


def test_they_do_in_dynamodb_too(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shelflife.tracking.run_search._FEW", 3)
    table = make_table(TABLE)
    kept = Kept(DynamoRuns(table), DynamoRunIndex(table))
    fill(kept, 25, Random(7))  # noqa: S311 - made-up runs
    for text, order_by in zip(FILTERS, ORDERS, strict=False):
        assert paged(kept, text, order_by, 6) == looked_at(kept, 25, text, order_by), (text, order_by)
        hidden = looked_at(kept, 25, text, order_by, deleted=True)
        assert paged(kept, text, order_by, 6, deleted=True) == hidden


def test_values_are_written_as_they_sort() -> None:
    numbers = sorted(value for value in VALUES if not math.isnan(value))
    assert [encoded(value) for value in numbers] == sorted(encoded(value) for value in numbers)
    assert encoded(-0.0) == encoded(0.0)
    assert encoded(math.nan) > encoded(1.7976931348623157e308)
    texts = [encoded(text) for text in sorted(TEXTS)]
    assert texts == sorted(texts)


def held(kept: Kept, *asked: Place) -> list[list[str]]:
    spans = [all_values(place) for place in asked]
    return [
        [entry.run_id for entry in kept.index.entries(SEGMENT, place, span.low, span.high)]
        for place, span in zip(asked, spans, strict=True)
    ]


def one(**fields: Any) -> Run:
    run = some_run(1, Random(1))  # noqa: S311 - a made-up run
    return replace(run, params={"p": "a"}, tags={}, metrics={}, **fields)


def test_a_deleted_run_leaves_only_that_it_is_deleted(kept: Kept) -> None:
    kept.runs.add(one())
    kept.index.write("r1")
    asked = Place("param", "p"), Place("attribute", "start_time"), Place("attribute", "deleted")
    assert held(kept, *asked) == [["r1"], ["r1"], []]
    kept.runs.replace(replace(found(kept), lifecycle=Lifecycle.DELETED))
    kept.index.write("r1")
    assert held(kept, *asked) == [[], [], ["r1"]]


def test_a_run_waits_until_its_entries_are_written_and_again_after_a_change(kept: Kept) -> None:
    kept.runs.add(one())
    assert [run.run_id for run in kept.index.pending(SEGMENT)] == ["r1"]
    for _ in range(2):
        kept.index.write("r1")
        assert kept.index.pending(SEGMENT) == []
    kept.runs.replace(replace(found(kept), params={"p": "b"}))
    assert [run.params["p"] for run in kept.index.pending(SEGMENT)] == ["b"]


class CutOffError(Exception):
    """Stands for the end of a process."""


class CutOff:
    """DynamoDB's client in a process that ends before its write after the next few."""

    WRITES = ("put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items")

    def __init__(self, client: Any, writes: int) -> None:
        self._client = client
        self._left = writes

    def __getattr__(self, name: str) -> Any:
        def call(**asked: Any) -> Any:
            if name in self.WRITES:
                self._left -= 1
                if self._left < 0:
                    raise CutOffError(name)
            return getattr(self._client, name)(**asked)

        return call


def cut_off(table: Items, writes: int) -> Items:
    return Items(CutOff(table.client, writes), table.table_name)  # type: ignore[arg-type]  # a client in part


def entries_in(table: Items) -> set[tuple[str, str]]:
    items = table.client.scan(TableName=table.table_name)["Items"]
    return {(i["pk"]["S"], i["sk"]["S"]) for i in items if i["pk"]["S"].startswith("INDEX#")}


#: Entries are noted, written and noted as written; then the run no longer waits.
WRITES = 4


def logged(kept: Kept, **params: str) -> None:
    kept.runs.replace(replace(found(kept), params=params))


@pytest.mark.parametrize("last", ["a", "b", "c"])
@pytest.mark.parametrize("writes", range(WRITES + 1))
def test_whoever_goes_on_after_one_that_was_cut_off_leaves_no_entry_of_it(
    aws: None, writes: int, last: str
) -> None:
    table = make_table(TABLE)
    kept = Kept(DynamoRuns(table), DynamoRunIndex(table))
    kept.runs.add(one())
    logged(kept, p=last, q="1")
    kept.index.write("r1")
    undisturbed = entries_in(table)
    logged(kept, p="a")
    kept.index.write("r1")
    logged(kept, p="b", q="1")
    with nullcontext() if writes == WRITES else pytest.raises(CutOffError):
        DynamoRunIndex(cut_off(table, writes)).write("r1")
    assert [run.params["p"] for run in kept.index.pending(SEGMENT)] == ["b"] * (writes < WRITES)
    if last != "b":
        logged(kept, p=last, q="1")
    kept.index.write("r1")
    assert entries_in(table) == undisturbed
    assert kept.index.pending(SEGMENT) == []


def test_entries_that_were_only_noted_are_written(aws: None) -> None:
    table = make_table(TABLE)
    kept = Kept(DynamoRuns(table), DynamoRunIndex(table))
    kept.runs.add(one())
    with pytest.raises(CutOffError):
        DynamoRunIndex(cut_off(table, 1)).write("r1")
    kept.index.write("r1")
    assert held(kept, Place("param", "p")) == [["r1"]]


def test_a_run_that_is_gone_has_nothing_to_be_written(kept: Kept) -> None:
    kept.index.write("gone")
    assert kept.index.pending(SEGMENT) == []


def test_what_is_written_is_not_written_again(aws: None) -> None:
    table = make_table(TABLE)
    kept = Kept(DynamoRuns(table), DynamoRunIndex(table))
    kept.runs.add(one())
    kept.index.write("r1")
    DynamoRunIndex(cut_off(table, 0)).write("r1")


@pytest.mark.parametrize("before", [True, False])
def test_of_two_who_write_entries_at_once_the_later_is_turned_away(aws: None, *, before: bool) -> None:
    table = make_table(TABLE)
    kept = Kept(DynamoRuns(table), DynamoRunIndex(table))
    kept.runs.add(one())
    if before:
        kept.index.write("r1")
        logged(kept, p="x")

    def meanwhile() -> None:
        logged(kept, p="b")
        kept.index.write("r1")

    with before_write(0, meanwhile), pytest.raises(IndexBusyError):
        kept.index.write("r1")
    assert held(kept, Place("param", "p")) == [["r1"]]
    logged(kept)
    kept.index.write("r1")
    assert held(kept, Place("param", "p")) == [[]]


def test_entries_that_are_no_longer_true_are_passed_over(aws: None) -> None:
    table = make_table(TABLE)
    kept = Kept(DynamoRuns(table), DynamoRunIndex(table))
    fill(kept, 5, Random(3))  # noqa: S311 - made-up runs
    kept.runs.replace(replace(found(kept, "r0"), lifecycle=Lifecycle.ACTIVE))
    for number in range(5):
        kept.index.write(f"r{number}")
    some = replace(one(), run_id="r0", start_time=found(kept, "r0").start_time)
    lies = [
        *entries_of(replace(some, metrics={"m": Metric("m", 0.6, 1, 1)}, params={"p": "zz"})),
        *entries_of(replace(some, start_time=1, params={"p": "ab"})),
        *entries_of(replace(some, lifecycle=Lifecycle.DELETED)),
        *entries_of(replace(some, run_id="gone")),
    ]
    table.write_many(puts=[{"pk": place_pk(SEGMENT, lie.place), "sk": sort_key(lie)} for lie in lies])
    for text in ("", "metrics.m < 1000", "params.p != 'q'"):
        for order_by in ORDERS:
            assert paged(kept, text, order_by, 2) == looked_at(kept, 5, text, order_by), (text, order_by)
    assert paged(kept, "", (), 2, deleted=True) == looked_at(kept, 5, "", (), deleted=True)


def test_a_run_and_that_it_waits_are_seen_together_or_not_at_all(aws: None) -> None:
    table = make_table(TABLE)
    with pytest.raises(CutOffError):
        DynamoRuns(cut_off(table, 0)).add(one())
    assert table.client.scan(TableName=table.table_name)["Items"] == []
    runs, index = DynamoRuns(table), DynamoRunIndex(table)
    DynamoRuns(cut_off(table, 1)).add(one())
    index.write("r1")
    DynamoRuns(cut_off(table, 1)).replace(replace(found(Kept(runs, index)), params={"p": "b"}))
    assert [run.params["p"] for run in index.pending(SEGMENT)] == ["b"]


def test_who_read_the_run_before_it_was_changed_and_written_writes_nothing(aws: None) -> None:
    table = make_table(TABLE)
    kept = Kept(DynamoRuns(table), DynamoRunIndex(table))
    kept.runs.add(one())

    class Slow:
        """A client that is asked for the run before somebody else changes and writes it."""

        def __getattr__(self, name: str) -> Any:
            def call(**asked: Any) -> Any:
                answer = getattr(table.client, name)(**asked)
                if name == "get_item" and asked["Key"]["sk"]["S"] == "RUN":
                    kept.runs.replace(replace(found(kept), params={"p": "b"}))
                    kept.index.write("r1")
                return answer

            return call

    with pytest.raises(IndexBusyError):
        DynamoRunIndex(Items(Slow(), table.table_name)).write("r1")  # type: ignore[arg-type]  # a client in part
    assert paged(kept, "params.p = 'b'", (), 9) == ["r1"]


def test_a_run_that_is_changed_while_its_entries_are_written_goes_on_waiting(aws: None) -> None:
    table = make_table(TABLE)
    kept = Kept(DynamoRuns(table), DynamoRunIndex(table))
    kept.runs.add(one())

    class Meanwhile:
        """Somebody changes the run while its entries are written."""

        def __getattr__(self, name: str) -> Any:
            if name == "batch_write_item":
                kept.runs.replace(replace(found(kept), params={"p": "b"}))
            return getattr(table.client, name)

    with pytest.raises(IndexBusyError):
        DynamoRunIndex(Items(Meanwhile(), table.table_name)).write("r1")  # type: ignore[arg-type]  # see above
    assert [run.params["p"] for run in kept.index.pending(SEGMENT)] == ["b"]
    kept.index.write("r1")
    assert held(kept, Place("param", "p")) == [["r1"]]
    assert kept.index.pending(SEGMENT) == []
