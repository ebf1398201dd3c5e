"""Graphs are read, and weights put in, as `onnx` writes them."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from shelflife.contracts.models import Datatype, Task
from shelflife.registry.onnx_graph import UnservableModelError, signature_of, task_of
from shelflife.registry.onnx_weights import whole

ROWS = np.arange(12, dtype=np.float32).reshape(3, 4)
WIDE = 400


def value(name: str, element: int = TensorProto.FLOAT, shape: object = ("rows", 4)) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element, shape)


def model(*inputs: onnx.ValueInfoProto, outputs: tuple[onnx.ValueInfoProto, ...] = ()) -> bytes:
    """A graph that does nothing, of these inputs and outputs."""
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    graph = helper.make_graph(nodes, "g", list(inputs), list(outputs) or [value("y")])
    return bytes(helper.make_model(graph).SerializeToString())


def product() -> onnx.ModelProto:
    """x times a matrix that is large enough to be moved out."""
    weights = np.linspace(0, 1, 4 * WIDE, dtype=np.float32).reshape(4, WIDE)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [value("x")],
        [value("y", shape=("rows", WIDE))],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.ones(1, np.float32), "small")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_inputs_and_outputs_are_read_with_types_and_shapes() -> None:
    inputs = (
        value("x"),
        value("image", TensorProto.UINT8, (None, 3, "height", 7)),
        value("text", TensorProto.STRING, ("n", 1)),
        value("flag", TensorProto.BOOL, ("n",)),
    )
    outputs = (value("label", TensorProto.INT64, ("n",)), value("scores", TensorProto.DOUBLE, ("n", 3)))
    signature = signature_of(memoryview(model(*inputs, outputs=outputs)))
    assert [(one.name, one.datatype, one.shape) for one in signature.inputs] == [
        ("x", Datatype.FP32, (-1, 4)),
        ("image", Datatype.UINT8, (-1, 3, -1, 7)),
        ("text", Datatype.BYTES, (-1, 1)),
        ("flag", Datatype.BOOL, (-1,)),
    ]
    assert [(one.name, one.datatype, one.shape) for one in signature.outputs] == [
        ("label", Datatype.INT64, (-1,)),
        ("scores", Datatype.FP64, (-1, 3)),
    ]
    assert task_of(signature) is Task.CLASSIFICATION


@pytest.mark.parametrize(
    ("outputs", "task"),
    [
        ((value("y"),), Task.REGRESSION),
        ((value("y", TensorProto.INT64, ("n",)),), Task.REGRESSION),
        ((value("y", TensorProto.STRING, ("n",)), value("p")), Task.CLASSIFICATION),
    ],
)
def test_a_label_beside_something_else_is_a_class(
    outputs: tuple[onnx.ValueInfoProto, ...], task: Task
) -> None:
    assert task_of(signature_of(memoryview(model(value("x"), outputs=outputs)))) is task


def test_weights_that_are_named_as_inputs_are_not_asked_for() -> None:
    graph = product()
    graph.graph.input.append(value("w", shape=(4, WIDE)))
    assert [one.name for one in signature_of(memoryview(graph.SerializeToString())).inputs] == ["x"]


def test_outputs_that_cannot_be_answered_are_left_out() -> None:
    pairs = helper.make_value_info(
        "pairs",
        helper.make_sequence_type_proto(
            helper.make_map_type_proto(
                TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, None)
            )
        ),
    )
    outputs = (pairs, value("sum", shape=()), value("fixed", shape=(1, 2)), value("y"))
    signature = signature_of(memoryview(model(value("x"), outputs=outputs)))
    assert [one.name for one in signature.outputs] == ["y"]
    with pytest.raises(UnservableModelError, match="no outputs that are tensors with the rows first"):
        signature_of(memoryview(model(value("x"), outputs=outputs[:3])))


@pytest.mark.parametrize(
    ("given_", "reason"),
    [
        (value("x", shape=(1, 4)), "input 'x' takes exactly 1 rows"),
        (value("x", shape=()), "input 'x' has no rows"),
        (value("x", shape=None), "input 'x' has no rows"),
        (value("x", TensorProto.COMPLEX64), "input 'x' is no tensor of a known type"),
    ],
)
def test_inputs_that_nobody_could_give_are_told(given_: onnx.ValueInfoProto, reason: str) -> None:
    with pytest.raises(UnservableModelError, match=reason):
        signature_of(memoryview(model(given_)))


@pytest.mark.parametrize(
    "content", [b"", b"not a model", b"\x80\x04\x95pickle", b"\x3a\xff\xff\xff\xff\x0f", b"\x3a\x00"]
)
def test_what_is_no_model_is_told(content: bytes) -> None:
    with pytest.raises(UnservableModelError):
        signature_of(memoryview(content))


@given(st.data())
def test_a_broken_file_is_a_reason_and_never_an_error(data: st.DataObject) -> None:
    content = bytearray(product().SerializeToString())
    for place in data.draw(st.lists(st.integers(0, 200), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    view = memoryview(content)[: data.draw(st.integers(0, len(content)))]
    try:
        signature_of(view)
        whole(view, lambda _: memoryview(b""))
    except UnservableModelError:
        return


def saved(folder: Path) -> tuple[memoryview, dict[str, memoryview]]:
    """The model with its weights beside it, as MLflow logs it."""
    onnx.save_model(product(), str(folder / "model.onnx"), save_as_external_data=True)
    files = {path.name: memoryview(path.read_bytes()) for path in folder.iterdir()}
    return files.pop("model.onnx"), files


def test_weights_beside_a_model_are_put_into_it(tmp_path: Path) -> None:
    file, beside = saved(tmp_path)
    assert len(beside) == 1
    complete = whole(file, beside.__getitem__)
    session, asked = onnxruntime.InferenceSession(bytes(complete)), {"x": ROWS}
    expected = onnxruntime.InferenceSession(product().SerializeToString()).run(["y"], asked)[0]
    np.testing.assert_array_equal(session.run(["y"], asked)[0], expected)
    assert signature_of(memoryview(complete)) == signature_of(file)
    onnx.checker.check_model(onnx.load_model_from_string(bytes(complete)))


def test_a_model_in_one_file_stays_as_it_is() -> None:
    content = product().SerializeToString()
    assert bytes(whole(memoryview(content), lambda _: memoryview(b""))) == content


def test_weights_that_are_missing_are_told() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, beside = saved(Path(folder))
    (name,) = beside
    with pytest.raises(UnservableModelError, match=f"weights are missing in its file '{name}'"):
        whole(file, lambda name: beside[name][:-1])
