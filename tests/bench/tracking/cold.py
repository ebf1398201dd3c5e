"""From the start of a process until a door is imported and has its client.

Beside it, the libraries that it needs alone.
"""

import os
import statistics
import subprocess
import sys
import time

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
_LAYERS = {"tracking/graphql": ("core", "runtime", "graphql")}
_ENVIRONMENT = {
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "POWERTOOLS_SERVICE_NAME": "bench",
}


def run() -> list[Figure]:
    built()
    taken: dict[str, list[float]] = {name: [] for name in ("-", *_DOORS)}
    for turn in range(_RUNS + 1):
        for name, found in taken.items():
            took = _birth(name)
            if turn:
                found.append(took)
    alone = statistics.median(taken["-"])
    figures = [Figure("boto3's client, pydantic and powertools alone", alone * 1000, "ms", None, _RUNS)]
    for name in _DOORS:
        took = statistics.median(taken[name])
        # The queries of the pages have a library of their own; no client waits for it.
        budget = None if name in _LAYERS else _SHARE
        figures += [
            Figure(f"{name}", took * 1000, "ms", None, _RUNS),
            Figure(f"{name}, of those alone", took / alone, "", budget),
        ]
    return figures


def _birth(name: str) -> float:
    layers = [BUILT / "local" / layer / "python" for layer in _LAYERS.get(name, ("core", "runtime"))]
    folder = "-" if name == "-" else str(ROOT / "functions" / name)
    command = [sys.executable, "-I", "-S", str(PROGRAMS / "cold_door.py"), folder]
    command += map(str, [*layers, *runtime_path()])
    environ = {**_ENVIRONMENT, "PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    began = time.perf_counter()
    done = subprocess.run(command, env=environ, check=False, capture_output=True)
    took = time.perf_counter() - began
    if done.stderr != b"ready\n":
        raise RuntimeError(done.stderr.decode())
    return took
