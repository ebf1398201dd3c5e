"""Requests as a gateway hands them on: the Open Inference Protocol's JSON, or binary tensors."""

import base64
import json
from typing import Any

import numpy as np

from shelflife.serving.metadata import SERVER
from tests.bench.serving.models import BenchModel
from tests.harness.events import http_event

#: Whether the server says that it reads binary tensors; if not, nothing is measured with them.
SPEAKS_BINARY = "binary_tensor_data" in SERVER["extensions"]
BINARY_HEADER = "inference-header-content-length"


def matrix_of(model: BenchModel, count: int) -> Any:
    """Rows of a numeric model, `[rows, features]`."""
    return np.column_stack(list(model.rows(count).values())).astype(np.float32)


def by_name(model: BenchModel, count: int) -> bytes:
    """One tensor per feature."""
    datatypes = {tensor.name: tensor.datatype.value for tensor in model.signature.inputs}
    inputs = [
        {"name": name, "shape": [count, 1], "datatype": datatypes[name], "data": values.tolist()}
        for name, values in model.rows(count).items()
    ]
    return json.dumps({"inputs": inputs}, separators=(",", ":")).encode()


def as_matrix(model: BenchModel, count: int) -> bytes:
    """All features as one tensor, its elements flat."""
    rows = matrix_of(model, count)
    tensor = {"name": "rows", "shape": list(rows.shape), "datatype": "FP32", "data": rows.ravel().tolist()}
    return json.dumps({"inputs": [tensor]}, separators=(",", ":")).encode()


def as_binary(model: BenchModel, count: int) -> tuple[bytes, int]:
    """The same with the elements as bytes behind the JSON, whose length is told too; so is the answer."""
    rows = matrix_of(model, count)
    tensor = {
        "name": "rows",
        "shape": list(rows.shape),
        "datatype": "FP32",
        "parameters": {"binary_data_size": rows.nbytes},
    }
    asked = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    head = json.dumps(asked, separators=(",", ":")).encode()
    return head + rows.tobytes(), len(head)


def event(deployment: str, body: bytes, header_length: int | None = None) -> dict[str, Any]:
    """An authorized request in API Gateway's format 2.0: text as text, anything else as base64."""
    made = http_event("POST", f"/v2/models/{deployment}/infer", role="viewer")
    if header_length is None:
        return made | {"body": body.decode()}
    made["headers"] |= {"content-type": "application/octet-stream", BINARY_HEADER: str(header_length)}
    return made | {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
