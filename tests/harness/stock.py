"""A stock MLflow server, as its users install it, and what fills it: over REST, without the package."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from tests.clients.environment import python_of

API: Final = "/api/2.0/mlflow"
FILES: Final = "/api/2.0/mlflow-artifacts/artifacts"
_START_SECONDS: Final = 300
_KEYS: Final = ("loss", "accuracy")


class StockNotStartedError(RuntimeError):
    """The server ended, or did not answer in time; the text is what it wrote."""


@contextmanager
def stock(folder: Path, environment: str = "mlflow-3.17", *, workers: int = 1) -> Iterator[str]:
    """A server with its data in `folder`; its address."""
    python = python_of(environment)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(python),
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        str(workers),
    ]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/stock.db",
        "--artifacts-destination",
        f"{folder}/files",
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "AWS_"))}
    kept |= {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": f"{python.parent}:{os.environ['PATH']}"}
    log = folder / "stock.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, env=kept, cwd=folder, stdout=written, stderr=subprocess.STDOUT, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, url, log)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@dataclass(frozen=True, slots=True)
class Size:
    runs: int
    points_of_run: int
    models: int
    experiments: int = 4


def fill(url: str, size: Size, name: str) -> list[str]:
    """Fill the server; experiments and models are named `<name> <number>`. The ids of the runs."""
    with httpx.Client(base_url=url, timeout=120) as http, ThreadPoolExecutor(4) as pool:
        experiments = [
            _post(http, "experiments/create", {"name": f"{name} {number}"})["experiment_id"]
            for number in range(size.experiments)
        ]
        ids = list(
            pool.map(lambda at: _run(http, experiments[at % len(experiments)], at, size), range(size.runs))
        )
        list(pool.map(lambda at: _model(http, f"{name} {at}", ids[at % len(ids)]), range(size.models)))
        _post(http, "runs/delete", {"run_id": ids[1]})
        _post(http, "experiments/delete", {"experiment_id": experiments[-1]})
    return ids


def _run(http: httpx.Client, experiment_id: str, at: int, size: Size) -> str:
    chance = random.Random(at)  # noqa: S311 - the same each time
    body = {"experiment_id": experiment_id, "start_time": 1_700_000_000_000 + at, "run_name": f"run {at}"}
    info = _post(http, "runs/create", body)["run"]["info"]
    metrics = [
        {
            "key": _KEYS[point % 2],
            "value": chance.random(),
            "timestamp": 1_700_000_000_000 + point,
            "step": point,
        }
        for point in range(size.points_of_run)
    ]
    params = [{"key": "depth", "value": str(at)}, {"key": "empty", "value": ""}]
    tags = [{"key": "team", "value": "größe"}]
    _post(
        http, "runs/log-batch", {"run_id": info["run_id"], "metrics": metrics, "params": params, "tags": tags}
    )
    # Every hundredth file is large enough to go in parts.
    content = chance.randbytes(12_000_000 if at % 100 == 0 else 1000)
    root = info["artifact_uri"].partition(":/")[2].strip("/")
    http.put(f"{FILES}/{root}/model/weights {at % 3}.bin", content=content).raise_for_status()
    body = {"run_id": info["run_id"], "status": "FINISHED", "end_time": 1_700_000_100_000 + at}
    _post(http, "runs/update", body)
    return str(info["run_id"])


def _model(http: httpx.Client, name: str, run_id: str) -> None:
    _post(http, "registered-models/create", {"name": name, "description": "of old"})
    for number in ("1", "2", "3"):
        source = f"runs:/{run_id}/model"
        _post(http, "model-versions/create", {"name": name, "source": source, "run_id": run_id})
        if number == "2":
            gone = {"name": name, "version": "2"}
            http.request("DELETE", f"{API}/model-versions/delete", json=gone).raise_for_status()
    stage = {"name": name, "version": "3", "stage": "Production", "archive_existing_versions": False}
    _post(http, "model-versions/transition-stage", stage)
    _post(http, "registered-models/alias", {"name": name, "alias": "champion", "version": "3"})


def _post(http: httpx.Client, path: str, body: Any) -> Any:
    answer = http.post(f"{API}/{path}", json=body)
    if answer.is_error:
        raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")
    return answer.json()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=2).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.3)
    raise StockNotStartedError(log.read_text())
