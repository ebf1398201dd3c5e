"""1,000 and 10,000 rows through the handler, beside a plain one that decodes with numpy and runs.

Nothing is captured here but where it is said: a plain handler captures nothing. Bodies fit into 6 MB.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime

from functions.serving.predict.handler import handler
from tests.bench.measure import Figure, repeated
from tests.bench.serving.asking import BINARY_HEADER, SPEAKS_BINARY, as_binary, as_matrix, event
from tests.bench.serving.cloud import UNCAPTURED, cloud
from tests.bench.serving.models import BenchModel, model
from tests.bench.serving.quiet import quiet
from tests.bench.serving.warm import interleaved, queue_that_takes_everything
from tests.harness.events import LambdaContext

_ROUNDS = repeated(9)
_CALLS = 4
_JSON_SHARE = 0.9
_BINARY_SHARE = 0.95
_COUNTS = (1_000, 10_000)
_CONTEXT = LambdaContext()
Event = dict[str, Any]


def run() -> list[Figure]:
    trees = model("trees")
    plain = Plain(trees)
    figures = []
    with quiet(), cloud(trees), queue_that_takes_everything():
        for count in _COUNTS:
            figures += _json(trees, plain, count)
            figures += _binary(trees, plain, count) if SPEAKS_BINARY else []
    return figures


class Plain:
    """A handler of thirty lines: no names, no checks, no log, no capture."""

    def __init__(self, asked: BenchModel) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            asked.content, options, providers=["CPUExecutionProvider"]
        )
        self._names = [tensor.name for tensor in asked.signature.inputs]

    def json(self, told: Event) -> Event:
        (tensor,) = json.loads(told["body"])["inputs"]
        answer = self._run(np.array(tensor["data"], dtype=np.float32).reshape(tensor["shape"]))
        output = _output(answer) | {"data": answer.ravel().tolist()}
        return {"statusCode": 200, "headers": {}, "body": json.dumps({"outputs": [output]})}

    def binary(self, told: Event) -> Event:
        body = base64.b64decode(told["body"])
        length = int(told["headers"][BINARY_HEADER])
        (tensor,) = json.loads(body[:length])["inputs"]
        answer = self._run(np.frombuffer(body, np.float32, offset=length).reshape(tensor["shape"]))
        output = _output(answer) | {"parameters": {"binary_data_size": answer.nbytes}}
        head = json.dumps({"outputs": [output]}).encode()
        return {
            "statusCode": 200,
            "headers": {BINARY_HEADER: str(len(head))},
            "body": base64.b64encode(head + answer.tobytes()).decode(),
            "isBase64Encoded": True,
        }

    def _run(self, rows: Any) -> Any:
        feed = {name: rows[:, at : at + 1] for at, name in enumerate(self._names)}
        return self._session.run(None, feed)[0]


def _output(answer: Any) -> dict[str, Any]:
    return {"name": "prediction", "datatype": "FP32", "shape": list(answer.shape)}


def _json(trees: BenchModel, plain: Plain, count: int) -> list[Figure]:
    body = as_matrix(trees, count)
    told, captured = event(f"{trees.name}{UNCAPTURED}", body), event(trees.name, body)
    works = (_product(told), lambda: plain.json(told), _product(captured))
    ours, theirs, whole = interleaved(*works, rounds=_ROUNDS, calls=_CALLS)
    return [
        Figure(f"{count} rows, JSON", count / ours * 1e6, "rows/s", runs=_ROUNDS),
        Figure(
            f"{count} rows, JSON, time of a plain handler's", ours / theirs, "x", 1 / _JSON_SHARE, _ROUNDS
        ),
        Figure(f"{count} rows, JSON, every row captured", count / whole * 1e6, "rows/s", runs=_ROUNDS),
    ]


def _binary(trees: BenchModel, plain: Plain, count: int) -> list[Figure]:
    told = event(f"{trees.name}{UNCAPTURED}", *as_binary(trees, count))
    ours, theirs = interleaved(_product(told), lambda: plain.binary(told), rounds=_ROUNDS, calls=_CALLS)
    share = 1 / _BINARY_SHARE
    return [
        Figure(f"{count} rows, binary", count / ours * 1e6, "rows/s", runs=_ROUNDS),
        Figure(f"{count} rows, binary, time of a plain handler's", ours / theirs, "x", share, _ROUNDS),
    ]


def _product(told: Event) -> Callable[[], object]:
    answer = handler(told, _CONTEXT)
    if answer["statusCode"] != 200:
        raise RuntimeError(answer["body"])
    return lambda: handler(told, _CONTEXT)
