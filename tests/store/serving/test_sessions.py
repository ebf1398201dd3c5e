from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression

from shelflife.aws.clients import client
from shelflife.aws.downloads import PART_BYTES
from shelflife.aws.objects import Objects
from shelflife.contracts.models import Datatype, ModelVersionReference, Signature
from shelflife.serving.errors import ModelUnusableError
from shelflife.serving.sessions import StoredModels, threads_for
from tests.fakes.onnx_models import PREDICTION, classifying, input_of, reference_of, stored, summing
from tests.harness.cloud import make_bucket

Made = tuple[bytes, Signature]


@pytest.fixture
def objects(aws: None) -> Objects:
    make_bucket("artifacts")
    return Objects(client("s3"))


def put(objects: Objects, made: Made, *, version: int = 1) -> ModelVersionReference:
    reference = reference_of(*made, version=version)
    objects.write(reference.candidate.model.uri, made[0])
    return reference


def test_a_model_answers_as_onnxruntime_does(objects: Objects) -> None:
    features = (
        input_of("temp"),
        input_of("hr", Datatype.INT64),
        input_of("holiday", Datatype.BOOL),
        input_of("season", Datatype.BYTES),
    )
    made = summing(*features, bias=0.1)
    feed: dict[str, Any] = {
        "temp": np.array([[0.24], [np.nan]], dtype=np.float32),
        "hr": np.array([[3], [4]], dtype=np.int64),
        "holiday": np.array([[True], [False]]),
        "season": np.array([["winter"], [""]], dtype=object),
    }
    model = StoredModels(objects).load(put(objects, made))
    np.testing.assert_array_equal(
        model.run(feed)[0], onnxruntime.InferenceSession(made[0]).run(None, feed)[0]
    )


def test_a_model_of_scikit_learn_answers_as_onnxruntime_does(objects: Objects) -> None:
    generator = np.random.default_rng(7)
    x = generator.normal(size=(50, 1)).astype(np.float32)
    exported = to_onnx(LinearRegression().fit(x, 3 * x[:, 0] + 1), x[:1], target_opset=17, final_types=None)
    name, answer = exported.graph.input[0].name, exported.graph.output[0].name
    signature = Signature(inputs=(input_of(name),), outputs=(PREDICTION.model_copy(update={"name": answer}),))
    made = exported.SerializeToString(), signature
    model = StoredModels(objects).load(put(objects, made))
    expected = onnxruntime.InferenceSession(made[0]).run(None, {name: x})
    np.testing.assert_array_equal(model.run({name: x})[0], expected[0])


def test_a_stored_model_is_read_anew(objects: Objects) -> None:
    models = StoredModels(objects)
    reference = put(objects, classifying())
    models.load(reference)
    objects.write(reference.candidate.model.uri, b"something else")
    with pytest.raises(ModelUnusableError, match="has size 14, not"):
        models.load(reference)


def with_digest(reference: ModelVersionReference, content: bytes) -> ModelVersionReference:
    model = stored(reference.candidate.model.uri, content)
    candidate = reference.candidate.model_copy(update={"model": model})
    return reference.model_copy(update={"candidate": candidate})


def test_a_file_that_is_not_there_cannot_serve(objects: Objects) -> None:
    with pytest.raises(ModelUnusableError, match="does not exist"):
        StoredModels(objects).load(reference_of(*classifying()))


def test_a_changed_file_cannot_serve(objects: Objects) -> None:
    reference = put(objects, classifying())
    objects.write(reference.candidate.model.uri, b"something else")
    with pytest.raises(ModelUnusableError, match="has size 14, not"):
        StoredModels(objects).load(reference)
    objects.write(reference.candidate.model.uri, bytes(reference.candidate.model.size_bytes))
    with pytest.raises(ModelUnusableError, match="has SHA-256"):
        StoredModels(objects).load(reference)


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\x08\x08" * 100])
def test_what_is_no_onnx_cannot_serve(objects: Objects, content: bytes) -> None:
    reference = with_digest(reference_of(*classifying()), content)
    objects.write(reference.candidate.model.uri, content)
    with pytest.raises(
        ModelUnusableError,
        match=r"version 1 of model 'bikes' cannot serve: onnxruntime cannot load it: [A-Z]",
    ):
        StoredModels(objects).load(reference)


def test_a_model_unlike_its_signature_cannot_serve(objects: Objects) -> None:
    content, _ = summing(input_of("x"))
    _, other = summing(input_of("y"))
    with pytest.raises(ModelUnusableError, match="input 'y' is tensor\\(float\\), the file has nothing"):
        StoredModels(objects).load(put(objects, (content, other)))
    _, typed = summing(input_of("x", Datatype.INT64))
    with pytest.raises(ModelUnusableError, match="'x' is tensor\\(int64\\), the file has tensor\\(float\\)"):
        StoredModels(objects).load(put(objects, (content, typed)))
    content, _ = summing(input_of("x"), input_of("y"))
    with pytest.raises(ModelUnusableError, match="asks for inputs \\['x'\\] that its signature"):
        StoredModels(objects).load(put(objects, (content, other)))


NODE = onnx.helper.make_node


def unsupported(*nodes: Any, opset: int = 17, ir_version: int = 8, weights: Any = ()) -> bytes:
    """A model of input and output `x` and `prediction`, made of nodes that onnxruntime may not know."""
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, 1])
        for name in ("x", "prediction")
    ]
    graph = onnx.helper.make_graph(list(nodes), "model", ends[:1], ends[1:], list(weights))
    opsets = [onnx.helper.make_opsetid("", opset), onnx.helper.make_opsetid("of.theirs", 1)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)
    return bytes(model.SerializeToString())


def outside(location: str) -> onnx.TensorProto:
    """Weights of one number, in a file of their own."""
    weights = onnx.TensorProto(
        name="w", data_type=onnx.TensorProto.FLOAT, dims=[1], data_location=onnx.TensorProto.EXTERNAL
    )
    for key, value in {"location": location, "offset": "0", "length": "4"}.items():
        weights.external_data.add(key=key, value=value)
    return weights


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            unsupported(NODE("Foo", ["x"], ["prediction"], domain="of.theirs")),
            "onnxruntime cannot load it: Fatal error: of.theirs:Foo(-1) is not a registered function/op",
        ),
        (
            unsupported(NODE("Foo", ["x"], ["prediction"])),
            "No Op registered for Foo with domain_version of 17",
        ),
        (unsupported(NODE("Relu", ["x"], ["prediction"]), opset=99), "Opset 99 is under development"),
        (
            unsupported(NODE("Relu", ["x"], ["prediction"]), ir_version=99),
            "onnxruntime cannot load it: Unsupported model IR version: 99",
        ),
    ],
)
def test_the_reason_of_an_unsupported_model_can_be_read(
    objects: Objects, content: bytes, reason: str
) -> None:
    _, signature = summing(input_of("x"))
    with pytest.raises(ModelUnusableError) as raised:
        StoredModels(objects).load(put(objects, (content, signature)))
    assert reason in raised.value.reason
    assert "onnxruntime_src" not in raised.value.reason


@pytest.mark.parametrize("location", ["w.bin", "../w.bin", "/proc/self/environ", "*/_ORT_MEM_ADDR_/*"])
@pytest.mark.parametrize("bytes_beside", [0, PART_BYTES])
def test_weights_outside_of_the_file_are_never_read(
    objects: Objects,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    location: str,
    bytes_beside: int,
) -> None:
    (tmp_path / "folder").mkdir()
    for folder in (tmp_path, tmp_path / "folder"):
        (folder / "w.bin").write_bytes(bytes(4))
    monkeypatch.chdir(tmp_path / "folder")
    unused = onnx.numpy_helper.from_array(np.zeros(bytes_beside, dtype=np.uint8), "unused")
    content = unsupported(NODE("Add", ["x", "w"], ["prediction"]), weights=[outside(location), unused])
    _, signature = summing(input_of("x"))
    with pytest.raises(ModelUnusableError, match="its weights are outside of its file"):
        StoredModels(objects).load(put(objects, (content, signature)))


def test_a_large_model_answers_as_onnxruntime_does(objects: Objects) -> None:
    weights = np.random.default_rng(7).normal(size=(PART_BYTES // 2, 1)).astype(np.float32)
    content = unsupported(
        NODE("MatMul", ["x", "w"], ["all"]),
        NODE("ReduceSum", ["all"], ["prediction"], keepdims=1),
        weights=[onnx.numpy_helper.from_array(weights.T, "w")],
    )
    _, signature = summing(input_of("x"))
    assert len(content) > 2 * PART_BYTES - 100
    model = StoredModels(objects, threads=2).load(put(objects, (content, signature)))
    rows = np.array([[2.0]], dtype=np.float32)
    expected = onnxruntime.InferenceSession(content).run(None, {"x": rows})[0]
    np.testing.assert_allclose(model.run({"x": rows})[0], expected, rtol=1e-3)


def test_threads_are_the_functions_whole_vcpus() -> None:
    assert [threads_for(memory) for memory in (0, 128, 1769, 3537, 3538, 10_240)] == [1, 1, 1, 1, 2, 5]
