"""One row through the whole local path, beside the gateway's own cost."""

import statistics
import tempfile
import time
from pathlib import Path

import httpx

from infra.installation import Installation
from tests.bench.measure import Figure

_REQUESTS = 300


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        installation = Installation(Path(folder), lambda _: None)
        endpoints = installation.start()
        try:
            with httpx.Client(
                base_url=endpoints.api_url, headers={"Authorization": f"Bearer {endpoints.token}"}, timeout=30
            ) as client:
                live = _median(client, "/v2/health/live")
                known = _median(client, "/v1/access/me")
        finally:
            installation.stop()
    return [
        Figure("GET /v2/health/live through the gateway", live, "ms", runs=_REQUESTS),
        Figure("GET /v1/access/me, authorized", known, "ms", runs=_REQUESTS),
    ]


def _median(client: httpx.Client, path: str) -> float:
    took = []
    for _ in range(_REQUESTS + 5):
        began = time.perf_counter()
        client.get(path).raise_for_status()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took[5:])
