import json
import math
from typing import Any

import numpy as np
import pytest

from shelflife.kernel.errors import InvalidError
from shelflife.serving.answers import written_answer
from shelflife.serving.metadata import PLATFORM, SERVER, metadata
from shelflife.serving.oip import LONGEST_ID, read_request
from shelflife.serving.tensors import Prediction
from tests.fakes.onnx_models import PREDICTION, input_of, reference_of, summing


def tensor(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]} | changes


def read(body: Any, headers: dict[str, str] | None = None) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_request(raw, headers or {}).request


def test_a_request_is_read() -> None:
    asked = read(
        {
            "id": "42",
            "parameters": {"anything": 1},
            "inputs": [tensor(parameters={"content_type": "np"})],
            "outputs": [{"name": "prediction", "parameters": {"binary_data": False}}],
        }
    )
    assert asked.id == "42"
    assert asked.inputs == [("x", "FP32", [2], [1, 2])]
    assert asked.outputs == ["prediction"]


@pytest.mark.parametrize("changes", [{}, {"id": None}, {"id": ""}, {"outputs": []}, {"outputs": None}])
def test_what_is_optional_may_be_empty(changes: dict[str, Any]) -> None:
    asked = read({"inputs": [tensor()]} | changes)
    assert (asked.id, asked.outputs) == (None, None)


def test_data_may_be_nested_as_its_shape() -> None:
    asked = read({"inputs": [tensor(shape=[2, 3], data=[[1, 2, 3], [4, 5, 6]])]})
    assert asked.inputs[0].data == [1, 2, 3, 4, 5, 6]
    assert read({"inputs": [tensor(shape=[2, 1], data=[[1], [2]])]}).inputs[0].data == [1, 2]


def test_null_and_the_literal_nan_are_missing_values() -> None:
    asked = read(b'{"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [NaN, null]}]}')
    assert math.isnan(asked.inputs[0].data[0])
    assert asked.inputs[0].data[1] is None


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "body: expected JSON"),
        (b"{", "body: expected JSON"),
        (b"\xff\xfe", "body: expected JSON"),
        (b"[" * 100_000, "body: the JSON is nested too deep"),
        (b'{"inputs": ' + b"9" * 5000 + b"}", "body: expected JSON"),
        (b'{"inputs": [Infinity]}', "body: Infinity is no value"),
        ([], "body: expected a JSON object, got a list of 0"),
        ({}, "inputs: expected a list of tensors, got nothing"),
        ({"inputs": []}, "inputs: expected a list of tensors, got a list of 0"),
        ({"inputs": {"x": 1}}, "inputs: expected a list of tensors, got an object of 1"),
        ({"inputs": [3]}, "inputs.0: expected a tensor"),
        ({"inputs": [tensor(name=None)]}, "inputs.0: expected a tensor"),
        ({"inputs": [tensor(shape=None)]}, "tensor 'x': expected a \"shape\""),
        ({"inputs": [tensor(shape=[True])]}, "tensor 'x': expected a \"shape\""),
        ({"inputs": [tensor(shape=[-1])]}, "tensor 'x': expected a \"shape\""),
        ({"inputs": [tensor(shape=[1.5])]}, "tensor 'x': expected a \"shape\""),
        ({"inputs": [tensor(datatype=32)]}, "tensor 'x': expected a \"datatype\", got 32"),
        ({"inputs": [tensor(data="12")]}, "tensor 'x': expected a list as \"data\", got '12'"),
        ({"inputs": [tensor(data=[1, 2, 3])]}, "tensor 'x': has 3 values, its shape [2] asks for 2"),
        ({"inputs": [tensor(shape=[2, 2], data=[[1, 2], [3]])]}, "tensor 'x': expected 2 values at 1"),
        ({"inputs": [tensor(shape=[2, 2], data=[[1, 2], 3])]}, "tensor 'x': expected 2 values at 1, got 3"),
        ({"inputs": [tensor(shape=[3, 1], data=[[1], [2]])]}, "tensor 'x': has 2 rows, its shape is [3, 1]"),
        ({"inputs": [tensor(shape=[], data=[[1]])]}, "tensor 'x': has 1 rows, its shape is []"),
        ({"inputs": [tensor()], "id": 42}, "id: expected printable text"),
        ({"inputs": [tensor()], "id": "x" * (LONGEST_ID + 1)}, "id: expected printable text"),
        ({"inputs": [tensor()], "id": "\ud800"}, "id: expected printable text"),
        ({"inputs": [tensor()], "outputs": ["prediction"]}, "outputs: expected a list of"),
        ({"inputs": [tensor()], "outputs": 1}, "outputs: expected a list of"),
    ],
)
def test_what_is_wrong_is_named(body: Any, told: str) -> None:
    with pytest.raises(InvalidError) as caught:
        read(body)
    assert str(caught.value).startswith(told)
    assert caught.value.faults


def test_a_long_value_is_not_written_out() -> None:
    with pytest.raises(InvalidError) as caught:
        read({"inputs": [tensor(data="x" * 10_000)]})
    assert len(str(caught.value)) < 200


def answered(values: Any) -> Any:
    prediction = Prediction("7", "bikes", "v3", 3, 2, 2, [(PREDICTION, values)], 0.0)
    return json.loads(written_answer(prediction).body, parse_constant=pytest.fail)


def test_an_answer_has_the_protocols_form() -> None:
    assert answered(np.array([[1.5], [2]], dtype=np.float32)) == {
        "model_name": "bikes",
        "model_version": "3",
        "id": "7",
        "outputs": [{"name": "prediction", "datatype": "FP32", "shape": [2, 1], "data": [1.5, 2.0]}],
    }


def test_an_answer_that_is_no_number_is_null() -> None:
    values = np.array([[np.nan], [np.inf]], dtype=np.float32)
    assert answered(values)["outputs"][0]["data"] == [None, None]


def test_metadata_is_the_signature() -> None:
    _, signature = summing(input_of("x"))
    described = metadata("bikes", reference_of(b"", signature, version=3), [1, 3])
    assert described == {
        "name": "bikes",
        "versions": ["1", "3"],
        "platform": PLATFORM,
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 1]}],
        "outputs": [{"name": "prediction", "datatype": "FP32", "shape": [-1, 1]}],
    }
    assert SERVER.keys() == {"name", "version", "extensions"}
