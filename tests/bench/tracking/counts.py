"""What calls ask of DynamoDB: exact counts by the functions' own handlers on the emulator's tables.

Capacity units are told by the emulator, by DynamoDB's rules. A call is counted when it is warm: what a
process looks up once (the default experiment, the open segment) is known already.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from functions.registry.api.handler import handler as registry
from functions.tracking.api.handler import handler as api
from shelflife.tracking.wiring import tracking
from tests.bench.measure import Figure
from tests.bench.serving.quiet import quiet
from tests.bench.tracking.asking import API, FILTER, ORDER, PAGE
from tests.bench.tracking.tables import tables
from tests.harness.counting import Counted, counting
from tests.harness.events import LambdaContext, http_event

_RUNS = 1000
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Cost:
    """A call's name, what it asked for, and what writing the run's index entries afterwards asked for."""

    name: str
    call: Counted
    after: Counted | None = None


def run() -> list[Figure]:
    figures = []
    for cost in costs():
        for part, counted in (("", cost.call), (", its index entries", cost.after)):
            if counted is not None:
                figures += [
                    Figure(f"{cost.name}{part}: requests", counted.requests, ""),
                    Figure(f"{cost.name}{part}: items read", counted.items, ""),
                    Figure(f"{cost.name}{part}: read units", counted.reads, ""),
                    Figure(f"{cost.name}{part}: write units", counted.writes, ""),
                ]
    return figures


def costs() -> list[Cost]:
    """The cost of the calls that are made most."""
    with quiet(), tables():
        made = _ask(api, "POST", f"{API}/experiments/create", {"name": "counted"})
        experiment = made["experiment_id"]
        found = [_Calls(experiment).filled(at) for at in range(_RUNS)]
        return [*_Calls(experiment).of_runs(found[0]), *_of_registry(experiment, found[0])]


@dataclass(frozen=True, slots=True)
class _Calls:
    experiment: str

    def filled(self, at: int) -> str:
        run_id = self.created(at)
        metrics = [{"key": "accuracy", "value": at / _RUNS, "timestamp": 1, "step": 0}]
        _ask(api, "POST", f"{API}/runs/log-batch", {"run_id": run_id, "metrics": metrics})
        tracking().keep_index(run_id)
        return run_id

    def created(self, at: int) -> str:
        body = {"experiment_id": self.experiment, "start_time": at, "run_name": f"run {at}"}
        run_id: str = _ask(api, "POST", f"{API}/runs/create", body)["run"]["info"]["run_id"]
        return run_id

    def of_runs(self, some: str) -> list[Cost]:
        search = {
            "experiment_ids": [self.experiment],
            "filter": FILTER,
            "order_by": [ORDER],
            "max_results": PAGE,
        }
        created = {"experiment_id": self.experiment, "start_time": 1}
        return [
            _counted("create run", "POST", f"{API}/runs/create", created),
            self._logged("log-metric", 1),
            self._logged("log-batch of 100 metrics", 100),
            self._logged("log-batch of 1,000 metrics", 1000),
            _counted("get run", "GET", f"{API}/runs/get?run_id={some}"),
            _counted("search, first 100 of 1,000 runs", "POST", f"{API}/runs/search", search),
            self._history(),
        ]

    def _logged(self, name: str, count: int) -> Cost:
        run_id = self.created(10**6)
        tracking().keep_index(run_id)
        metrics = [{"key": f"m{at}", "value": at, "timestamp": 1, "step": 0} for at in range(count)]
        body = {"run_id": run_id, "metrics": metrics}
        cost = _counted(name, "POST", f"{API}/runs/log-batch", body)
        with counting() as after:
            tracking().keep_index(run_id)
        return Cost(name, cost.call, after)

    def _history(self) -> Cost:
        run_id = self.created(10**6)
        for first in range(0, 10_000, 1000):
            metrics = [
                {"key": "loss", "value": step, "timestamp": step, "step": step}
                for step in range(first, first + 1000)
            ]
            _ask(api, "POST", f"{API}/runs/log-batch", {"run_id": run_id, "metrics": metrics})
        asked = f"{API}/metrics/get-history?run_id={run_id}&metric_key=loss"
        return _counted("get-history of 10,000 points", "GET", asked)


def _of_registry(experiment: str, run_id: str) -> list[Cost]:
    name = {"name": "counted"}
    _ask(registry, "POST", f"{API}/registered-models/create", name)
    source = f"mlflow-artifacts:/{experiment}/{run_id}/artifacts/model"
    version = {**name, "source": source, "run_id": run_id}
    moved = {**name, "version": "1", "stage": "Production", "archive_existing_versions": True}
    alias = {**name, "alias": "champion", "version": "1"}
    return [
        _counted("create model version", "POST", f"{API}/model-versions/create", version, registry),
        _counted("transition stage", "POST", f"{API}/model-versions/transition-stage", moved, registry),
        _counted("set alias", "POST", f"{API}/registered-models/alias", alias, registry),
        _counted(
            "get version by alias",
            "GET",
            f"{API}/registered-models/alias?name=counted&alias=champion",
            None,
            registry,
        ),
    ]


def _counted(name: str, method: str, path: str, body: Any = None, handler: Handler = api) -> Cost:
    with counting() as counted:
        _ask(handler, method, path, body)
    return Cost(name, counted)


def _ask(handler: Handler, method: str, path: str, body: Any) -> Any:
    answer = handler(http_event(method, path, body), LambdaContext())
    if answer["statusCode"] != 200:
        raise RuntimeError(f"{path}: {answer['statusCode']} {answer['body'][:300]}")
    return json.loads(answer["body"])
