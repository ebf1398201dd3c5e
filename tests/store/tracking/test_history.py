import math
from typing import Any

import pytest

from shelflife.aws.items import TableUnavailableError
from shelflife.tracking.history import DynamoMetricHistory
from shelflife.tracking.model import Metric, Run, RunStatus
from shelflife.tracking.ports import MetricHistory
from shelflife.tracking.settings import TABLE
from tests.fakes.tracking import MemoryMetricHistory
from tests.harness.cloud import make_table


def values(key: str, count: int, first: int = 0) -> list[Metric]:
    return [Metric(key, at / 3, 1000 + at, at) for at in range(first, first + count)]


def run(run_id: str, points: int = 0) -> Run:
    return Run(
        run_id, "1", run_id, "ada", RunStatus.RUNNING, 5, f"mlflow-artifacts:/1/{run_id}", points=points
    )


RUNS = {name: run(name) for name in "ab"}


@pytest.fixture(params=["memory", "dynamo"])
def history(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryMetricHistory()
    request.getfixturevalue("aws")
    return DynamoMetricHistory(make_table(TABLE))


def test_values_come_back_by_time_step_and_value(history: MetricHistory) -> None:
    late, early = Metric("mae", 1.0, 9, 0), Metric("mae", 2.0, 3, 5)
    same_time = [Metric("mae", 3.0, 3, 4), Metric("mae", 1.5, 3, 5)]
    history.append(RUNS["a"], [late, early])
    history.append(RUNS["a"], [*same_time, Metric("rmse", 0.0, 1, 1)])
    assert history.read(RUNS["a"], "mae") == [same_time[0], same_time[1], early, late]
    assert history.read(RUNS["b"], "mae") == history.read(RUNS["a"], "r2") == []


def test_a_value_that_comes_again_is_there_once(history: MetricHistory) -> None:
    history.append(RUNS["a"], values("mae", 10))
    history.append(RUNS["a"], values("mae", 10))
    history.append(RUNS["a"], values("mae", 10, first=5))
    assert history.read(RUNS["a"], "mae") == values("mae", 15)


def test_not_a_number_is_kept_once(history: MetricHistory) -> None:
    for _ in range(2):
        history.append(RUNS["a"], [Metric("mae", math.nan, 1, 1), Metric("mae", 0.0, 1, 1)])
    found = history.read(RUNS["a"], "mae")
    assert sorted(math.isnan(metric.value) for metric in found) == [False, True]


def test_a_call_that_comes_again_writes_the_same_items(aws: None) -> None:
    items = make_table(TABLE)
    history = DynamoMetricHistory(items)
    for _ in range(2):
        history.append(RUNS["a"], [*values("mae", 10), *values("rmse", 10)])
    assert len(items.client.scan(TableName=items.table_name)["Items"]) == 2


@pytest.mark.parametrize("keys", [1, 60, 1000])
def test_a_full_batch_is_kept_whole(history: MetricHistory, keys: int) -> None:
    batch = [Metric(f"m{at % keys}", float(at), at, at) for at in range(1000)]
    history.append(RUNS["a"], batch)
    assert history.read(RUNS["a"], "m0") == batch[::keys]


class Refusing:
    """DynamoDB, when its table has no capacity left for all but the first item of a batch."""

    def __init__(self, client: Any, refusals: int) -> None:
        self.client = client
        self.refusals = refusals
        self.calls = 0

    def batch_write_item(self, *, RequestItems: dict[str, list[Any]]) -> Any:  # noqa: N803 - boto3's name
        self.calls += 1
        ((table, asked),) = RequestItems.items()
        assert len(asked) <= 25
        if not self.refusals:
            return self.client.batch_write_item(RequestItems=RequestItems)
        self.refusals -= 1
        self.client.batch_write_item(RequestItems={table: asked[:1]})
        return {"UnprocessedItems": {table: asked[1:]} if asked[1:] else {}}


def test_what_the_table_leaves_over_is_written_again(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shelflife.aws.attempts.sleep", lambda _: None)
    items = make_table(TABLE)
    busy = DynamoMetricHistory(type(items)(Refusing(items.client, 3), items.table_name))  # type: ignore[arg-type]  # a client in part
    busy.append(RUNS["a"], [Metric(f"m{at}", 1.0, 1, 1) for at in range(30)])
    kept = DynamoMetricHistory(items)
    assert all(kept.read(RUNS["a"], f"m{at}") for at in range(30))


def test_a_table_that_stays_full_is_said_to_be(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shelflife.aws.attempts.sleep", lambda _: None)
    items = make_table(TABLE)
    full = DynamoMetricHistory(type(items)(Refusing(items.client, 99), items.table_name))  # type: ignore[arg-type]  # a client in part
    with pytest.raises(TableUnavailableError, match="UnprocessedItems"):
        full.append(RUNS["a"], [Metric(f"m{at}", 1.0, 1, 1) for at in range(20)])


def test_a_call_of_a_thousand_metrics_is_one_request(aws: None) -> None:
    items = make_table(TABLE)
    counting = Refusing(items.client, 0)
    once = DynamoMetricHistory(type(items)(counting, items.table_name))  # type: ignore[arg-type]  # a client in part
    once.append(RUNS["a"], [Metric(f"m{at}", 1.0, 1, 1) for at in range(1000)])
    assert counting.calls == 1
    assert DynamoMetricHistory(items).read(RUNS["a"], "m7") == [Metric("m7", 1.0, 1, 1)]


def test_a_long_history_is_in_several_partitions_and_read_from_all(aws: None) -> None:
    items = make_table(TABLE)
    history = DynamoMetricHistory(items, era_points=10)
    for logged in range(0, 30, 5):
        history.append(run("a", points=logged), values("mae", 5, first=logged))
    assert history.read(run("a", points=30), "mae") == values("mae", 30)
    found = items.client.scan(TableName=items.table_name)["Items"]
    assert len({item["pk"]["S"] for item in found}) == 3
