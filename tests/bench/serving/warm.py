"""One row, warm, in this process: everything that `serving/predict` does, above the model's own run.

An authorized event goes in; routing, decoding, prediction, handing the capture over, log line, metrics and
the answer are in the figure. What Lambda lets it do after the answer (entry/after.py) is a figure of its own:
the capture's message, without its network call, for its client is told that SQS took it.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import botocore.client
import onnxruntime

from functions.serving.predict.handler import door, handler
from tests.bench.measure import Figure, repeated
from tests.bench.serving.asking import as_matrix, by_name, event
from tests.bench.serving.cloud import cloud
from tests.bench.serving.models import BenchModel, model
from tests.bench.serving.quiet import quiet
from tests.harness.events import LambdaContext

_BUDGET = 120.0
_ROUNDS = repeated(40)
_CALLS = 50
_CONTEXT = LambdaContext()


def run() -> list[Figure]:
    trees, linear, mlp = model("trees"), model("linear"), model("mlp")
    cases = {
        "trees, 10 tensors": (trees, by_name(trees, 1)),
        "trees, one matrix": (trees, as_matrix(trees, 1)),
        "linear pipeline, 12 tensors": (linear, by_name(linear, 1)),
        "MLP, matrix of 64": (mlp, as_matrix(mlp, 1)),
    }
    with quiet(), cloud(trees, linear, mlp), queue_that_takes_everything():
        works = {name: ways(asked, body) for name, (asked, body) in cases.items()}
        return [figure for name, three in works.items() for figure in _figures(name, *three)]


def _figures(name: str, *works: Callable[[], object]) -> list[Figure]:
    alone, answer, whole = interleaved(*works)
    return [
        Figure(f"session.run: {name}", alone, "µs", runs=_ROUNDS),
        Figure(f"the product path above it: {name}", answer - alone, "µs", _BUDGET, _ROUNDS),
        Figure(f"after the answer: {name}", whole - answer, "µs", runs=_ROUNDS),
    ]


def ways(asked: BenchModel, body: bytes) -> tuple[Callable[[], object], ...]:
    """The model's own run; the answer, as whoever asked waits for it; that, and what follows it.

    What the second leaves to be sent, the third's first call sends: which no quartile shows.
    """
    told = event(asked.name, body)
    answer = handler(told, _CONTEXT)
    if answer["statusCode"] != 200:
        raise RuntimeError(answer["body"])
    return bare_run(asked, 1), lambda: door.handle(told, _CONTEXT), lambda: handler(told, _CONTEXT)


def bare_run(asked: BenchModel, rows: int) -> Callable[[], object]:
    """The model's own run, as the product's session does it: one thread, outputs by name."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(asked.content, options, providers=["CPUExecutionProvider"])
    names = [tensor.name for tensor in asked.signature.outputs]
    feed = {name: values.reshape(-1, 1) for name, values in asked.rows(rows).items()}
    return lambda: session.run(names, feed)


def interleaved(*works: Callable[[], object], rounds: int = _ROUNDS, calls: int = _CALLS) -> list[float]:
    """Microseconds of each, taken by turns: the median over the rounds of a round's best quarter's last.

    Other processes only ever add time, and what they add to a quarter of a round they seldom add to all.
    """
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, times in zip(works, taken, strict=True):
            times.append(_lower_quartile(work, calls))
    return [statistics.median(times) * 1e6 for times in taken]


def _lower_quartile(work: Callable[[], object], calls: int) -> float:
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return sorted(times)[calls // 4]


@contextmanager
def queue_that_takes_everything() -> Iterator[None]:
    """SQS is not called: what is left of a capture's hand-over is all up to botocore's own work."""
    real = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: Any, operation: str, asked: dict[str, Any]) -> Any:
        if self.meta.service_model.service_name != "sqs":
            return real(self, operation, asked)
        return {"Successful": [{"Id": one["Id"]} for one in asked.get("Entries", ())], "Failed": []}

    botocore.client.BaseClient._make_api_call = call  # type: ignore[attr-defined]
    try:
        yield
    finally:
        botocore.client.BaseClient._make_api_call = real  # type: ignore[attr-defined]
