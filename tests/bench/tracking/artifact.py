"""A large file through MLflow's own client: in parts straight to and from S3, and proxied by a stock server.

Ours signs addresses, and the client sends the parts to them: here the emulator's S3, whose speed says nothing
of AWS's. A stock server takes and gives the whole file itself.
"""

import filecmp
import os
import secrets
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from mlflow import MlflowClient

from tests.bench.measure import Figure, repeated, seconds
from tests.bench.tracking.asking import Server
from tests.bench.tracking.beside_stock import ours, stock_server

_MEGABYTES = int(os.environ.get("BENCH_ARTIFACT_MB", "1024"))
_TURNS = repeated(3)
_MEGABYTE = 1 << 20


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, stock_server() as theirs, ours() as our:
        file = Path(folder, "weights.bin")
        with file.open("wb") as written:
            for _ in range(_MEGABYTES):
                written.write(secrets.token_bytes(_MEGABYTE))
        servers = {"stock, proxied": theirs, "ours, in parts to S3": our.server}
        taken: dict[tuple[str, str], list[float]] = {}
        for _ in range(_TURNS):
            for name, server in servers.items():
                for way, took in zip(("up", "down"), _there_and_back(server, file), strict=True):
                    taken.setdefault((way, name), []).append(took)
    return list(_told({key: statistics.median(found) for key, found in taken.items()}))


def _told(medians: dict[tuple[str, str], float]) -> Iterator[Figure]:
    for (way, name), median in medians.items():
        yield Figure(f"{_MEGABYTES} MB {way}: {name}", median, "s", None, _TURNS)
    for way in ("up", "down"):
        their, our = (median for (known, _), median in medians.items() if known == way)
        yield Figure(f"{_MEGABYTES} MB {way}: ours of stock's", our / their, "")


def _there_and_back(server: Server, file: Path) -> tuple[float, float]:
    run_id = server.post("runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
    with _client(server) as client, tempfile.TemporaryDirectory() as folder:
        up = seconds(partial(client.log_artifact, run_id, str(file)))
        down = seconds(partial(client.download_artifacts, run_id, file.name, folder))
        if not filecmp.cmp(file, Path(folder, file.name), shallow=False):
            raise RuntimeError("what came back is something else")
        client.delete_run(run_id)
    return up, down


@contextmanager
def _client(server: Server) -> Iterator[MlflowClient]:
    token = server.headers.get("Authorization", "").removeprefix("Bearer ")
    told = {
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        # Clients before 3.18 send what is smaller as a whole, which no gateway takes.
        "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(10 * _MEGABYTE),
    }
    kept = dict(os.environ)
    os.environ |= {name: value for name, value in told.items() if value}
    try:
        yield MlflowClient(server.url)
    finally:
        os.environ.clear()
        os.environ.update(kept)
