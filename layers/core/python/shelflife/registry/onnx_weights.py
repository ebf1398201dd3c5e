"""An ONNX model in one file: weights that lie beside it (MLflow's default) are put into it.

Only initializers of the main graph are looked at: `onnx` moves no others out.
"""

from collections.abc import Callable
from typing import NamedTuple

from shelflife.registry.onnx_fields import MalformedModelError, bytes_field, fields, of
from shelflife.registry.onnx_graph import GRAPH, INITIALIZER, UnservableModelError

#: TensorProto.raw_data, .external_data (StringStringEntryProto) and .data_location, of which 1 is EXTERNAL.
_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 9, 13, 14
_EXTERNAL = 1
_KEY, _VALUE = 1, 2
Parts = list["bytes | memoryview"]


class Outside(NamedTuple):
    """Where a tensor's bytes are: in a file beside the model's."""

    location: str
    offset: int
    length: int | None


def whole(model: memoryview, beside: Callable[[str], memoryview]) -> "bytes | memoryview":
    """The model with all its weights; `beside` reads a file next to the model's by its name.

    Raises:
        UnservableModelError: a file is not there, or too short.
    """
    try:
        if not any(True for graph in of(model, GRAPH) for _ in _outside_in(graph.view)):
            return model
        parts: Parts = []
        for field in fields(model):
            if field.number == GRAPH:
                parts += bytes_field(GRAPH, *_graph(field.view, beside))
            else:
                parts.append(field.raw)
        return b"".join(parts)
    except MalformedModelError as error:
        raise UnservableModelError(f"its file is no ONNX model: {error}") from error


def _outside_in(graph: memoryview) -> "list[Outside]":
    found = (_outside(tensor.view) for tensor in of(graph, INITIALIZER))
    return [outside for outside in found if outside is not None]


def _graph(graph: memoryview, beside: Callable[[str], memoryview]) -> Parts:
    parts: Parts = []
    for field in fields(graph):
        outside = _outside(field.view) if field.number == INITIALIZER else None
        if outside is None:
            parts.append(field.raw)
        else:
            parts += bytes_field(INITIALIZER, *_tensor(field.view, _bytes_of(outside, beside)))
    return parts


def _tensor(tensor: memoryview, data: memoryview) -> Parts:
    kept: Parts = [
        field.raw
        for field in fields(tensor)
        if field.number not in {_EXTERNAL_DATA, _DATA_LOCATION, _RAW_DATA}
    ]
    return [*kept, *bytes_field(_RAW_DATA, data)]


def _outside(tensor: memoryview) -> Outside | None:
    told: dict[str, str] = {}
    external = False
    for field in fields(tensor):
        if field.number == _DATA_LOCATION:
            external = field.value == _EXTERNAL
        elif field.number == _EXTERNAL_DATA:
            entry = {part.number: part.text for part in fields(field.view)}
            told[entry.get(_KEY, "")] = entry.get(_VALUE, "")
    if not external:
        return None
    try:
        length = told.get("length")
        return Outside(told["location"], int(told.get("offset", "0")), int(length) if length else None)
    except (KeyError, ValueError) as error:
        raise MalformedModelError(f"weights are outside of it, at {told}") from error


def _bytes_of(outside: Outside, beside: Callable[[str], memoryview]) -> memoryview:
    file = beside(outside.location)
    end = len(file) if outside.length is None else outside.offset + outside.length
    if not 0 <= outside.offset <= end <= len(file):
        raise UnservableModelError(f"weights are missing in its file {outside.location!r}")
    return file[outside.offset : end]
