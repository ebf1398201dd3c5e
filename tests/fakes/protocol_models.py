"""ONNX models as others export them: every datatype of the protocol, several inputs and outputs, any rank."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper

from shelflife.contracts.models import Datatype, Signature, Task, Tensor

ONNX_TYPES = {
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
NUMERIC = tuple(datatype for datatype in Datatype if datatype is not Datatype.BYTES)
#: Texts can be put together since opset 20.
_OPSETS = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 2)]
_IR = 9
_SPECIES = ("setosa", "versicolor", "virginica", "überall")


@dataclass(frozen=True)
class OnnxModel:
    content: bytes
    signature: Signature
    task: Task = Task.REGRESSION


def numbers() -> OnnxModel:
    """Every datatype but text: `<datatype>_same` is what came, and a few are computed with beside."""
    inputs = tuple(_tensor(datatype.lower(), datatype, 3) for datatype in NUMERIC)
    nodes = [helper.make_node("Identity", [tensor.name], [f"{tensor.name}_same"]) for tensor in inputs] + [
        helper.make_node("Mul", ["fp32", "fp32"], ["fp32_squared"]),
        helper.make_node("Div", ["fp64", "three"], ["fp64_third"]),
        helper.make_node("Neg", ["int32"], ["int32_negative"]),
        helper.make_node("Not", ["bool"], ["bool_not"]),
    ]
    outputs = (
        *(_tensor(f"{tensor.name}_same", tensor.datatype, 3) for tensor in inputs),
        _tensor("fp32_squared", Datatype.FP32, 3),
        _tensor("fp64_third", Datatype.FP64, 3),
        _tensor("int32_negative", Datatype.INT32, 3),
        _tensor("bool_not", Datatype.BOOL, 3),
    )
    return _model(inputs, outputs, nodes, {"three": np.array([3.0])})


def texts() -> OnnxModel:
    """`both` puts two texts together, `same` is what came, `season` counts known words."""
    inputs = (
        _tensor("left", Datatype.BYTES, 1),
        _tensor("right", Datatype.BYTES, 1),
        _tensor("wide", Datatype.BYTES, 2),
    )
    outputs = (
        _tensor("both", Datatype.BYTES, 1),
        _tensor("same", Datatype.BYTES, 2),
        _tensor("season", Datatype.INT64, 1),
    )
    words: dict[str, Any] = {"keys_strings": ["spring", "été"], "values_int64s": [1, 2], "default_int64": -1}
    nodes = [
        helper.make_node("StringConcat", ["left", "right"], ["both"]),
        helper.make_node("Identity", ["wide"], ["same"]),
        helper.make_node("LabelEncoder", ["left"], ["season"], domain="ai.onnx.ml", **words),
    ]
    return _model(inputs, outputs, nodes, {})


def mlp(width: int = 64, hidden: int = 32, answers: int = 8) -> OnnxModel:
    """One matrix in, one out."""
    random = np.random.default_rng(64)
    weights = {
        "first": random.normal(size=(width, hidden)).astype(np.float32),
        "first_bias": random.normal(size=hidden).astype(np.float32),
        "second": random.normal(size=(hidden, answers)).astype(np.float32),
        "second_bias": random.normal(size=answers).astype(np.float32),
    }
    nodes = [
        helper.make_node("Gemm", ["x", "first", "first_bias"], ["inner"]),
        helper.make_node("Relu", ["inner"], ["active"]),
        helper.make_node("Gemm", ["active", "second", "second_bias"], ["y"]),
    ]
    return _model(
        (_tensor("x", Datatype.FP32, width),), (_tensor("y", Datatype.FP32, answers),), nodes, weights
    )


def images() -> OnnxModel:
    """A table per row in; its transpose and its sum out."""
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("ReduceSum", ["pixels", "axes"], ["total"], keepdims=0),
    ]
    outputs = (_tensor("turned", Datatype.FP32, 3, 4), _tensor("total", Datatype.FP32))
    axes = {"axes": np.array([1, 2], dtype=np.int64)}
    return _model((_tensor("pixels", Datatype.FP32, 4, 3),), outputs, nodes, axes)


def features(scale: float = 1.0) -> OnnxModel:
    """A regression as training leaves it, one tensor per feature: a weighted sum, times the scale."""
    names = ("temp", "hum", "hour", "windspeed")
    nodes = [helper.make_node("Mul", [name, f"{name}_weight"], [f"{name}_part"]) for name in names] + [
        helper.make_node("Sum", [f"{name}_part" for name in names], ["sum"]),
        helper.make_node("Mul", ["sum", "scale"], ["prediction"]),
    ]
    weights = {
        f"{name}_weight": np.array([weight], dtype=np.float32)
        for name, weight in zip(names, (0.1, -2.5, 3.3, 0.7), strict=True)
    }
    inputs = tuple(_tensor(name, Datatype.FP32, 1) for name in names)
    outputs = (_tensor("prediction", Datatype.FP32, 1),)
    return _model(inputs, outputs, nodes, weights | {"scale": np.array([scale], dtype=np.float32)})


def classifier() -> OnnxModel:
    """Four measures in; the label in words and the probabilities of four classes out."""
    random = np.random.default_rng(4)
    given = {
        "weights": random.normal(size=(4, len(_SPECIES))).astype(np.float32),
        "names": np.array(_SPECIES, dtype=object),
    }
    nodes = [
        helper.make_node("MatMul", ["measures", "weights"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["best"], axis=1, keepdims=0),
        helper.make_node("Gather", ["names", "best"], ["label"]),
    ]
    outputs = (
        _tensor("label", Datatype.BYTES),
        _tensor("probabilities", Datatype.FP32, len(_SPECIES)),
    )
    made = _model((_tensor("measures", Datatype.FP32, 4),), outputs, nodes, given)
    return OnnxModel(
        made.content, made.signature.model_copy(update={"classes": _SPECIES}), Task.CLASSIFICATION
    )


def _tensor(name: str, datatype: Datatype, *row: int) -> Tensor:
    return Tensor(name=name, datatype=datatype, shape=(-1, *row))


def _model(
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
    nodes: list[Any],
    given: Mapping[str, npt.NDArray[Any]],
) -> OnnxModel:
    constants = [numpy_helper.from_array(array, name) for name, array in given.items()]
    graph = helper.make_graph(
        nodes, "model", [_described(one) for one in inputs], [_described(one) for one in outputs], constants
    )
    model = helper.make_model(graph, opset_imports=_OPSETS, ir_version=_IR)
    return OnnxModel(bytes(model.SerializeToString()), Signature(inputs=inputs, outputs=outputs))


def _described(tensor: Tensor) -> Any:
    shape = [None if size == -1 else size for size in tensor.shape]
    return helper.make_tensor_value_info(tensor.name, ONNX_TYPES[tensor.datatype], shape)
