import hashlib
from typing import Any

import numpy as np
import onnxruntime
import pytest
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression

from shelflife.aws.clients import client
from shelflife.aws.objects import Objects
from shelflife.contracts.models import Datatype, ModelVersionReference, Signature
from shelflife.serving.errors import ModelUnusableError
from shelflife.serving.sessions import OnnxModels, StoredModels
from tests.fakes.onnx_models import PREDICTION, classifying, input_of, reference_of, summing
from tests.harness.cloud import make_bucket

BUDGET = 10_000_000
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
    model = OnnxModels(objects, BUDGET).load(put(objects, made))
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
    model = OnnxModels(objects, BUDGET).load(put(objects, made))
    expected = onnxruntime.InferenceSession(made[0]).run(None, {name: x})
    np.testing.assert_array_equal(model.run({name: x})[0], expected[0])


def test_a_model_is_read_once(objects: Objects) -> None:
    models = OnnxModels(objects, BUDGET)
    reference = put(objects, classifying())
    first = models.load(reference)
    client("s3").delete_object(Bucket="artifacts", Key="training/job-1/model.onnx")
    assert models.load(reference) is first


def test_the_models_used_last_are_kept_within_the_budget(objects: Objects) -> None:
    references = [
        put(objects, summing(input_of("x"), bias=float(version)), version=version) for version in (1, 2, 3)
    ]
    size = references[0].candidate.model.size_bytes
    models = OnnxModels(objects, 2 * size)
    first, _ = models.load(references[0]), models.load(references[1])
    assert models.load(references[0]) is first
    models.load(references[2])
    assert models.load(references[0]) is first
    client("s3").delete_object(Bucket="artifacts", Key="training/job-2/model.onnx")
    with pytest.raises(ModelUnusableError):
        models.load(references[1])


def test_one_model_is_kept_whatever_the_budget(objects: Objects) -> None:
    models = OnnxModels(objects, 0)
    reference = put(objects, classifying())
    assert models.load(reference) is models.load(reference)


def test_a_stored_model_is_read_anew(objects: Objects) -> None:
    models = StoredModels(objects)
    reference = put(objects, classifying())
    models.load(reference)
    objects.write(reference.candidate.model.uri, b"something else")
    with pytest.raises(ModelUnusableError, match="has SHA-256"):
        models.load(reference)


def with_digest(reference: ModelVersionReference, content: bytes) -> ModelVersionReference:
    model = reference.candidate.model.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})
    candidate = reference.candidate.model_copy(update={"model": model})
    return reference.model_copy(update={"candidate": candidate})


def test_a_file_that_is_not_there_cannot_serve(objects: Objects) -> None:
    with pytest.raises(ModelUnusableError, match="does not exist"):
        OnnxModels(objects, BUDGET).load(reference_of(*classifying()))


def test_a_changed_file_cannot_serve(objects: Objects) -> None:
    reference = put(objects, classifying())
    objects.write(reference.candidate.model.uri, b"something else")
    with pytest.raises(ModelUnusableError, match="has SHA-256"):
        OnnxModels(objects, BUDGET).load(reference)


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\x08\x08" * 100])
def test_what_is_no_onnx_cannot_serve(objects: Objects, content: bytes) -> None:
    reference = with_digest(reference_of(*classifying()), content)
    objects.write(reference.candidate.model.uri, content)
    with pytest.raises(ModelUnusableError, match="version 1 of model 'bikes' cannot serve: onnxruntime"):
        OnnxModels(objects, BUDGET).load(reference)


def test_a_model_unlike_its_signature_cannot_serve(objects: Objects) -> None:
    content, _ = summing(input_of("x"))
    _, other = summing(input_of("y"))
    with pytest.raises(ModelUnusableError, match="input 'y' is tensor\\(float\\), the file has nothing"):
        OnnxModels(objects, BUDGET).load(put(objects, (content, other)))
    _, typed = summing(input_of("x", Datatype.INT64))
    with pytest.raises(ModelUnusableError, match="'x' is tensor\\(int64\\), the file has tensor\\(float\\)"):
        OnnxModels(objects, BUDGET).load(put(objects, (content, typed)))
    content, _ = summing(input_of("x"), input_of("y"))
    with pytest.raises(ModelUnusableError, match="asks for inputs \\['x'\\] that its signature"):
        OnnxModels(objects, BUDGET).load(put(objects, (content, other)))
