import math
from typing import Any

import pytest

from shelflife.tracking.errors import HistoryNotWrittenError
from shelflife.tracking.history import DynamoMetricHistory
from shelflife.tracking.model import Metric
from shelflife.tracking.ports import MetricHistory
from shelflife.tracking.settings import TABLE
from tests.fakes.tracking import MemoryMetricHistory
from tests.harness.cloud import make_table


def values(key: str, count: int, first: int = 0) -> list[Metric]:
    return [Metric(key, at / 3, 1000 + at, at) for at in range(first, first + count)]


@pytest.fixture(params=["memory", "dynamo"])
def history(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryMetricHistory()
    request.getfixturevalue("aws")
    return DynamoMetricHistory(make_table(TABLE))


def test_values_come_back_by_time_step_and_value(history: MetricHistory) -> None:
    late, early = Metric("mae", 1.0, 9, 0), Metric("mae", 2.0, 3, 5)
    same_time = [Metric("mae", 3.0, 3, 4), Metric("mae", 1.5, 3, 5)]
    history.append("a", [late, early])
    history.append("a", [*same_time, Metric("rmse", 0.0, 1, 1)])
    assert history.read("a", "mae") == [same_time[0], same_time[1], early, late]
    assert history.read("b", "mae") == history.read("a", "r2") == []


def test_a_value_that_comes_again_is_there_once(history: MetricHistory) -> None:
    history.append("a", values("mae", 10))
    history.append("a", values("mae", 10))
    history.append("a", values("mae", 10, first=5))
    assert history.read("a", "mae") == values("mae", 15)


def test_not_a_number_is_kept_once(history: MetricHistory) -> None:
    for _ in range(2):
        history.append("a", [Metric("mae", math.nan, 1, 1), Metric("mae", 0.0, 1, 1)])
    found = history.read("a", "mae")
    assert sorted(math.isnan(metric.value) for metric in found) == [False, True]


@pytest.mark.parametrize("keys", [1, 60, 1000])
def test_a_full_batch_is_kept_whole(history: MetricHistory, keys: int) -> None:
    batch = [Metric(f"m{at % keys}", float(at), at, at) for at in range(1000)]
    history.append("a", batch)
    assert history.read("a", "m0") == batch[::keys]


class Refusing:
    """DynamoDB, when its table has no capacity left for all but the first item of a batch."""

    def __init__(self, client: Any, refusals: int) -> None:
        self.client = client
        self.refusals = refusals

    def batch_write_item(self, *, RequestItems: dict[str, list[Any]]) -> Any:  # noqa: N803 - boto3's name
        ((table, asked),) = RequestItems.items()
        assert len(asked) <= 25
        if not self.refusals:
            return self.client.batch_write_item(RequestItems=RequestItems)
        self.refusals -= 1
        self.client.batch_write_item(RequestItems={table: asked[:1]})
        return {"UnprocessedItems": {table: asked[1:]} if asked[1:] else {}}


def test_what_the_table_leaves_over_is_written_again(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shelflife.tracking.history.sleep", lambda _: None)
    items = make_table(TABLE)
    busy = DynamoMetricHistory(type(items)(Refusing(items.client, 3), items.table_name))  # type: ignore[arg-type]  # a client in part
    busy.append("a", [Metric(f"m{at}", 1.0, 1, 1) for at in range(30)])
    kept = DynamoMetricHistory(items)
    assert all(kept.read("a", f"m{at}") for at in range(30))


def test_a_table_that_stays_full_is_said_to_be(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shelflife.tracking.history.sleep", lambda _: None)
    items = make_table(TABLE)
    full = DynamoMetricHistory(type(items)(Refusing(items.client, 99), items.table_name))  # type: ignore[arg-type]  # a client in part
    with pytest.raises(HistoryNotWrittenError, match="19 metrics"):
        full.append("a", [Metric(f"m{at}", 1.0, 1, 1) for at in range(25)])
