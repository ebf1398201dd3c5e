"""One ONNX graph from the two pieces of a fitted model.

Three things that a plain conversion gets wrong are set right here:

- thresholds of histogram boosting are rounded to the nearest 32-bit float, so rows that sit on one go the
  other way: they are rounded down beforehand, which changes no answer to 32-bit inputs;
- a regression's trees are summed in 32 bits, which is off by more than it may be where answers are near 0:
  they are written with 64-bit values and summed in 64 bits;
- a forest's tied votes fall to the first class in scikit-learn and, by rounding, to any class in the graph:
  its label is taken from probabilities rounded to about a millionth.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import convert_sklearn
from skl2onnx.common._registration import get_converter, get_shape_calculator
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

from shelflife.contracts.models import Datatype, Signature, Task, Tensor
from shelflife.training.job.errors import ConversionError
from shelflife.training.job.pipeline import Fitted
from shelflife.training.model import Algorithm

#: What runtimes of the last years all know.
OPSETS = {"": 17, "ai.onnx.ml": 3}
IR_VERSION = 8
#: Probabilities that are closer than one part of this are a tie.
TIE_PARTS = 2.0**20

_VALUES = {"nodes_values", "target_weights", "base_values"}
_TREES = (Algorithm.HIST_GRADIENT_BOOSTING, Algorithm.GRADIENT_BOOSTING, Algorithm.RANDOM_FOREST)


def signature_of(fitted: Fitted) -> Signature:
    checked = fitted.checked
    inputs = [Tensor(name=name, datatype=Datatype.FP32, shape=(-1, 1)) for name in checked.numeric]
    inputs += [Tensor(name=name, datatype=Datatype.BYTES, shape=(-1, 1)) for name in checked.categorical]
    if checked.plan.task is Task.REGRESSION:
        outputs = [Tensor(name="prediction", datatype=Datatype.FP32, shape=(-1, 1))]
        return Signature(inputs=tuple(inputs), outputs=tuple(outputs))
    label = Datatype.BYTES if isinstance(fitted.classes[0], str) else Datatype.INT64
    outputs = [
        Tensor(name="label", datatype=label, shape=(-1,)),
        Tensor(name="probabilities", datatype=Datatype.FP32, shape=(-1, len(fitted.classes))),
    ]
    classes = tuple(str(one) for one in fitted.classes)
    return Signature(inputs=tuple(inputs), outputs=tuple(outputs), classes=classes)


def to_onnx(fitted: Fitted) -> bytes:
    """The model as it will be served; the same fitted model gives the same bytes.

    Raises:
        ConversionError: scikit-learn has something that cannot be written.
    """
    try:
        model = _joined(fitted, _converted_features(fitted), _converted_estimator(fitted))
        onnx.checker.check_model(model)
    except (RuntimeError, NotImplementedError, ValueError, onnx.checker.ValidationError) as error:
        raise ConversionError(fitted.checked.plan.algorithm, str(error)) from error
    return bytes(model.SerializeToString(deterministic=True))


def _converted_features(fitted: Fitted) -> Any:
    numeric = [(f"n{place}", FloatTensorType([None, 1])) for place in range(len(fitted.checked.numeric))]
    texts = [(f"c{place}", StringTensorType([None, 1])) for place in range(len(fitted.checked.categorical))]
    return convert_sklearn(
        fitted.preprocess, initial_types=numeric + texts, name="features", target_opset=OPSETS
    ).graph


def _converted_estimator(fitted: Fitted) -> Any:
    plan, estimator = fitted.checked.plan, fitted.estimator
    _round_thresholds_down(estimator)
    width = [None, estimator.n_features_in_]
    if _in_doubles(fitted):
        options: dict[str, Any] = {"initial_types": [("prepared", DoubleTensorType(width))]}
    else:
        options = {"initial_types": [("prepared", FloatTensorType(width))]}
    if plan.task is Task.CLASSIFICATION:
        last = estimator.steps[-1][1] if plan.algorithm is Algorithm.LINEAR else estimator
        options["options"] = {id(last): {"zipmap": False}}
    if plan.algorithm in _TREES:
        doubles = _in_doubles(fitted)
        options["custom_conversion_functions"] = {
            type(estimator): _trees_converter(estimator, doubles=doubles)
        }
        options["custom_shape_calculators"] = {
            type(estimator): _one_float if doubles else _shape_of(estimator)
        }
    return convert_sklearn(estimator, name="estimator", target_opset=OPSETS, **options).graph


def _in_doubles(fitted: Fitted) -> bool:
    plan = fitted.checked.plan
    return plan.task is Task.REGRESSION or plan.algorithm is Algorithm.LINEAR


def _round_thresholds_down(estimator: Any) -> None:
    """For 32-bit x, ``x <= t`` and ``x <= (the next 32-bit float below t)`` are the same question."""
    for iteration in getattr(estimator, "_predictors", ()):
        for tree in iteration:
            exact = tree.nodes["num_threshold"]
            nearest = exact.astype(np.float32)
            below = np.nextafter(nearest, np.float32(-np.inf))
            tree.nodes["num_threshold"][:] = np.where(nearest > exact, below, nearest)


def _trees_converter(estimator: Any, *, doubles: bool) -> Callable[[Any, Any, Any], None]:
    convert = get_converter(_alias(estimator))
    return lambda scope, operator, container: convert(scope, operator, _Trees(container, doubles))


def _shape_of(estimator: Any) -> Callable[[Any], None]:
    shape: Callable[[Any], None] = get_shape_calculator(_alias(estimator))
    return shape


def _alias(estimator: Any) -> str:
    """What skl2onnx knows the estimator as."""
    return f"Sklearn{type(estimator).__name__}"


def _one_float(operator: Any) -> None:
    """A tree ensemble answers 32-bit floats, whatever it was given."""
    operator.outputs[0].type = FloatTensorType([None, 1])


@dataclass(frozen=True, slots=True)
class _Trees:
    """A converter's container that writes trees with the values that they have.

    With `doubles`, as version 3 of the operator, which takes 64-bit values as tensors; skl2onnx writes
    version 1, whose attributes have 32 bits. And it writes flags as booleans, which protobuf takes for
    integers only until version 7.
    """

    container: Any
    doubles: bool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.container, name)

    def add_node(self, op_type: str, inputs: Any, outputs: Any, **attributes: Any) -> None:
        if op_type.startswith("TreeEnsemble"):
            flags = attributes["nodes_missing_value_tracks_true"]
            attributes["nodes_missing_value_tracks_true"] = [int(flag) for flag in flags]
            if self.doubles:
                _in_tensors(attributes)
        self.container.add_node(op_type, inputs, outputs, **attributes)


def _in_tensors(attributes: dict[str, Any]) -> None:
    for name in _VALUES & attributes.keys():
        values = np.asarray(attributes.pop(name), dtype=np.float64).ravel()
        if values.size:
            attributes[f"{name}_as_tensor"] = numpy_helper.from_array(values, name)
    attributes.pop("nodes_hitrates", None)
    attributes["op_version"] = OPSETS["ai.onnx.ml"]


def _joined(fitted: Fitted, features: Any, estimator: Any) -> Any:
    """Both graphs as one, with the signature's names outside and names of its own inside."""
    signature = signature_of(fitted)
    inner = [f"n{place}" for place in range(len(fitted.checked.numeric))]
    inner += [f"c{place}" for place in range(len(fitted.checked.categorical))]
    given = {old: new.name for old, new in zip(inner, signature.inputs, strict=True)}
    first = _named(features, "features", given)
    second = _named(estimator, "estimator", {})
    handover = TensorProto.DOUBLE if _in_doubles(fitted) else TensorProto.FLOAT
    prepared = helper.make_node(
        "Cast", [_inside("features", features.output[0].name)], ["estimator/prepared"], to=handover
    )
    answers = _answers(fitted, [_inside("estimator", output.name) for output in estimator.output])
    graph = helper.make_graph(
        [*first.node, prepared, *second.node, *answers],
        "shelflife",
        [_value_info(tensor) for tensor in signature.inputs],
        [_value_info(tensor) for tensor in signature.outputs],
        [*first.initializer, *second.initializer, *_constants(fitted)],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="shelflife")


def _answers(fitted: Fitted, found: list[str]) -> Iterable[Any]:
    """The nodes that give the signature's outputs from the estimator's."""
    if fitted.checked.plan.task is Task.REGRESSION:
        yield helper.make_node("Cast", found, ["prediction"], to=TensorProto.FLOAT)
        return
    if fitted.checked.plan.algorithm is not Algorithm.RANDOM_FOREST:
        yield helper.make_node("Cast", [found[1]], ["probabilities"], to=TensorProto.FLOAT)
        yield helper.make_node("Identity", [found[0]], ["label"])
        return
    # A hundred times a hundredth is 1.0000001 in 32 bits.
    yield helper.make_node("Clip", [found[1], "label/none", "label/all"], ["probabilities"])
    yield helper.make_node("Mul", ["probabilities", "label/parts"], ["label/scaled"])
    yield helper.make_node("Round", ["label/scaled"], ["label/rounded"])
    yield helper.make_node("ArgMax", ["label/rounded"], ["label/place"], axis=1, keepdims=0)
    yield helper.make_node("Gather", ["label/classes", "label/place"], ["label"])


def _constants(fitted: Fitted) -> list[Any]:
    if (fitted.checked.plan.algorithm, fitted.checked.plan.task) != (
        Algorithm.RANDOM_FOREST,
        Task.CLASSIFICATION,
    ):
        return []
    texts = isinstance(fitted.classes[0], str)
    classes = np.array(fitted.classes, dtype=object if texts else np.int64)
    return [
        numpy_helper.from_array(np.array(0, dtype=np.float32), "label/none"),
        numpy_helper.from_array(np.array(1, dtype=np.float32), "label/all"),
        numpy_helper.from_array(np.array(TIE_PARTS, dtype=np.float32), "label/parts"),
        numpy_helper.from_array(classes, "label/classes"),
    ]


def _named(graph: Any, piece: str, given: dict[str, str]) -> Any:
    """The graph with every tensor and node named after its piece, but for the names that are given."""
    renamed = onnx.GraphProto()
    renamed.CopyFrom(graph)
    for node in renamed.node:
        node.name = _inside(piece, node.name)
        node.input[:] = [given.get(name) or _inside(piece, name) for name in node.input]
        node.output[:] = [_inside(piece, name) for name in node.output]
    for initializer in renamed.initializer:
        initializer.name = _inside(piece, initializer.name)
    return renamed


def _inside(piece: str, name: str) -> str:
    # An optional input that is left out has an empty name, and must keep it.
    return f"{piece}/{name}" if name else ""


def _value_info(tensor: Tensor) -> Any:
    kinds = {
        Datatype.FP32: TensorProto.FLOAT,
        Datatype.BYTES: TensorProto.STRING,
        Datatype.INT64: TensorProto.INT64,
    }
    shape = ["rows" if size == -1 else size for size in tensor.shape]
    return helper.make_tensor_value_info(tensor.name, kinds[tensor.datatype], shape)
