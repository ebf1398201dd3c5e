"""What is asked of MLflow servers, and how: over a new connection each time, or over one that is kept."""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

API: Final = "/api/2.0/mlflow"
FILTER: Final = "metrics.accuracy > 0.9"
ORDER: Final = "metrics.accuracy DESC"
PAGE: Final = 100
BEGAN: Final = 1_795_161_600_000
_FILLING: Final = 8


@dataclass
class Server:
    """An MLflow server: a stock one, or ours."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    experiment: str = ""
    run: str = ""

    def __post_init__(self) -> None:
        self._kept = httpx.Client(base_url=self.url, headers=self.headers, timeout=120)

    def close(self) -> None:
        self._kept.close()

    def post(self, path: str, body: Any) -> Any:
        return _told(self._kept.post(f"{API}/{path}", json=body))

    def seconds(self, call: Callable[[httpx.Client], httpx.Response], *, kept: bool) -> float:
        """How long the call takes; a new connection is part of it, making a client is not."""
        if kept:
            return _timed(call, self._kept)
        with httpx.Client(base_url=self.url, headers=self.headers, timeout=120) as fresh:
            return _timed(call, fresh)

    def fill(self, runs: int) -> None:
        """Runs with accuracies even between 0 and 1 in an experiment."""
        self.experiment = self.post("experiments/create", {"name": f"bench {time.time_ns()}"})[
            "experiment_id"
        ]
        with ThreadPoolExecutor(_FILLING) as pool:
            list(pool.map(lambda at: self._filled(at, runs), range(runs)))

    def add_history(self) -> None:
        """One run with many values of a metric, and with a hundred metrics."""
        self.run = self.new_run(10**6)
        for first in range(0, HISTORY, 1000):
            points = [_metric("loss", 1 / (step + 1), step) for step in range(first, first + 1000)]
            self.post("runs/log-batch", {"run_id": self.run, "metrics": points})
        hundred = [_metric(f"m{at}", at, 0) for at in range(100)]
        self.post("runs/log-batch", {"run_id": self.run, "metrics": hundred})

    def new_run(self, at: int) -> str:
        body = {"experiment_id": self.experiment, "start_time": BEGAN + at, "run_name": f"run {at}"}
        run_id: str = self.post("runs/create", body)["run"]["info"]["run_id"]
        return run_id

    def _filled(self, at: int, runs: int) -> None:
        body = {
            "run_id": self.new_run(at),
            "metrics": [_metric("accuracy", at / runs, 0)],
            "params": [{"key": "depth", "value": str(at % 10)}],
        }
        self.post("runs/log-batch", body)


HISTORY: Final = 10_000


def create(server: Server) -> Callable[[httpx.Client], httpx.Response]:
    body = {"experiment_id": server.experiment, "start_time": BEGAN}
    return lambda http: http.post(f"{API}/runs/create", json=body)


def log_batch(server: Server) -> Callable[[httpx.Client], httpx.Response]:
    """A hundred metrics of the run, at a step that it does not have yet."""
    step = random.randrange(1, 10**9)  # noqa: S311 - no secret
    body = {"run_id": server.run, "metrics": [_metric(f"m{at}", at, step) for at in range(100)]}
    return lambda http: http.post(f"{API}/runs/log-batch", json=body)


def get_run(server: Server) -> Callable[[httpx.Client], httpx.Response]:
    return lambda http: http.get(f"{API}/runs/get", params={"run_id": server.run})


def get_history(server: Server) -> Callable[[httpx.Client], httpx.Response]:
    asked: dict[str, str | int] = {"run_id": server.run, "metric_key": "loss", "max_results": 25_000}
    return lambda http: http.get(f"{API}/metrics/get-history", params=asked)


def search(server: Server) -> Callable[[httpx.Client], httpx.Response]:
    body = {
        "experiment_ids": [server.experiment],
        "filter": FILTER,
        "order_by": [ORDER],
        "max_results": PAGE,
    }
    return lambda http: http.post(f"{API}/runs/search", json=body)


def together(servers: Sequence[Server], clients: int, calls: int) -> list[list[float]]:
    """The seconds of searches that several clients ask for at once, for each server by itself.

    Each client's first does not count: some of ours meet an environment that is only made for them.
    """

    def asked(server: Server) -> list[float]:
        def client(_: int) -> list[float]:
            with httpx.Client(base_url=server.url, headers=server.headers, timeout=120) as http:
                return [_timed(search(server), http) for _ in range(calls + 1)][1:]

        with ThreadPoolExecutor(clients) as pool:
            return [one for found in pool.map(client, range(clients)) for one in found]

    return [asked(server) for server in servers]


def _timed(call: Callable[[httpx.Client], httpx.Response], http: httpx.Client) -> float:
    began = time.perf_counter()
    answer = call(http)
    took = time.perf_counter() - began
    _told(answer)
    return took


def _told(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise RuntimeError(f"{answer.request.url}: {answer.status_code} {answer.text[:300]}")
    return answer.json()


def _metric(key: str, value: float, step: int) -> dict[str, Any]:
    return {"key": key, "value": value, "timestamp": BEGAN + step, "step": step}
