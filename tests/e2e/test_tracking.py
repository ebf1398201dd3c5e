"""Runs in the local cloud: what waits for the index gets there by the table's own stream."""

from itertools import count
from typing import Any

import pytest

from shelflife.aws.items import Items
from shelflife.tracking.dynamo_index import DynamoRunIndex
from shelflife.tracking.index_entries import Place
from shelflife.tracking.index_spans import all_values
from shelflife.tracking.model import Segment
from tests.harness.installation import Platform, eventually

pytestmark = pytest.mark.e2e

MLFLOW = "/api/2.0/mlflow"


def test_runs_get_into_the_index_and_out_of_it(platform: Platform) -> None:
    made = platform.post(f"{MLFLOW}/experiments/create", {"name": "indexed"})
    segment = Segment(made["experiment_id"], 0)
    table = platform.resource("tracking", "Metadata", "AWS::DynamoDB::Table")
    index = DynamoRunIndex(Items(platform.aws("dynamodb"), table))
    place = Place("metric", "mae")

    def held() -> list[str]:
        span = all_values(place)
        return [entry.run_id for entry in index.entries(segment, place, span.low, span.high)]

    runs = [_run(platform, segment.experiment_id, value) for value in (0.3, 0.1, 0.2)]
    by_value = [runs[1], runs[2], runs[0]]
    assert _found(platform, segment.experiment_id) == by_value
    eventually(lambda: not index.pending(segment), "every run is in the index")
    assert held() == by_value
    assert _found(platform, segment.experiment_id) == by_value
    platform.post(f"{MLFLOW}/runs/delete", {"run_id": runs[1]})
    assert _found(platform, segment.experiment_id) == by_value[1:]
    eventually(lambda: held() == by_value[1:], "the deleted run is out of the index")


_numbers = count(1)


def _run(platform: Platform, experiment_id: str, value: float) -> str:
    asked = {"experiment_id": experiment_id, "start_time": next(_numbers)}
    run_id: str = platform.post(f"{MLFLOW}/runs/create", asked)["run"]["info"]["run_id"]
    metric: dict[str, Any] = {"run_id": run_id, "key": "mae", "value": value, "timestamp": 1, "step": 1}
    platform.post(f"{MLFLOW}/runs/log-metric", metric)
    return run_id


def _found(platform: Platform, experiment_id: str) -> list[str]:
    asked = {"experiment_ids": [experiment_id], "filter": "metrics.mae < 1", "order_by": ["metrics.mae"]}
    found = platform.post(f"{MLFLOW}/runs/search", asked)
    return [run["info"]["run_id"] for run in found["runs"]]
