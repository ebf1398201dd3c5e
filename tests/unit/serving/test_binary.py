import json
from typing import Any

import numpy as np
import onnxruntime
import pytest

from shelflife.contracts.models import Datatype, Tensor
from shelflife.kernel.errors import InvalidError
from shelflife.serving.answers import WrittenAnswer
from shelflife.serving.binary import BinaryTensors, written
from shelflife.serving.features import DTYPES
from tests.fakes import protocol_models
from tests.fakes.onnx_models import classifying, echoing, input_of, perceptron, summing
from tests.fakes.predicting import ServedWorld, binary_request

VALUES: dict[Datatype, list[Any]] = {
    Datatype.BOOL: [True, False, True],
    Datatype.FP16: [0.5, -65504.0, float("nan")],
    Datatype.FP32: [0.1, -3.4e38, float("nan")],
    Datatype.FP64: [0.1, -1.7e308, float("nan")],
    Datatype.BYTES: ["winter", "", "größe\x00日本"],
    **{
        kind: [0, int(np.iinfo(DTYPES[kind]).min), int(np.iinfo(DTYPES[kind]).max)]
        for kind in Datatype
        if kind.value.lstrip("U").startswith("INT")
    },
}


def tensor(name: str, datatype: Datatype = Datatype.FP32, *row: int) -> Tensor:
    return Tensor(name=name, datatype=datatype, shape=(-1, *row))


def array_of(datatype: Datatype, values: list[Any] | None = None) -> Any:
    return np.array(VALUES[datatype] if values is None else values, dtype=DTYPES[datatype])


def parts(answer: WrittenAnswer) -> tuple[Any, dict[str, Any]]:
    """The JSON of an answer, and its tensors, whichever way they came."""
    size = answer.header_length
    head = json.loads(answer.body if size is None else answer.body[:size])
    binary = BinaryTensors(answer.body if isinstance(answer.body, bytes) else b"", size or 0)
    arrays = {}
    for one in head["outputs"]:
        name, datatype, shape = one["name"], one["datatype"], one["shape"]
        if "data" in one:
            flat = array_of(Datatype(datatype), one["data"])
        else:
            flat = binary.take(name, datatype, shape, one["parameters"]["binary_data_size"])
        arrays[name] = flat.reshape(shape)
    binary.end()
    return head, arrays


def answered(world: ServedWorld, request: tuple[bytes, dict[str, str]]) -> tuple[Any, dict[str, Any]]:
    return parts(world.protocol.infer("bikes", *request)[1])


@pytest.mark.parametrize("datatype", list(Datatype))
@pytest.mark.parametrize("row", [(), (1,), (3,), (3, 1)])
def test_every_datatype_goes_both_ways_as_bytes(datatype: Datatype, row: tuple[int, ...]) -> None:
    world = ServedWorld(echoing(tensor("x", datatype, *row)))
    sent = array_of(datatype).reshape(-1, *row)
    request = binary_request({"x": (datatype, sent)}, id="7", parameters={"binary_data_output": True})
    head, arrays = answered(world, request)
    assert (head["id"], head["outputs"][0]["datatype"]) == ("7", datatype)
    assert (arrays["x_out"].dtype, arrays["x_out"].shape) == (sent.dtype, sent.shape)
    np.testing.assert_array_equal(arrays["x_out"], sent)


@pytest.mark.parametrize("datatype", list(Datatype))
def test_every_datatype_goes_both_ways_as_json(datatype: Datatype) -> None:
    world = ServedWorld(echoing(tensor("x", datatype, 3)))
    one = {"name": "x", "shape": [1, 3], "datatype": datatype, "data": [VALUES[datatype]]}
    _, arrays = answered(world, (json.dumps({"inputs": [one]}).encode(), {}))
    np.testing.assert_array_equal(arrays["x_out"], array_of(datatype).reshape(1, 3))


@pytest.mark.parametrize("datatype", list(Datatype))
def test_what_is_captured_of_bytes_is_what_would_be_captured_of_json(datatype: Datatype) -> None:
    world = ServedWorld(
        echoing(tensor("x", datatype, 1), tensor("y", datatype, 3), tensor("z", datatype, 3, 1))
    )
    column = array_of(datatype)[:1]
    wide = array_of(datatype).reshape(1, 3)
    tensors = {"x": (datatype, column), "y": (datatype, wide), "z": (datatype, wide.reshape(1, 3, 1))}
    answered(world, binary_request(tensors))
    inputs = [
        {"name": name, "datatype": datatype, "shape": list(array.shape), "data": array.ravel().tolist()}
        for name, (_, array) in tensors.items()
    ]
    answered(world, (json.dumps({"inputs": inputs}).encode(), {}))
    of_bytes, of_json = world.captures.messages
    told = [repr(one.model_dump(include={"inputs", "outputs"})) for one in (of_bytes, of_json)]
    assert told[0] == told[1]
    assert of_bytes.inputs["y"] == [pytest.approx(VALUES[datatype], nan_ok=True)]
    assert len(of_bytes.outputs["z_out"][0]) == 3


def test_json_and_bytes_go_together() -> None:
    world = ServedWorld(echoing(input_of("a"), input_of("b", Datatype.INT64)))
    content = np.array([1.5, 2.5], dtype=np.float32).tobytes()
    inputs = [
        {"name": "b", "shape": [2], "datatype": "INT64", "data": [7, 8]},
        {"name": "a", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": len(content)}},
    ]
    outputs = [{"name": "b_out", "parameters": {"binary_data": True}}, {"name": "a_out"}]
    head = json.dumps({"inputs": inputs, "outputs": outputs}).encode()
    told, arrays = answered(world, (head + content, {"inference-header-content-length": str(len(head))}))
    assert ["data" in one for one in told["outputs"]] == [False, True]
    assert {name: array.ravel().tolist() for name, array in arrays.items()} == {
        "b_out": [7, 8],
        "a_out": [1.5, 2.5],
    }


@pytest.mark.parametrize(
    ("everything", "one", "is_binary"),
    [(None, None, False), (True, None, True), (True, False, False), (False, True, True), (None, True, True)],
)
def test_an_outputs_own_wish_comes_before_the_requests(everything: Any, one: Any, is_binary: Any) -> None:
    world = ServedWorld(echoing(input_of("x")))
    body: dict[str, Any] = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}
    body["parameters"] = {} if everything is None else {"binary_data_output": everything}
    body["outputs"] = [{"name": "x_out", "parameters": {} if one is None else {"binary_data": one}}]
    told, _ = answered(world, (json.dumps(body).encode(), {}))
    assert ("parameters" in told["outputs"][0]) == is_binary


def test_the_same_values_get_the_same_answer_wherever_in_the_body_they_begin() -> None:
    """onnxruntime's own sums differ in the last bit with where the values begin."""
    made = protocol_models.images()
    world = ServedWorld((made.content, made.signature))
    pixels = np.random.default_rng(3).normal(size=(6, 4, 3)).astype(np.float32)
    (expected,) = onnxruntime.InferenceSession(made.content).run(["total"], {"pixels": pixels})
    for length in range(16):
        request = binary_request({"pixels": ("FP32", pixels)}, id="x" * length)
        _, arrays = answered(world, request)
        np.testing.assert_array_equal(arrays["total"], expected)


def test_a_network_of_one_matrix_answers_exactly_as_onnxruntime() -> None:
    made = perceptron()
    world = ServedWorld(made)
    rows = np.random.default_rng(3).normal(size=(5, 64)).astype(np.float32)
    expected = onnxruntime.InferenceSession(made[0]).run(None, {"x": rows})[0]
    _, arrays = answered(
        world, binary_request({"x": ("FP32", rows)}, parameters={"binary_data_output": True})
    )
    np.testing.assert_array_equal(arrays["prediction"], expected)
    body = {"inputs": [{"name": "x", "shape": [5, 64], "datatype": "FP32", "data": rows.tolist()}]}
    _, arrays = answered(world, (json.dumps(body).encode(), {}))
    np.testing.assert_array_equal(arrays["prediction"], expected)


def test_bytes_may_be_one_matrix_of_all_features() -> None:
    features = [input_of(name) for name in "abc"]
    world = ServedWorld(summing(*features))
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    _, arrays = answered(world, binary_request({"any": ("FP32", rows)}))
    assert arrays["prediction"].ravel().tolist() == rows.sum(axis=1).tolist()
    assert world.captures.messages[0].inputs == {"a": [0, 3, 6, 9], "b": [1, 4, 7, 10], "c": [2, 5, 8, 11]}


def test_bytes_of_another_type_are_taken_where_no_meaning_is_lost() -> None:
    features = (
        input_of("a"),
        input_of("b", Datatype.INT64),
        input_of("c", Datatype.BOOL),
        input_of("d", Datatype.INT8),
    )
    world = ServedWorld(echoing(*features))
    tensors: Any = {
        "a": ("UINT64", np.array([2**64 - 1], dtype=np.uint64)),
        "b": ("FP64", np.array([-(2.0**63)])),
        "c": ("INT8", np.array([1], dtype=np.int8)),
        "d": ("FP16", np.array([-128], dtype=np.float16)),
    }
    _, arrays = answered(world, binary_request(tensors))
    assert [arrays[f"{name}_out"].item() for name in "abcd"] == [2.0**64, -(2**63), True, -128]


@pytest.mark.parametrize(
    ("target", "datatype", "values", "told"),
    [
        ("FP32", "FP64", [1e300], "has a number that is too large for FP32"),
        ("FP32", "FP32", [np.inf], "has a number that is too large for FP32"),
        ("FP16", "FP32", [70000], "has a number that is too large for FP16"),
        ("FP64", "FP64", [-np.inf], "has a number that is too large for FP64"),
        ("INT64", "FP64", [1.5], "has 1.5 at 0, expected a whole number (INT64)"),
        ("INT64", "FP64", [np.nan], "has nan at 0, expected a whole number (INT64)"),
        ("INT64", "FP64", [np.inf], "has inf at 0, expected a whole number (INT64)"),
        ("INT64", "FP64", [2.0**63], "has a number that is too large for INT64"),
        ("INT64", "UINT64", [2**63], "has a number that is too large for INT64"),
        ("INT8", "INT16", [128], "has a number that is too large for INT8"),
        ("UINT8", "INT8", [-1], "has a number that is too large for UINT8"),
        ("BOOL", "INT8", [2], "has 2 at 0, expected true or false (BOOL)"),
        ("BYTES", "FP32", [1], "has datatype FP32, expected BYTES"),
        ("FP32", "BYTES", ["1"], "has datatype BYTES, expected FP32 or another numeric datatype"),
    ],
)
def test_bytes_that_do_not_fit_a_feature_are_named(
    target: str, datatype: str, values: Any, told: str
) -> None:
    world = ServedWorld(echoing(input_of("x", Datatype(target))))
    with pytest.raises(InvalidError) as caught:
        answered(world, binary_request({"x": (datatype, array_of(Datatype(datatype), values))}))
    assert str(caught.value).startswith(f"tensor 'x': {told}")


def asked(content: bytes, header: Any = None, **changes: Any) -> tuple[bytes, dict[str, str]]:
    one = {"name": "x", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": len(content)}}
    head = json.dumps({"inputs": [one | changes]}).encode()
    length = str(len(head)) if header is None else header
    return head + content, {"inference-header-content-length": length}


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (
            asked(b"\0" * 8, "0"),
            "Inference-Header-Content-Length: expected the length of the JSON, from 1 to",
        ),
        (asked(b"\0" * 8, "-1"), "Inference-Header-Content-Length: expected"),
        (asked(b"\0" * 8, "1e3"), "Inference-Header-Content-Length: expected"),
        (asked(b"\0" * 8, "٣"), "Inference-Header-Content-Length: expected"),
        (asked(b"\0" * 8, "9" * 5000), "Inference-Header-Content-Length: expected"),
        (asked(b"\0" * 8, "100000"), "Inference-Header-Content-Length: expected"),
        (asked(b"\0" * 8, "5"), "body: expected JSON"),
        (asked(b"\0" * 7), "tensor 'x': has 7 bytes, its shape [2] of FP32 asks for 4 each"),
        (asked(b"", shape=[0]), "tensor 'x': has shape [0]: expected one row at least"),
        (asked(b"\0" * 8, shape=[2**62, 2**62]), "tensor 'x': has 8 bytes, its shape ["),
        (asked(b"\0" * 8, shape=[10**4000] * 16), "tensor 'x': has 8 bytes, its shape ["),
        (asked(b"\0" * 8, shape=[1] * 17), "tensor 'x': has 17 dimensions, expected 16"),
        (asked(b"\0" * 8, shape=[-2]), "tensor 'x': expected a \"shape\""),
        (asked(b"\0" * 8, datatype="BF16"), "tensor 'x': has datatype 'BF16', expected one of BOOL"),
        (asked(b"\0" * 8, data=[1, 2]), "tensor 'x': has \"data\" and a binary_data_size"),
        (
            asked(b"\0" * 8, parameters={"binary_data_size": 9}),
            "tensor 'x': expected a \"binary_data_size\" from 0",
        ),
        (
            asked(b"\0" * 8, parameters={"binary_data_size": -8}),
            "tensor 'x': expected a \"binary_data_size\"",
        ),
        (
            asked(b"\0" * 8, parameters={"binary_data_size": "8"}),
            "tensor 'x': expected a \"binary_data_size\"",
        ),
        (
            asked(b"\0" * 8, parameters={"binary_data_size": True}),
            "tensor 'x': expected a \"binary_data_size\"",
        ),
        (asked(b"\0" * 8, parameters=[1]), "inputs.0.parameters: expected an object"),
        (asked(b"\0" * 8, parameters={}), "tensor 'x': expected a list as \"data\", got nothing"),
        (asked(b"\0" * 8, parameters={"binary_data_size": 4}, shape=[1]), "body: 4 bytes follow that no"),
        (asked(b"\2\0", datatype="BOOL"), "tensor 'x': has byte 2 at 0, expected 0 or 1 (BOOL)"),
        (asked(b"\0" * 7, datatype="BYTES"), "tensor 'x': has 7 bytes, too few for 2 texts"),
        (asked(b"\0" * 9, datatype="BYTES"), "tensor 'x': has 1 bytes more than its 2 texts"),
        (asked(b"\0\0\0\0\5\0\0\0", datatype="BYTES"), "tensor 'x': ends within text 1"),
        (asked(b"\4\0\0\0\5\0\0\0", datatype="BYTES"), "tensor 'x': ends within text 1"),
        (asked(b"\xff" * 8, datatype="BYTES"), "tensor 'x': ends within text 0"),
        (asked(b"\1\0\0\0\xff\0\0\0\0", datatype="BYTES"), "tensor 'x': has text that is not UTF-8 at 0"),
        (asked(b"", datatype="BYTES", shape=[2**62, 2**62]), "tensor 'x': has 0 bytes, too few for"),
    ],
)
def test_what_is_wrong_with_bytes_is_named(request_: tuple[bytes, dict[str, str]], told: str) -> None:
    world = ServedWorld(echoing(input_of("x")))
    with pytest.raises(InvalidError) as caught:
        answered(world, request_)
    assert str(caught.value).startswith(told)
    assert len(str(caught.value)) < 500
    assert caught.value.faults


def test_a_binary_tensor_without_the_header_is_refused() -> None:
    with pytest.raises(InvalidError, match="asks for a header Inference-Header-Content-Length"):
        answered(ServedWorld(echoing(input_of("x"))), (asked(b"")[0], {}))


def test_an_answers_text_may_be_bytes_of_python() -> None:
    assert written(np.array(["ü", b"\x01"], dtype=object), Datatype.BYTES) == b"\2\0\0\0\xc3\xbc\1\0\0\0\1"


def test_the_highest_values_are_classified_with_their_classes() -> None:
    world = ServedWorld(classifying())
    body = {
        "inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [0.75, 0.25]}],
        "outputs": [{"name": "probabilities", "parameters": {"classification": 2, "binary_data": True}}],
    }
    head, arrays = answered(world, (json.dumps(body).encode(), {}))
    assert head["outputs"][0]["datatype"] == "BYTES"
    assert arrays["probabilities"].tolist() == [
        ["0.750000:1:yes", "0.250000:0:no"],
        ["0.750000:0:no", "0.250000:1:yes"],
    ]
    body["outputs"] = [{"name": "probabilities", "parameters": {"classification": 9}}]
    assert answered(world, (json.dumps(body).encode(), {}))[0]["outputs"][0]["shape"] == [2, 2]
    body["outputs"] = [{"name": "label", "parameters": {"classification": 1}}]
    with pytest.raises(InvalidError, match="output 'label' is BYTES: only numbers can be classified"):
        answered(world, (json.dumps(body).encode(), {}))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"parameters": 1}, "body.parameters: expected an object"),
        ({"parameters": {"binary_data_output": 1}}, "parameters.binary_data_output: expected true or false"),
        ({"outputs": [{"name": "x_out", "parameters": 1}]}, "outputs.parameters: expected an object"),
        (
            {"outputs": [{"name": "x_out", "parameters": {"binary_data": 1}}]},
            "parameters.binary_data: expected",
        ),
        (
            {"outputs": [{"name": "x_out", "parameters": {"classification": -1}}]},
            "outputs.parameters.classification: expected a number of classes",
        ),
    ],
)
def test_wrong_parameters_are_named(changes: dict[str, Any], told: str) -> None:
    body = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]} | changes
    with pytest.raises(InvalidError) as caught:
        answered(ServedWorld(echoing(input_of("x"))), (json.dumps(body).encode(), {}))
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("row", "shape", "told"),
    [
        ((64,), [2, 63], "tensor 'x': has shape [2, 63], expected [2, 64]"),
        ((64,), [128], "tensor 'x': has shape [128], expected [128, 64]"),
        ((2, 3), [1, 6], "tensor 'x': has shape [1, 6], expected [1, 2, 3]"),
        ((-1, 3), [1, 0, 3], "tensor 'x': has shape [1, 0, 3], expected [1, any, 3]"),
        ((), [1, 2], "tensor 'x': has shape [1, 2], expected [1] or [1, 1]"),
    ],
)
def test_a_shape_that_is_not_the_inputs_is_named(row: tuple[int, ...], shape: list[int], told: str) -> None:
    world = ServedWorld(echoing(tensor("x", Datatype.FP32, *row)))
    with pytest.raises(InvalidError) as caught:
        answered(world, binary_request({"x": ("FP32", np.zeros(shape, dtype=np.float32))}))
    assert str(caught.value).startswith(told)


def test_a_size_that_may_be_any_is_what_the_request_says() -> None:
    world = ServedWorld(echoing(tensor("x", Datatype.FP32, -1, 2)))
    for size in (1, 5):
        sent = np.ones((2, size, 2), dtype=np.float32)
        assert answered(world, binary_request({"x": ("FP32", sent)}))[1]["x_out"].shape == sent.shape
    assert world.captures.messages[0].inputs["x"] == [[[1, 1]], [[1, 1]]]


@pytest.mark.parametrize("shape", [(), (1, 2), (-1, 0), (-1, -2)])
def test_a_tensor_without_rows_is_none(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="the rows first"):
        Tensor(name="x", datatype=Datatype.FP32, shape=shape)
