"""From the start of a process until a door is imported and its first request is answered.

Beside it, the libraries that it needs alone, without a request. What answers is a server on loopback that has
nothing to say. First writes are measured for the doors that write most.
"""

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from infra.build.layers import BUILT, ROOT
from tests.bench.measure import Figure, repeated
from tests.bench.serving.places import PROGRAMS, built, runtime_path

_RUNS = repeated(15)
_SHARE = 1.3
_DOORS = (
    "tracking/api",
    "tracking/artifacts",
    "tracking/logged_models",
    "tracking/pages",
    "tracking/graphql",
    "registry/api",
    "tracing/api",
)
_WRITING = ("tracking/api", "registry/api")
_LAYERS = {"tracking/graphql": ("core", "runtime", "graphql")}
_ENVIRONMENT = {
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "POWERTOOLS_SERVICE_NAME": "bench",
    "LAMBDA_TASK_ROOT": "/var/task",
}


def run() -> list[Figure]:
    built()
    with _silent() as url:
        return _figures(url)


def _figures(url: str) -> list[Figure]:
    born = [("-", "read"), *((name, "read") for name in _DOORS), *((name, "write") for name in _WRITING)]
    taken: dict[tuple[str, str], list[float]] = {one: [] for one in born}
    for turn in range(_RUNS + 1):
        for (name, first), found in taken.items():
            took = _birth(name, first, url)
            if turn:
                found.append(took)
    medians = {one: statistics.median(found) for one, found in taken.items()}
    alone = medians.pop(("-", "read"))
    figures = [Figure("boto3's client, pydantic and powertools alone", alone * 1000, "ms", None, _RUNS)]
    for (name, first), took in medians.items():
        # The queries of the pages have a library of their own; no client waits for it.
        budget = None if name in _LAYERS else _SHARE
        figures += [
            Figure(f"{name}, a first {first}", took * 1000, "ms", None, _RUNS),
            Figure(f"{name}, a first {first}, of those alone", took / alone, "", budget),
        ]
    return figures


def _birth(name: str, first: str, url: str) -> float:
    layers = [BUILT / "local" / layer / "python" for layer in _LAYERS.get(name, ("core", "runtime"))]
    folder = "-" if name == "-" else str(ROOT / "functions" / name)
    command = [sys.executable, "-I", "-S", str(PROGRAMS / "cold_door.py"), folder, first]
    command += map(str, [*layers, *runtime_path()])
    environ = {
        **_ENVIRONMENT,
        "AWS_ENDPOINT_URL": url,
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
    }
    began = time.perf_counter()
    done = subprocess.run(command, env=environ, check=False, capture_output=True)
    took = time.perf_counter() - began
    if done.stderr != b"ready\n":
        raise RuntimeError(done.stderr.decode())
    return took


@contextmanager
def _silent() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Nothing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Nothing(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
