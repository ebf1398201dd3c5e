"""The Open Inference Protocol's requests: JSON, and tensors that follow it as bytes.

Two things that JSON or the protocol leave open: a null is a missing value, as is the literal NaN that
Python's encoder writes; an answer's value that is no number (NaN, infinity) is null.
"""

import json
from collections.abc import Mapping
from itertools import chain
from math import nan
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from shelflife.serving.binary import BinaryTensors
from shelflife.serving.errors import InvalidRequestError, InvalidTensorError
from shelflife.serving.tensors import InferenceRequest, InputTensor
from shelflife.serving.wording import shown, sizes

if TYPE_CHECKING:
    from shelflife.serving.tensors import Array

#: A capture's key and message hold the id, so it cannot be as long as the body may be.
LONGEST_ID = 256
#: No tensor of a model has as many dimensions.
LONGEST_SHAPE = 16
#: With this header, tensors follow the JSON as bytes.
HEADER_LENGTH = "Inference-Header-Content-Length"
_LENGTH_HEADER = HEADER_LENGTH.lower()
_BINARY_SIZE = "binary_data_size"
_LONGEST_NUMBER = 9


class OutputForm(NamedTuple):
    """How an output is to be answered: as bytes or JSON; as its `classes` highest values, or whole (0)."""

    binary: bool = False
    classes: int = 0


class Asked(NamedTuple):
    """A request with the forms of its answer: one for each output asked for, else one for all."""

    request: InferenceRequest
    forms: list[OutputForm] | None
    default: OutputForm


PLAIN = OutputForm()


def _constant(text: str) -> float:
    if text == "NaN":
        return nan
    raise InvalidRequestError("body", f"{text} is no value of a tensor")


_decode = json.JSONDecoder(parse_constant=_constant).decode


def read_request(raw: bytes, headers: Mapping[str, str]) -> Asked:
    """The request in the body; headers have lower-case names.

    Raises:
        InvalidRequestError: it is not JSON, or not a request.
        InvalidTensorError: a tensor's elements are not as many as its shape says.
    """
    binary = None
    if _LENGTH_HEADER in headers:
        length = _length(headers[_LENGTH_HEADER], len(raw))
        binary = BinaryTensors(raw, length)
        raw = raw[:length]
    body = read_json(raw)
    inputs = body.get("inputs")
    if type(inputs) is not list or not inputs:
        raise InvalidRequestError("inputs", f"expected a list of tensors, got {shown(inputs)}")
    request_id = _id(body.get("id"))
    tensors = [_tensor(at, tensor, binary) for at, tensor in enumerate(inputs)]
    if binary is not None:
        binary.end()
    default = PLAIN
    if body.get("parameters") is not None:
        default = OutputForm(_truth(_parameters(body["parameters"], "body"), "binary_data_output", False))
    if not body.get("outputs"):
        return Asked(InferenceRequest(request_id, tensors, None), None, default)
    names, forms = _outputs(body["outputs"], default)
    return Asked(InferenceRequest(request_id, tensors, names), forms, default)


def _length(text: str, size: int) -> int:
    known = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER
    if not known or not 0 < int(text) <= size:
        raise InvalidRequestError(
            HEADER_LENGTH,
            f"expected the length of the JSON, from 1 to the body's {size} bytes, got {shown(text)}",
        )
    return int(text)


def read_json(raw: bytes) -> dict[str, Any]:
    """The object that the body is.

    Raises:
        InvalidRequestError: it is none.
    """
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        body = _read_slowly(raw)
    if type(body) is not dict:
        raise InvalidRequestError("body", f"expected a JSON object, got {shown(body)}")
    return body


def _read_slowly(raw: bytes) -> Any:
    """What orjson refuses, and is read all the same (the literal NaN); or why it is no JSON."""
    try:
        return _decode(raw.decode())
    except RecursionError as error:
        raise InvalidRequestError("body", "the JSON is nested too deep") from error
    except ValueError as error:
        # Also what is not UTF-8, and numbers of thousands of digits.
        raise InvalidRequestError("body", f"expected JSON: {error}") from error


def _id(found: Any) -> str | None:
    if found is None or found == "":
        return None
    if type(found) is not str or len(found) > LONGEST_ID or not found.isprintable():
        raise InvalidRequestError(
            "id", f"expected printable text of {LONGEST_ID} characters at the most, got {shown(found)}"
        )
    return found


def _parameters(found: Any, of: str) -> dict[str, Any]:
    """What nobody here knows is passed over, as the protocol asks."""
    if found is None:
        return {}
    if type(found) is not dict:
        raise InvalidRequestError(f"{of}.parameters", f"expected an object, got {shown(found)}")
    return found


def _outputs(found: Any, default: OutputForm) -> tuple[list[str], list[OutputForm]]:
    if type(found) is not list or any(
        type(one) is not dict or type(one.get("name")) is not str for one in found
    ):
        raise InvalidRequestError("outputs", f'expected a list of {{"name": …}}, got {shown(found)}')
    return [one["name"] for one in found], [_form(one, default) for one in found]


def _form(output: dict[str, Any], default: OutputForm) -> OutputForm:
    parameters = _parameters(output.get("parameters"), "outputs")
    classes = parameters.get("classification", 0)
    if type(classes) is not int or classes < 0:
        raise InvalidRequestError(
            "outputs.parameters.classification", f"expected a number of classes, got {shown(classes)}"
        )
    return OutputForm(_truth(parameters, "binary_data", default.binary), classes)


def _truth(parameters: dict[str, Any], name: str, default: bool) -> bool:  # noqa: FBT001 - what a flag is
    found = parameters.get(name, default)
    if type(found) is not bool:
        raise InvalidRequestError(f"parameters.{name}", f"expected true or false, got {shown(found)}")
    return found


def _tensor(at: int, found: Any, binary: BinaryTensors | None) -> InputTensor:
    if type(found) is not dict or type(found.get("name")) is not str:
        raise InvalidRequestError(f"inputs.{at}", f'expected a tensor with a "name", got {shown(found)}')
    name, datatype, data = found["name"], found.get("datatype"), found.get("data")
    shape: Any = found.get("shape")
    size = _size(name, shape)
    if type(datatype) is not str:
        raise InvalidTensorError(name, f'expected a "datatype", got {shown(datatype)}')
    if "parameters" in found and _BINARY_SIZE in _parameters(found["parameters"], f"inputs.{at}"):
        return InputTensor(name, datatype, shape, _binary(found, binary))
    if type(data) is not list:
        raise InvalidTensorError(name, f'expected a list as "data", got {shown(data)}')
    if data and type(data[0]) is list:
        data = flattened(name, shape, data)
    if len(data) != size:
        raise InvalidTensorError(
            name, f"has {len(data)} values, its shape {sizes(shape)} asks for {shown(size)}"
        )
    return InputTensor(name, datatype, shape, data)


def _size(name: str, shape: Any) -> int:
    """How many elements a tensor of the shape has. A loop is faster here than what has a name for it."""
    if type(shape) is not list:
        raise InvalidTensorError(name, f'expected a "shape" of whole numbers, got {shown(shape)}')
    if len(shape) > LONGEST_SHAPE:
        raise InvalidTensorError(name, f"has {len(shape)} dimensions, expected {LONGEST_SHAPE} at the most")
    product = 1
    for size in shape:
        if type(size) is not int or size < 0:
            raise InvalidTensorError(name, f'expected a "shape" of whole numbers, got {shown(size)}')
        product *= size
    return product


def _binary(found: dict[str, Any], binary: BinaryTensors | None) -> "Array":
    if binary is None:
        raise InvalidTensorError(
            found["name"], f"has a {_BINARY_SIZE}, which asks for a header {HEADER_LENGTH}"
        )
    if "data" in found:
        raise InvalidTensorError(found["name"], f'has "data" and a {_BINARY_SIZE}: expected one of the two')
    size = found["parameters"][_BINARY_SIZE]
    return binary.take(found["name"], found["datatype"], found["shape"], size)


def flattened(name: str, shape: list[int], data: list[Any]) -> list[Any]:
    """The elements of nested lists, each level as long as the shape says."""
    if len(data) != shape[0] if shape else True:
        raise InvalidTensorError(name, f"has {len(data)} rows, its shape is {sizes(shape)}")
    for size in shape[1:]:
        for at, row in enumerate(data):
            if type(row) is not list or len(row) != size:
                raise InvalidTensorError(name, f"expected {size} values at {at}, got {shown(row)}")
        data = list(chain.from_iterable(data))
    return data
