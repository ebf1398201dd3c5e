"""Small ONNX models with their held-out rows, stored as a training leaves them."""

import hashlib
import io
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from shelflife.aws.clients import client
from shelflife.aws.objects import Objects
from shelflife.contracts.data import StoredObject
from shelflife.contracts.models import Candidate, Datatype, Signature, Task, Tensor
from tests.harness.models import candidate

OPSETS = [helper.make_opsetid("", 17)]


def line(slope: float = 2.0, offset: float = 1.0) -> bytes:
    """``prediction = slope * x + offset``; `season` is asked for and not used."""
    nodes = [
        helper.make_node("Mul", ["x", "slope"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["prediction"]),
    ]
    constants = {"slope": slope, "offset": offset}
    graph = helper.make_graph(
        nodes,
        "line",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1]),
            helper.make_tensor_value_info("season", TensorProto.STRING, [None, 1]),
        ],
        [helper.make_tensor_value_info("prediction", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor(name, TensorProto.FLOAT, [1], [value]) for name, value in constants.items()],
    )
    return _bytes(graph)


LINE = Signature(
    inputs=(
        Tensor(name="x", datatype=Datatype.FP32, shape=(-1, 1)),
        Tensor(name="season", datatype=Datatype.BYTES, shape=(-1, 1)),
    ),
    outputs=(Tensor(name="prediction", datatype=Datatype.FP32, shape=(-1, 1)),),
)


def sign() -> bytes:
    """A classifier of x's sign: ``probabilities = softmax([-x, x])``, ``label`` 0 or 1."""
    nodes = [
        helper.make_node("Neg", ["x"], ["minus"]),
        helper.make_node("Concat", ["minus", "x"], ["both"], axis=1),
        helper.make_node("Softmax", ["both"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "sign",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2]),
        ],
    )
    return _bytes(graph)


SIGN = Signature(
    inputs=(Tensor(name="x", datatype=Datatype.FP32, shape=(-1, 1)),),
    outputs=(
        Tensor(name="label", datatype=Datatype.INT64, shape=(-1,)),
        Tensor(name="probabilities", datatype=Datatype.FP32, shape=(-1, 2)),
    ),
    classes=("0", "1"),
)


def npz(**columns: Any) -> bytes:
    archive = io.BytesIO()
    np.savez(archive, **columns)
    return archive.getvalue()


def rows(count: int = 40, *, slope: float = 2.0, offset: float = 1.0, noise: float = 0.5) -> bytes:
    """Rows about a line; the noise is alternating, so that the best line is known."""
    x = np.linspace(-5, 5, count, dtype=np.float32)
    target = slope * x.astype(np.float64) + offset + noise * np.where(np.arange(count) % 2, 1.0, -1.0)
    return npz(x=x, season=np.array(["spring", ""] * (count // 2)), target=target)


def stored(uri: str, body: bytes) -> StoredObject:
    Objects(client("s3")).write(uri, body)
    return StoredObject(uri=uri, sha256=hashlib.sha256(body).hexdigest(), size_bytes=len(body))


def trained(bucket: str, job_id: str = "job-1", **changes: Any) -> Candidate:
    """A candidate whose model (`model`) and held-out rows (`holdout`) are really there."""
    folder = f"s3://{bucket}/training/{job_id}"
    plain: dict[str, Any] = {"job_id": job_id, "task": Task.REGRESSION, "target": "y", "signature": LINE}
    files = {
        "model": stored(f"{folder}/model.onnx", changes.pop("model", line())),
        "holdout": stored(f"{folder}/holdout.npz", changes.pop("holdout", rows())),
    }
    return candidate(**plain | files | changes)


def _bytes(graph: Any) -> bytes:
    # The newest that onnxruntime of the layer and onnx of the training image both know.
    return bytes(helper.make_model(graph, opset_imports=OPSETS, ir_version=8).SerializeToString())
