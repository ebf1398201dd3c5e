"""Calls ask for little, however much is stored; `make bench` has the figures."""

from typing import Any

import pytest

from functions.tracking.api.handler import handler as api
from shelflife.tracking.wiring import tracking
from tests.harness.counting import Counted, counting
from tests.harness.events import LambdaContext, http_event

MLFLOW = "/api/2.0/mlflow"


def ask(method: str, path: str, body: Any = None) -> Any:
    answer = api(http_event(method, path, body), LambdaContext())
    assert answer["statusCode"] == 200, answer["body"]
    return answer


def counted(method: str, path: str, body: Any = None) -> Counted:
    with counting() as found:
        ask(method, path, body)
    return found


def filled(count: int) -> str:
    """A run of its own experiment, among so many whose accuracies grow."""
    run_id = ""
    for at in range(count):
        run_id = tracking().create_run("0", run_name=None, user_id="", start_time=at, tags={}).run_id
        metric = {"key": "accuracy", "value": at, "timestamp": 1}
        ask("POST", f"{MLFLOW}/runs/log-metric", {"run_id": run_id, **metric})
        tracking().keep_index(run_id)
    return run_id


@pytest.mark.parametrize("count", [1, 100, 1000])
def test_a_batch_is_a_handful_of_requests_whatever_is_in_it(count: int) -> None:
    run_id = filled(1)
    metrics = [{"key": f"m{at}", "value": at, "timestamp": 1, "step": 0} for at in range(count)]
    found = counted("POST", f"{MLFLOW}/runs/log-batch", {"run_id": run_id, "metrics": metrics})
    assert found.requests <= 6
    assert (
        sum(found.by_name.get(name, 0) for name in ("PutItem", "BatchWriteItem", "TransactWriteItems")) <= 2
    )


def test_a_search_reads_what_it_shows_and_not_what_is_stored() -> None:
    search = {
        "experiment_ids": ["0"],
        "filter": "metrics.accuracy >= 0",
        "order_by": ["metrics.accuracy DESC"],
        "max_results": 10,
    }
    read = []
    for more in (40, 80):
        filled(more)
        found = counted("POST", f"{MLFLOW}/runs/search", search)
        read.append((found.requests, found.by_name["Query"], found.by_name["BatchGetItem"]))
    assert read[0] == read[1]
    assert read[0][0] <= 5


@pytest.mark.parametrize(("shown", "requests", "items"), [(1, 5, 7), (10, 5, 27), (100, 6, 232)])
def test_a_search_reads_as_much_as_it_shows_and_one_more(shown: int, requests: int, items: int) -> None:
    filled(150)
    search = {
        "experiment_ids": ["0"],
        "filter": "metrics.accuracy > 9",
        "order_by": ["metrics.accuracy DESC"],
        "max_results": shown,
    }
    found = counted("POST", f"{MLFLOW}/runs/search", search)
    assert found.requests <= requests
    assert found.items <= items


def test_a_search_of_few_runs_asks_no_more_than_one_of_many() -> None:
    search = {
        "experiment_ids": ["0"],
        "filter": "metrics.accuracy > 2",
        "order_by": ["metrics.accuracy DESC"],
    }
    filled(5)
    found = counted("POST", f"{MLFLOW}/runs/search", search)
    assert (found.requests, found.by_name["Query"], found.by_name["BatchGetItem"]) == (5, 2, 1)


def test_a_run_and_its_history_are_read_at_once() -> None:
    run_id = filled(1)
    for first in range(0, 3000, 1000):
        metrics = [
            {"key": "loss", "value": step, "timestamp": step, "step": step}
            for step in range(first, first + 1000)
        ]
        ask("POST", f"{MLFLOW}/runs/log-batch", {"run_id": run_id, "metrics": metrics})
    assert counted("GET", f"{MLFLOW}/runs/get?run_id={run_id}").requests <= 2
    history = counted("GET", f"{MLFLOW}/metrics/get-history?run_id={run_id}&metric_key=loss")
    assert history.requests <= 4
