"""Small ONNX models with known answers, and candidates made of them."""

import hashlib
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from shelflife.contracts.data import StoredObject
from shelflife.contracts.models import (
    Candidate,
    DatasetReference,
    Datatype,
    ModelVersionReference,
    Signature,
    Task,
    Tensor,
)

_TYPES = {
    Datatype.BOOL: TensorProto.BOOL,
    Datatype.UINT8: TensorProto.UINT8,
    Datatype.UINT16: TensorProto.UINT16,
    Datatype.UINT32: TensorProto.UINT32,
    Datatype.UINT64: TensorProto.UINT64,
    Datatype.INT8: TensorProto.INT8,
    Datatype.INT16: TensorProto.INT16,
    Datatype.INT32: TensorProto.INT32,
    Datatype.INT64: TensorProto.INT64,
    Datatype.FP16: TensorProto.FLOAT16,
    Datatype.FP32: TensorProto.FLOAT,
    Datatype.FP64: TensorProto.DOUBLE,
    Datatype.BYTES: TensorProto.STRING,
}


def input_of(name: str, datatype: Datatype = Datatype.FP32) -> Tensor:
    return Tensor(name=name, datatype=datatype, shape=(-1, 1))


#: What the text "winter" counts as.
WINTER = 10.0
PREDICTION = Tensor(name="prediction", datatype=Datatype.FP32, shape=(-1, 1))


def summing(*features: Tensor, bias: float = 0.0) -> tuple[bytes, Signature]:
    """`prediction` is the sum of all features, and `bias`; the text "winter" counts as 10, other as 0."""
    nodes: list[Any] = []
    parts = []
    for at, feature in enumerate(features):
        if feature.datatype is Datatype.BYTES:
            encoder = {"keys_strings": ["winter"], "values_floats": [WINTER], "default_float": 0.0}
            nodes.append(
                helper.make_node(
                    "LabelEncoder", [feature.name], [f"part{at}"], domain="ai.onnx.ml", **encoder
                )
            )
        else:
            nodes.append(helper.make_node("Cast", [feature.name], [f"part{at}"], to=TensorProto.FLOAT))
        parts.append(f"part{at}")
    nodes += [
        helper.make_node("Sum", parts, ["total"]),
        helper.make_node("Add", ["total", "bias"], ["prediction"]),
    ]
    constant = onnx.numpy_helper.from_array(np.array([bias], dtype=np.float32), "bias")
    return _content(features, (PREDICTION,), nodes, [constant]), Signature(
        inputs=features, outputs=(PREDICTION,)
    )


def classifying(classes: tuple[str, ...] = ("no", "yes")) -> tuple[bytes, Signature]:
    """`label` is "yes" where feature `x` is over 0.5; `probabilities` are 1 - x and x."""
    label = Tensor(name="label", datatype=Datatype.BYTES, shape=(-1,))
    probabilities = Tensor(name="probabilities", datatype=Datatype.FP32, shape=(-1, 2))
    constants = [
        onnx.numpy_helper.from_array(np.array([1.0], dtype=np.float32), "one"),
        helper.make_tensor("names", TensorProto.STRING, [2], [name.encode() for name in classes]),
    ]
    nodes = [
        helper.make_node("Sub", ["one", "x"], ["rest"]),
        helper.make_node("Concat", ["rest", "x"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["best"], axis=1, keepdims=0),
        helper.make_node("Gather", ["names", "best"], ["label"]),
    ]
    features = (input_of("x"),)
    content = _content(features, (label, probabilities), nodes, constants)
    return content, Signature(inputs=features, outputs=(label, probabilities), classes=classes)


def echoing(*tensors: Tensor) -> tuple[bytes, Signature]:
    """Each output `<name>_out` is the input of that name, whatever its type and shape."""
    outputs = tuple(tensor.model_copy(update={"name": f"{tensor.name}_out"}) for tensor in tensors)
    nodes = [
        helper.make_node("Identity", [given.name], [answered.name])
        for given, answered in zip(tensors, outputs, strict=True)
    ]
    return _content(tensors, outputs, nodes, []), Signature(inputs=tensors, outputs=outputs)


def perceptron(inputs: int = 64, hidden: int = 16) -> tuple[bytes, Signature]:
    """A network with one input matrix [-1, inputs]; `prediction` is of fixed random weights."""
    generator = np.random.default_rng(7)
    weights = {
        "w1": generator.normal(size=(inputs, hidden)).astype(np.float32) / inputs,
        "w2": generator.normal(size=(hidden, 1)).astype(np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["h1"]),
        helper.make_node("Relu", ["h1"], ["h2"]),
        helper.make_node("MatMul", ["h2", "w2"], ["prediction"]),
    ]
    given = [onnx.numpy_helper.from_array(values, name) for name, values in weights.items()]
    features = (Tensor(name="x", datatype=Datatype.FP32, shape=(-1, inputs)),)
    return _content(features, (PREDICTION,), nodes, given), Signature(inputs=features, outputs=(PREDICTION,))


def stored(uri: str, content: bytes) -> StoredObject:
    return StoredObject(uri=uri, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))


def reference_of(
    content: bytes,
    signature: Signature,
    *,
    version: int = 1,
    model_name: str = "bikes",
    bucket: str = "artifacts",
    baseline: StoredObject | None = None,
) -> ModelVersionReference:
    """The version as the registry would tell of it; nothing is written anywhere."""
    folder = f"s3://{bucket}/training/job-{version}"
    candidate = Candidate(
        model_name=model_name,
        task=Task.CLASSIFICATION if signature.classes else Task.REGRESSION,
        target="target",
        signature=signature,
        model=stored(f"{folder}/model.onnx", content),
        baseline=baseline,
        holdout=stored(f"{folder}/holdout.npz", b"holdout"),
        metrics={"mae": 1.5},
        run_id="0" * 32,
        job_id=f"job-{version}",
        dataset=DatasetReference(name="rides", version=1),
    )
    return ModelVersionReference(model_name=model_name, version=version, candidate=candidate)


def _content(inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...], nodes: list[Any], given: Any) -> bytes:
    graph = helper.make_graph(
        nodes, "model", [_described(one) for one in inputs], [_described(one) for one in outputs], given
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return bytes(model.SerializeToString())


def _described(tensor: Tensor) -> Any:
    shape = [None if size == -1 else size for size in tensor.shape]
    return helper.make_tensor_value_info(tensor.name, _TYPES[tensor.datatype], shape)
