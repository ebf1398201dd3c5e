from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import onnxruntime
import pytest

from shelflife.contracts.models import Datatype
from shelflife.serving.captures import (
    LONGEST_MESSAGE,
    LONGEST_SHADOW_REQUEST,
    CapturedRows,
    CaptureRole,
    ShadowRequest,
)
from shelflife.serving.columns import columns_of
from shelflife.serving.errors import (
    CaptureNotTakenError,
    QueueUnavailableError,
    RevisionNotFoundError,
    VersionUnknownError,
)
from shelflife.serving.model import DeployableVersion
from shelflife.serving.prediction import Predictions
from shelflife.serving.served import ServedModels
from shelflife.serving.sessions import OnnxModel
from shelflife.serving.shadowing import Shadows
from shelflife.serving.tensors import InferenceRequest, InputTensor
from tests.fakes.captures import MemoryCaptures
from tests.fakes.deployments import deployment, revision, rule
from tests.fakes.onnx_models import classifying, input_of, reference_of, summing
from tests.fakes.queues import MemoryQueue
from tests.fakes.serving import MemoryDeployments, MemoryModels, MemoryVersions

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FEATURES = (
    input_of("hr", Datatype.INT64),
    input_of("temp"),
    input_of("holiday", Datatype.BOOL),
    input_of("season", Datatype.BYTES),
)


@dataclass
class World:
    """Version 1 answers; version 2 sees everything and version 3 half of it."""

    deployments: MemoryDeployments = field(default_factory=MemoryDeployments)
    versions: MemoryVersions = field(default_factory=MemoryVersions)
    models: MemoryModels = field(default_factory=MemoryModels)
    captures: MemoryCaptures = field(default_factory=MemoryCaptures)
    queue: MemoryQueue = field(default_factory=MemoryQueue)

    def register(self, version: int, made: Any) -> Any:
        content, signature = made
        reference = reference_of(content, signature, version=version)
        session = onnxruntime.InferenceSession(content)
        self.models.models[reference.candidate.model.sha256] = OnnxModel(session, signature)
        self.versions.keep(DeployableVersion(reference=reference))
        return reference

    def serve(self, *made: Any) -> None:
        stable, *_ = [self.register(version, model) for version, model in enumerate(made, 1)]
        by = rule((1, 100), shadows=((2, 1.0), (3, 0.5)))
        self.deployments.kept_revisions["bikes", 1] = revision(1, by)
        self.deployments.deployments["bikes"] = deployment(stable, by=by, revision=1)

    @property
    def predictions(self) -> Predictions:
        return Predictions(
            served=ServedModels(self.deployments, self.versions, lambda: 0.0, lambda: 0.5),
            models=self.models,
            captures=self.captures,
            now=lambda: NOON,
            seconds=lambda: 0.0,
            new_id=lambda: "made",
        )

    @property
    def shadows(self) -> Shadows:
        return Shadows(self.deployments, self.versions, self.models, self.queue, self.queue.seconds)

    @property
    def captured(self) -> list[CapturedRows]:
        return [CapturedRows.model_validate_json(text) for text in self.queue.taken]


@pytest.fixture
def world() -> World:
    world = World()
    world.serve(*(summing(*FEATURES, bias=bias) for bias in (0.0, 0.5, 1.0)))
    return world


def asking(request_id: str, rows: int = 2) -> InferenceRequest:
    """Values of other datatypes than the features have, as callers send them."""
    return InferenceRequest(
        request_id,
        [
            InputTensor("hr", "FP64", [rows], [8.0] * rows),
            InputTensor("temp", "INT64", [rows], [*range(rows - 1), None]),
            InputTensor("holiday", "INT64", [rows], [1] * rows),
            InputTensor("season", "BYTES", [rows], ["winter"] * (rows - 1) + [None]),
        ],
        None,
    )


def asked(world: World, request_id: str = "r1", rows: int = 2) -> ShadowRequest:
    world.predictions.predict("bikes", asking(request_id, rows))
    return world.captures.shadowed[-1]


def test_each_shadow_sees_its_share_of_the_requests(world: World) -> None:
    for at in range(400):
        world.predictions.predict("bikes", asking(f"r{at}"))
    seen = [request.shadows for request in world.captures.shadowed]
    assert len(seen) == 400
    assert all(names[0] == "v2" for names in seen)
    assert 150 < sum("v3" in names for names in seen) < 250
    world.captures.shadowed.clear()
    for at in range(400):
        world.predictions.predict("bikes", asking(f"r{at}"))
    assert [request.shadows for request in world.captures.shadowed] == seen


def test_a_shadow_answers_as_it_would_have_live_and_says_what_was_answered(world: World) -> None:
    request = asked(world)
    told = world.shadows.answer({"m1": request})
    assert (told.failed, told.answers, told.failures) == ({}, len(request.shadows), 0)
    first = world.captured[0]
    assert (first.role, first.variant, first.model_version) == (CaptureRole.SHADOW, "v2", 2)
    assert (first.capture_id, first.captured_at, first.assigned) == ("r1", NOON, True)
    assert (first.live_variant, first.inputs) == ("v1", world.captures.messages[0].inputs)
    live = world.captures.messages[0].outputs["prediction"]
    np.testing.assert_array_equal(first.outputs["prediction"], np.array(live) + 0.5)
    columns = columns_of(first, world.versions.kept["bikes", 2].reference.candidate.signature)
    assert columns["live.prediction"].tolist() == pytest.approx(live, nan_ok=True)


def test_a_request_in_parts_is_answered_in_the_same_parts(world: World) -> None:
    world.predictions.predict("bikes", asking("large", 10_000))
    parts = world.captures.shadowed
    assert len(parts) > 2
    told = world.shadows.answer({str(at): part for at, part in enumerate(parts)})
    assert not told.failed
    by_two = [one for one in world.captured if one.variant == "v2"]
    assert [one.first_row for one in by_two] == [part.first_row for part in parts]
    assert sum(one.row_count for one in by_two) == 10_000
    assert max(map(len, world.queue.taken)) <= LONGEST_MESSAGE


def test_a_message_delivered_twice_gives_captures_of_the_same_claims(world: World) -> None:
    request = asked(world)
    world.shadows.answer({"m1": request})
    first = {one.claim_key for one in world.captured}
    world.shadows.answer({"m1": request})
    assert {one.claim_key for one in world.captured} == first
    assert len(first) == len(request.shadows)
    assert world.captures.messages[0].claim_key not in first


def test_labels_and_probabilities_are_shadowed_too(world: World) -> None:
    world.serve(classifying(), classifying(), classifying())
    tensor = InputTensor("x", "FP32", [2], [0.25, 0.75])
    world.predictions.predict("bikes", InferenceRequest("r1", [tensor], None))
    assert not world.shadows.answer({"m1": world.captures.shadowed[-1]}).failed
    assert world.captured[0].outputs == {
        "label": ["no", "yes"],
        "probabilities": [[0.75, 0.25], [0.25, 0.75]],
    }
    assert world.captured[0].live == world.captured[0].outputs


def test_a_shadow_that_cannot_answer_is_captured_as_its_failure(world: World) -> None:
    world.register(2, summing(input_of("wind")))
    told = world.shadows.answer({"m1": asked(world)})
    assert (told.failed, told.failures) == ({}, 1)
    (failed,) = [one for one in world.captured if one.error]
    assert (failed.variant, failed.role, failed.error, failed.refused) == (
        "v2",
        CaptureRole.SHADOW,
        "InvalidTensorError",
        False,
    )


def test_a_shadow_whose_file_is_broken_fails_alone(world: World) -> None:
    request = asked(world)
    broken = world.versions.kept["bikes", 2].reference.candidate.model.sha256
    del world.models.models[broken]
    told = world.shadows.answer({"m1": request.model_copy(update={"shadows": ("v2", "v3")})})
    assert (told.failed, told.answers, told.failures) == ({}, 1, 1)
    assert {one.variant: one.error for one in world.captured} == {"v2": "ModelUnusableError", "v3": None}


def test_an_answer_that_fits_no_message_is_captured_as_a_failure(world: World) -> None:
    request = asked(world, rows=1)
    one = world.shadows.answer({"m1": request})
    assert one.answers
    rows = LONGEST_SHADOW_REQUEST // 10
    signature = world.versions.kept["bikes", 2].reference.candidate.signature
    wide = {tensor.name: request.inputs[tensor.name] * rows for tensor in signature.inputs}
    told = world.shadows.answer(
        {"m1": request.model_copy(update={"inputs": wide, "outputs": {"prediction": [0.1] * rows}})}
    )
    assert (told.failed, told.failures) == ({}, len(request.shadows))
    assert {one.error for one in world.captured[-len(request.shadows) :]} == {"AnswerTooLongError"}


def test_what_the_policy_hides_a_shadow_does_not_tell(world: World) -> None:
    hiding = asked(world).model_copy(update={"hidden": ("prediction",), "outputs": {}})
    world.shadows.answer({"m1": hiding})
    assert (world.captured[0].outputs, world.captured[0].live) == ({}, {})
    assert world.captured[0].row_count == 2


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"revision": 9}, RevisionNotFoundError), ({"deployment": "boats"}, RevisionNotFoundError)],
)
def test_a_message_of_an_unknown_revision_comes_again_alone(
    world: World, changes: dict[str, Any], error: type[Exception]
) -> None:
    request = asked(world)
    told = world.shadows.answer({"m1": request.model_copy(update=changes), "m2": request})
    assert {message: type(one) for message, one in told.failed.items()} == {"m1": error}
    assert len(world.captured) == len(request.shadows)


def test_a_version_that_is_not_told_yet_comes_again(world: World) -> None:
    request = asked(world)
    del world.versions.kept["bikes", 2]
    told = world.shadows.answer({"m1": request})
    assert [type(error) for error in told.failed.values()] == [VersionUnknownError]


def test_messages_whose_captures_are_not_taken_come_again(world: World) -> None:
    request = asked(world).model_copy(update={"shadows": ("v2",)})
    world.queue.hates = lambda text: '"r2"' in text
    other = request.model_copy(update={"capture_id": "r2"})
    told = world.shadows.answer({"m1": request, "m2": other})
    assert {message: type(one) for message, one in told.failed.items()} == {"m2": CaptureNotTakenError}
    away = replace(world.shadows, captures=MemoryQueue(away_until=1e9))
    told = away.answer({"m1": request, "m2": other})
    assert {type(one) for one in told.failed.values()} == {QueueUnavailableError}
    assert set(told.failed) == {"m1", "m2"}
