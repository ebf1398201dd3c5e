"""The Open Inference Protocol's descriptions: of the server, of models, of their configuration."""

from typing import Any

from shelflife.contracts.models import Datatype, ModelVersionReference, Tensor
from shelflife.serving.tensors import Readiness

SERVER = {
    "name": "shelflife",
    "version": "0.1.0",
    "extensions": [
        "binary_tensor_data",
        "classification",
        "model_configuration",
        "model_repository",
        "statistics",
    ],
}
#: The protocol's name for ONNX models, and Triton's.
PLATFORM = "onnx_onnxv1"
_TRITON_PLATFORM = "onnxruntime_onnx"


def metadata(name: str, reference: ModelVersionReference, versions: list[int]) -> dict[str, Any]:
    signature = reference.candidate.signature
    return {
        "name": name,
        "versions": [str(version) for version in versions],
        "platform": PLATFORM,
        "inputs": [_described(tensor) for tensor in signature.inputs],
        "outputs": [_described(tensor) for tensor in signature.outputs],
    }


def configuration(name: str, reference: ModelVersionReference) -> dict[str, Any]:
    """Triton's form; rows of several requests are not put together, so `max_batch_size` is 0."""
    signature = reference.candidate.signature
    return {
        "name": name,
        "platform": _TRITON_PLATFORM,
        "backend": "onnxruntime",
        "version_policy": {"specific": {"versions": [reference.version]}},
        "max_batch_size": 0,
        "input": [_configured(tensor) for tensor in signature.inputs],
        "output": [_configured(tensor) for tensor in signature.outputs],
    }


def readiness_form(readiness: Readiness) -> dict[str, Any]:
    """The protocol's form of readiness, and in case of no also its form of an error."""
    form = {"name": readiness.name, "ready": readiness.ready}
    return form if readiness.ready else form | {"error": readiness.reason}


def _described(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype.value, "shape": list(tensor.shape)}


def _configured(tensor: Tensor) -> dict[str, Any]:
    kind = "STRING" if tensor.datatype is Datatype.BYTES else tensor.datatype.value
    return {"name": tensor.name, "data_type": f"TYPE_{kind}", "dims": list(tensor.shape)}
