"""One row through AWS's own runtime client and a loopback Runtime API, beside a handler that does nothing."""

import json
import statistics
from contextlib import ExitStack
from pathlib import Path

from tests.bench.measure import Figure, repeated
from tests.bench.serving.asking import as_matrix, event
from tests.bench.serving.cloud import Cloud, cloud
from tests.bench.serving.load import Load, closed_loop
from tests.bench.serving.models import model
from tests.bench.serving.places import FUNCTION, built, predict_path, with_client
from tests.bench.serving.quiet import quiet
from tests.bench.serving.runtime_api import environment

_ROUNDS = repeated(12)
_SECONDS = 0.4
_RATIO = 1.6


def run() -> list[Figure]:
    built()
    trees = model("trees")
    with quiet(), cloud(trees) as behind, ExitStack() as stack:
        told = json.dumps(event("trees", as_matrix(trees, 1))).encode()
        product = stack.enter_context(environment("stubbed.handler", *ours(behind)))
        whole = stack.enter_context(environment("handler.handler", *ours(behind)))
        size = len(json.loads(product.invoke(told))["body"])
        noop = stack.enter_context(environment("noop.handler", *noop_of(behind, size)))
        for one in (product, whole, noop):
            one.invoke(told)
        loads = [[closed_loop([one], _SECONDS) for one in (noop, product, whole)] for _ in range(_ROUNDS)]
    return _figures(loads)


def ours(behind: Cloud) -> tuple[list[Path], dict[str, str]]:
    """Search path and environment of `serving/predict`."""
    return with_client(*predict_path()), behind.environment(FUNCTION)


def noop_of(behind: Cloud, answer_bytes: int) -> tuple[list[Path], dict[str, str]]:
    return with_client(), behind.environment(FUNCTION) | {"BENCH_ANSWER_BYTES": str(answer_bytes)}


def _figures(loads: list[list[Load]]) -> list[Figure]:
    nothing, product, captured = (_microseconds([load[at] for load in loads]) for at in range(3))
    ratio = statistics.median([load[1].p50 / load[0].p50 for load in loads])
    return [
        Figure("no-op handler, same event and answer", nothing, "µs", runs=_ROUNDS),
        Figure("serving/predict, one row", product, "µs", runs=_ROUNDS),
        Figure("serving/predict, as a share of the no-op", ratio, "x", _RATIO, _ROUNDS),
        Figure("  and the capture's own call to a queue nearby", captured - product, "µs", runs=_ROUNDS),
    ]


def _microseconds(loads: list[Load]) -> float:
    return statistics.median(load.p50 for load in loads) * 1e6
