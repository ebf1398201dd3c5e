"""The Open Inference Protocol's JSON form of requests, answers and metadata.

Two things that JSON or the protocol leave open: a null is a missing value, as is the literal NaN that
Python's encoder writes; an answer's value that is no number (NaN, infinity) is null.
"""

import json
from collections.abc import Mapping
from itertools import chain
from math import isfinite, nan, prod
from typing import Any

from shelflife.contracts.models import ModelVersionReference, Tensor
from shelflife.serving.errors import InvalidRequestError, InvalidTensorError
from shelflife.serving.tensors import InferenceRequest, InputTensor, Prediction, Readiness

SERVER = {"name": "shelflife", "version": "0.1.0", "extensions": []}
#: The protocol's name for ONNX models.
PLATFORM = "onnx_onnxv1"
#: A capture's key and message hold the id, so it cannot be as long as the body may be.
LONGEST_ID = 256
#: With this header, tensors follow the JSON as bytes.
_BINARY = "inference-header-content-length"
_SHOWN = 60
_WHOLE = frozenset((int,))


def _constant(text: str) -> float:
    if text == "NaN":
        return nan
    raise InvalidRequestError("body", f"{text} is no value of a tensor")


_decode = json.JSONDecoder(parse_constant=_constant).decode
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def read_request(raw: bytes, headers: Mapping[str, str]) -> InferenceRequest:
    """The request in the body; headers have lower-case names.

    Raises:
        InvalidRequestError: it is not JSON, or not a request.
        InvalidTensorError: a tensor's elements are not as many as its shape says.
    """
    if _BINARY in headers:
        raise InvalidRequestError("body", "binary tensors are not read: send the tensors' data as JSON")
    body = _json(raw)
    inputs = body.get("inputs")
    if type(inputs) is not list or not inputs:
        raise InvalidRequestError("inputs", f"expected a list of tensors, got {_shown(inputs)}")
    return InferenceRequest(
        id=_id(body.get("id")),
        inputs=[_tensor(at, tensor) for at, tensor in enumerate(inputs)],
        outputs=_outputs(body["outputs"]) if body.get("outputs") else None,
    )


def answer_text(prediction: Prediction) -> str:
    """The answer's JSON."""
    outputs = [
        {
            "name": tensor.name,
            "datatype": tensor.datatype.value,
            "shape": list(array.shape),
            "data": array.tolist() if array.ndim == 1 else array.ravel().tolist(),
        }
        for tensor, array in prediction.outputs
    ]
    answer = {
        "model_name": prediction.deployment,
        "model_version": str(prediction.model_version),
        "id": prediction.id,
        "outputs": outputs,
    }
    try:
        return _encode(answer)
    except ValueError:
        for output in outputs:
            output["data"] = [_finite(value) for value in output["data"]]
        return _encode(answer)


def metadata(name: str, reference: ModelVersionReference, versions: list[int]) -> dict[str, Any]:
    signature = reference.candidate.signature
    return {
        "name": name,
        "versions": [str(version) for version in versions],
        "platform": PLATFORM,
        "inputs": [_described(tensor) for tensor in signature.inputs],
        "outputs": [_described(tensor) for tensor in signature.outputs],
    }


def readiness_form(readiness: Readiness) -> dict[str, Any]:
    """The protocol's form of readiness, and in case of no also its form of an error."""
    form = {"name": readiness.name, "ready": readiness.ready}
    return form if readiness.ready else form | {"error": readiness.reason}


def _json(raw: bytes) -> dict[str, Any]:
    try:
        body = _decode(raw.decode())
    except RecursionError as error:
        raise InvalidRequestError("body", "the JSON is nested too deep") from error
    except ValueError as error:
        # Also what is not UTF-8, and numbers of thousands of digits.
        raise InvalidRequestError("body", f"expected JSON: {error}") from error
    if type(body) is not dict:
        raise InvalidRequestError("body", f"expected a JSON object, got {_shown(body)}")
    return body


def _id(found: Any) -> str | None:
    if found is None or found == "":
        return None
    if type(found) is not str or len(found) > LONGEST_ID or not found.isprintable():
        raise InvalidRequestError(
            "id", f"expected printable text of {LONGEST_ID} characters at the most, got {_shown(found)}"
        )
    return found


def _outputs(found: Any) -> list[str]:
    if type(found) is not list or any(
        type(one) is not dict or type(one.get("name")) is not str for one in found
    ):
        raise InvalidRequestError("outputs", f'expected a list of {{"name": …}}, got {_shown(found)}')
    return [one["name"] for one in found]


def _tensor(at: int, found: Any) -> InputTensor:
    if type(found) is not dict or type(found.get("name")) is not str:
        raise InvalidRequestError(f"inputs.{at}", f'expected a tensor with a "name", got {_shown(found)}')
    name, shape, datatype, data = found["name"], found.get("shape"), found.get("datatype"), found.get("data")
    if type(shape) is not list or not _WHOLE.issuperset(map(type, shape)) or min(shape, default=0) < 0:
        raise InvalidTensorError(name, f'expected a "shape" of whole numbers, got {_shown(shape)}')
    if type(datatype) is not str:
        raise InvalidTensorError(name, f'expected a "datatype", got {_shown(datatype)}')
    if type(data) is not list:
        raise InvalidTensorError(name, f'expected a list as "data", got {_shown(data)}')
    if data and type(data[0]) is list:
        data = _flat(name, shape, data)
    if len(data) != (size := prod(shape)):
        raise InvalidTensorError(name, f"has {len(data)} values, its shape {shape} asks for {size}")
    return InputTensor(name, datatype, shape, data)


def _flat(name: str, shape: list[int], data: list[Any]) -> list[Any]:
    """The elements of nested lists, each level as long as the shape says."""
    if len(data) != shape[0] if shape else True:
        raise InvalidTensorError(name, f"has {len(data)} rows, its shape is {shape}")
    for size in shape[1:]:
        for at, row in enumerate(data):
            if type(row) is not list or len(row) != size:
                raise InvalidTensorError(name, f"expected {size} values at {at}, got {_shown(row)}")
        data = list(chain.from_iterable(data))
    return data


def _described(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype.value, "shape": list(tensor.shape)}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


def _shown(value: Any) -> str:
    """The beginning of a value; a long one is never written out whole."""
    if isinstance(value, list | dict):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"
    text = "nothing" if value is None else repr(value) if not isinstance(value, str) else repr(value[:_SHOWN])
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
