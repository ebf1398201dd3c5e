"""What a model costs: memory while and after it is loaded, a look-up, and a run by one thread or two."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnx
import onnxruntime

from shelflife.contracts.models import Signature
from shelflife.serving.model_cache import LruModels
from shelflife.serving.sessions import OnnxModel
from tests.bench.measure import Figure, seconds
from tests.fakes.onnx_models import PREDICTION, input_of, reference_of
from tests.fakes.serving import MemoryModels

_MEGABYTES = 64
_RUNS = {1: 2000, 1000: 100, 10_000: 30}
_WIDTH = 64
_LOOK_UPS = 10_000
#: Megabytes that the process takes beside the model: allocators, the session's own.
_BESIDE = 24.0


def run() -> list[Figure]:
    return [*_memory(), _look_up(), *_threads()]


def _memory() -> list[Figure]:
    """onnxruntime itself holds the file beside what it makes of it for a moment; nothing else holds it."""
    content = _lookup(_MEGABYTES * 1024 * 1024 // 4)
    signature = Signature(inputs=(input_of("x"),), outputs=(PREDICTION,))
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        Path(file.name).write_bytes(content)
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.model_memory", file.name],
            input=reference_of(content, signature).model_dump_json(),
            capture_output=True,
            text=True,
            check=True,
        )
    after, highest = json.loads(done.stdout)
    name = f"memory of a model of {_MEGABYTES} MiB"
    size = len(content) / 1e6
    return [
        Figure(name, after, "MB", budget=size + _BESIDE),
        Figure(f"{name}, highest", highest, "MB", budget=2 * size + _BESIDE),
    ]


def _look_up() -> Figure:
    signature = Signature(inputs=tuple(input_of(f"x{at}") for at in range(20)), outputs=(PREDICTION,))
    reference = reference_of(b"model", signature)
    stored = MemoryModels({reference.candidate.model.sha256: OnnxModel(None, signature)})
    models = LruModels(stored, 1000, lambda: 0.0)

    def look_up() -> None:
        for _ in range(_LOOK_UPS):
            models.load(reference)

    took = median(seconds(look_up) for _ in range(5)) / _LOOK_UPS * 1e6
    return Figure("look-up of a model in memory", took, "us", budget=10, runs=5 * _LOOK_UPS)


def _threads() -> list[Figure]:
    content = _product(_WIDTH * 1024, width=_WIDTH)
    sessions = {threads: _session(content, threads) for threads in (1, 2)}
    figures = []
    for rows, runs in _RUNS.items():
        feed = {"x": np.ones((rows, _WIDTH), dtype=np.float32)}
        # In turn, so that both see the same machine.
        took = {threads: [0.0] * runs for threads in sessions}
        for at in range(runs):
            for threads, session in sessions.items():
                took[threads][at] = seconds(lambda session=session, feed=feed: session.run(None, feed))  # type: ignore[misc]
        ratio = median(took[2]) / median(took[1])
        figures.append(Figure(f"{rows} rows by two threads over one", ratio, "x", runs=runs))
    return figures


def _session(content: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _product(weights: int, *, width: int) -> bytes:
    """The highest value of a product of `x`, of that width, with so many weights."""
    make = onnx.helper.make_node
    nodes = [make("MatMul", ["x", "w"], ["all"]), make("ReduceMax", ["all"], [PREDICTION.name], axes=[1])]
    return _content(nodes, np.linspace(-1, 1, weights, dtype=np.float32).reshape(width, -1), width)


def _lookup(weights: int) -> bytes:
    """The highest value of row `x` of so many weights: all are kept, and few are touched."""
    make = onnx.helper.make_node
    nodes = [
        make("Cast", ["x"], ["row"], to=onnx.TensorProto.INT64),
        make("Gather", ["w", "row"], ["all"], axis=0),
        make("ReduceMax", ["all"], [PREDICTION.name], axes=[2], keepdims=0),
    ]
    return _content(nodes, np.linspace(-1, 1, weights, dtype=np.float32).reshape(4096, -1), 1)


def _content(nodes: list[onnx.NodeProto], values: "np.ndarray[Any, Any]", width: int) -> bytes:
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, size])
        for name, size in {"x": width, PREDICTION.name: 1}.items()
    ]
    weights = [onnx.numpy_helper.from_array(values, "w")]
    graph = onnx.helper.make_graph(nodes, "model", ends[:1], ends[1:], weights)
    opsets = [onnx.helper.make_opsetid("", 17)]
    return bytes(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
