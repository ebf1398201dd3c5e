"""The signature of an ONNX model, read from its graph.

Numbers of fields and of element types are those of onnx.proto (IR version 3 and later).
"""

from collections.abc import Iterator

from shelflife.contracts.models import Datatype, Signature, Task, Tensor
from shelflife.registry.onnx_fields import MalformedModelError, first, of

#: ModelProto.graph; GraphProto.initializer, .input and .output.
GRAPH, INITIALIZER = 7, 5
_INPUT, _OUTPUT = 11, 12
#: TensorProto.name
_TENSOR_NAME = 8
#: ValueInfoProto.name and .type; TypeProto.tensor_type; its elem_type and shape; dim, and dim_value of that.
_NAME, _TYPE = 1, 2
_TENSOR_TYPE = 1
_ELEMENT, _SHAPE = 1, 2
_DIM, _DIM_VALUE = 1, 1
_LONGEST = 2**31
_ELEMENTS = {
    1: Datatype.FP32,
    2: Datatype.UINT8,
    3: Datatype.INT8,
    4: Datatype.UINT16,
    5: Datatype.INT16,
    6: Datatype.INT32,
    7: Datatype.INT64,
    8: Datatype.BYTES,
    9: Datatype.BOOL,
    10: Datatype.FP16,
    11: Datatype.FP64,
    12: Datatype.UINT32,
    13: Datatype.UINT64,
}
#: What a class is told as; a score is none of these.
_LABELS = {Datatype.INT64, Datatype.INT32, Datatype.BYTES, Datatype.BOOL}


class UnservableModelError(Exception):
    """Why a model cannot be served; the registry tells it as a reason, and never raises it to a caller."""


def signature_of(model: memoryview) -> Signature:
    """What the model takes and answers.

    Outputs that are no tensors with the rows first are left out: nobody can be answered with them.

    Raises:
        UnservableModelError: the file is no ONNX model, or not one that takes rows and answers them.
    """
    try:
        graph = _graph(model)
        weights = {
            name.text for tensor in of(graph, INITIALIZER) if (name := first(tensor.view, _TENSOR_NAME))
        }
        inputs = tuple(_input(name, info) for name, info in _values(graph, _INPUT) if name not in weights)
        outputs = tuple(
            tensor for name, info in _values(graph, _OUTPUT) if (tensor := _output(name, info)) is not None
        )
    except MalformedModelError as error:
        raise UnservableModelError(f"its file is no ONNX model: {error}") from error
    if not inputs or not outputs:
        what = "inputs" if not inputs else "outputs that are tensors with the rows first"
        raise UnservableModelError(f"its graph has no {what}")
    return Signature(inputs=inputs, outputs=outputs)


def task_of(signature: Signature) -> Task:
    """A model that answers a label and something else beside classifies; all others are taken to regress."""
    labels = [tensor for tensor in signature.outputs if tensor.datatype in _LABELS]
    return Task.CLASSIFICATION if labels and len(signature.outputs) > len(labels) else Task.REGRESSION


def _graph(model: memoryview) -> memoryview:
    graph = first(model, GRAPH)
    if graph is None:
        raise MalformedModelError("it has no graph")
    return graph.view


def _values(graph: memoryview, number: int) -> Iterator[tuple[str, memoryview]]:
    for field in of(graph, number):
        name = first(field.view, _NAME)
        if name is None:
            raise MalformedModelError("an input or output has no name")
        yield name.text, field.view


def _input(name: str, info: memoryview) -> Tensor:
    tensor = _tensor(info)
    if tensor is None:
        raise UnservableModelError(f"input {name!r} is no tensor of a known type")
    datatype, shape = tensor
    if not shape:
        raise UnservableModelError(f"input {name!r} has no rows: its shape is empty or not known")
    if shape[0] != -1:
        raise UnservableModelError(
            f"input {name!r} takes exactly {shape[0]} rows: "
            "export the model with a first dimension of any size"
        )
    return Tensor(name=name, datatype=datatype, shape=shape)


def _output(name: str, info: memoryview) -> Tensor | None:
    tensor = _tensor(info)
    if tensor is None or not tensor[1] or tensor[1][0] != -1:
        return None
    return Tensor(name=name, datatype=tensor[0], shape=tensor[1])


def _tensor(info: memoryview) -> tuple[Datatype, tuple[int, ...]] | None:
    """Datatype and shape; a size that is not a number is -1. Nothing of what is no tensor."""
    kind = first(info, _TYPE)
    tensor = first(kind.view, _TENSOR_TYPE) if kind else None
    element = first(tensor.view, _ELEMENT) if tensor else None
    if tensor is None or element is None or not isinstance(element.value, int):
        return None
    datatype, shape = _ELEMENTS.get(element.value), first(tensor.view, _SHAPE)
    if datatype is None:
        return None
    return datatype, tuple(_size(dim.view) for dim in of(shape.view, _DIM)) if shape else ()


def _size(dim: memoryview) -> int:
    told = first(dim, _DIM_VALUE)
    size = told.value if told else None
    return size if isinstance(size, int) and 0 < size < _LONGEST else -1
