from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import numpy as np
import onnxruntime
import pytest

from shelflife.contracts.models import Datatype
from shelflife.kernel.errors import InvalidError
from shelflife.serving.errors import (
    DeploymentNotFoundError,
    DeploymentNotReadyError,
    ModelFailedError,
    VersionNotServedError,
)
from shelflife.serving.model import CapturePolicy, Deployment, Revision, State
from shelflife.serving.prediction import Predictions
from shelflife.serving.served import REMEMBERED_SECONDS, ServedModels
from shelflife.serving.sessions import OnnxModel
from shelflife.serving.tensors import InferenceRequest, InputTensor
from tests.fakes.onnx_models import classifying, input_of, reference_of, summing
from tests.fakes.serving import MemoryCaptures, MemoryDeployments, MemoryModels

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FEATURES = (input_of("hr"), input_of("temp"), input_of("season", Datatype.BYTES))


@dataclass
class World:
    seconds: float = 0.0
    deployments: MemoryDeployments = field(default_factory=MemoryDeployments)
    models: MemoryModels = field(default_factory=MemoryModels)
    captures: MemoryCaptures = field(default_factory=MemoryCaptures)

    def serve(self, made: Any, *, version: int = 1, revision: int = 1, rate: float = 1.0) -> None:
        """Let deployment `bikes` serve the model."""
        content, signature = made
        reference = reference_of(content, signature, version=version)
        session = onnxruntime.InferenceSession(content)
        self.models.models[reference.candidate.model.sha256] = OnnxModel(session, signature)
        self.deployments.kept_revisions["bikes", revision] = Revision(
            deployment="bikes", revision=revision, serving=reference, activated_at=NOON
        )
        self.deployments.deployments["bikes"] = Deployment(
            name="bikes",
            model_name="bikes",
            alias="champion",
            capture=CapturePolicy(sampling_rate=rate),
            created_at=NOON,
            created_by="ada",
            state=State.READY,
            revision=revision,
            serving=reference,
        )


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def predictions(world: World) -> Predictions:
    ids = count(1)
    return Predictions(
        served=ServedModels(world.deployments, lambda: world.seconds),
        models=world.models,
        captures=world.captures,
        now=lambda: NOON,
        new_id=lambda: f"made-{next(ids)}",
    )


def asking(
    rows: int = 1, request_id: str | None = None, outputs: list[str] | None = None
) -> InferenceRequest:
    return InferenceRequest(
        request_id,
        [
            InputTensor("hr", "INT64", [rows], [*range(rows)]),
            InputTensor("temp", "FP64", [rows], [0.24] * rows),
            InputTensor("season", "BYTES", [rows], ["winter"] * (rows - 1) + [None]),
        ],
        outputs,
    )


def test_an_answer_is_exactly_what_onnxruntime_says(world: World, predictions: Predictions) -> None:
    content, signature = summing(*FEATURES, bias=0.1)
    world.serve((content, signature))
    answer = predictions.predict("bikes", None, asking(3, "r1"))
    expected = onnxruntime.InferenceSession(content).run(
        None,
        {
            "hr": np.array([[0], [1], [2]], dtype=np.float32),
            "temp": np.full((3, 1), 0.24, dtype=np.float32),
            "season": np.array([["winter"], ["winter"], [""]], dtype=object),
        },
    )
    np.testing.assert_array_equal(answer.outputs[0][1], expected[0])
    assert (answer.id, answer.model_version, answer.revision, answer.rows) == ("r1", 1, 1, 3)


def test_rows_are_captured_as_they_were_sent(world: World, predictions: Predictions) -> None:
    world.serve(summing(*FEATURES), version=4, revision=2)
    predictions.predict("bikes", None, asking(2))
    (kept,) = world.captures.messages
    assert kept.model_dump(exclude={"outputs"}) == {
        "capture_id": "made-1",
        "deployment": "bikes",
        "revision": 2,
        "model_version": 4,
        "captured_at": NOON,
        "first_row": 0,
        "inputs": {"hr": [0, 1], "temp": [0.24, 0.24], "season": ["winter", None]},
    }
    assert kept.outputs["prediction"] == pytest.approx([10.24, 1.24])


def test_all_outputs_are_captured_though_one_is_asked_for(world: World, predictions: Predictions) -> None:
    world.serve(classifying())
    asked = InferenceRequest("r1", [InputTensor("x", "FP32", [2, 1], [0.25, 0.75])], ["probabilities"])
    answer = predictions.predict("bikes", None, asked)
    assert [tensor.name for tensor, _ in answer.outputs] == ["probabilities"]
    assert world.captures.messages[0].outputs == {
        "label": ["no", "yes"],
        "probabilities": [[0.75, 0.25], [0.25, 0.75]],
    }


def test_outputs_come_in_the_order_asked(world: World, predictions: Predictions) -> None:
    world.serve(classifying())
    inputs = [InputTensor("x", "FP32", [1], [0.75])]
    answer = predictions.predict("bikes", None, InferenceRequest(None, inputs, ["probabilities", "label"]))
    assert [tensor.name for tensor, _ in answer.outputs] == ["probabilities", "label"]
    with pytest.raises(InvalidError, match="there is no output 'score', the model answers"):
        predictions.predict("bikes", None, InferenceRequest(None, inputs, ["score"]))


def test_a_lost_capture_is_counted_and_the_answer_goes_out(world: World, predictions: Predictions) -> None:
    world.serve(summing(*FEATURES))
    world.captures.room = 0
    answer = predictions.predict("bikes", None, asking())
    assert (answer.rows, answer.captures_dropped) == (1, 1)


def test_a_share_of_the_requests_is_captured_by_their_ids(world: World, predictions: Predictions) -> None:
    world.serve(summing(*FEATURES), rate=0.3)
    for at in range(1000):
        predictions.predict("bikes", None, asking(request_id=f"r{at}"))
    first = {kept.capture_id for kept in world.captures.messages}
    assert 250 < len(first) < 350
    for at in range(1000):
        predictions.predict("bikes", None, asking(request_id=f"r{at}"))
    assert {kept.capture_id for kept in world.captures.messages} == first


def test_rate_zero_captures_nothing(world: World, predictions: Predictions) -> None:
    world.serve(summing(*FEATURES), rate=0)
    predictions.predict("bikes", None, asking())
    assert not world.captures.messages


def test_an_activation_is_seen_within_seconds(world: World, predictions: Predictions) -> None:
    world.serve(summing(*FEATURES))
    assert predictions.predict("bikes", None, asking()).model_version == 1
    world.serve(summing(*FEATURES, bias=1), version=2, revision=2)
    world.seconds = REMEMBERED_SECONDS - 0.1
    assert predictions.predict("bikes", None, asking()).model_version == 1
    world.seconds = REMEMBERED_SECONDS
    assert predictions.predict("bikes", None, asking()).model_version == 2


def test_any_version_that_was_ever_served_answers(world: World, predictions: Predictions) -> None:
    world.serve(summing(*FEATURES))
    world.serve(summing(*FEATURES, bias=1), version=2, revision=2)
    answer = predictions.predict("bikes", "1", asking())
    assert (answer.model_version, answer.revision) == (1, 1)
    for version in ("3", "latest", "-1", "1.0", "٣", "9" * 400, ""):
        with pytest.raises(VersionNotServedError):
            predictions.predict("bikes", version, asking())


@pytest.mark.parametrize("name", ["boats", "", "..", "a" * 5000, "bikes#", "bikes\n"])
def test_an_unknown_deployment_is_not_found(predictions: Predictions, world: World, name: str) -> None:
    world.serve(summing(*FEATURES))
    with pytest.raises(DeploymentNotFoundError):
        predictions.predict(name, None, asking())


def test_a_deployment_without_a_model_says_why(world: World, predictions: Predictions) -> None:
    world.serve(summing(*FEATURES))
    waiting = world.deployments.deployments["bikes"].model_copy(
        update={"serving": None, "reason": "no champion"}
    )
    world.deployments.deployments["bikes"] = waiting
    with pytest.raises(DeploymentNotReadyError, match="'bikes' is not ready: no champion"):
        predictions.predict("bikes", None, asking())
    readiness = predictions.readiness("bikes", None)
    assert (readiness.ready, readiness.reason) == (False, "deployment 'bikes' is not ready: no champion")


def test_readiness_loads_the_model(world: World, predictions: Predictions) -> None:
    world.serve(summing(*FEATURES))
    assert predictions.readiness("bikes", None).ready
    world.models.models.clear()
    readiness = predictions.readiness("bikes", "1")
    assert not readiness.ready
    assert "its file is broken" in str(readiness.reason)


def test_a_model_that_cannot_answer_is_the_requests_fault(world: World, predictions: Predictions) -> None:
    content, signature = summing(*FEATURES)
    world.serve((content, signature))
    model = next(iter(world.models.models.values()))
    with pytest.raises(ModelFailedError, match="cannot answer these rows"):
        model.run({"hr": np.zeros((1, 1), dtype=np.float32)})
