from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import numpy as np
import onnxruntime
import pytest

from shelflife.contracts.models import Datatype
from shelflife.kernel.errors import InvalidError, UnavailableError, counts_for
from shelflife.serving.errors import (
    DeploymentNotFoundError,
    DeploymentNotReadyError,
    ModelFailedError,
    VariantNotFoundError,
    VersionNotServedError,
)
from shelflife.serving.model import DeployableVersion
from shelflife.serving.prediction import Predictions
from shelflife.serving.served import REMEMBERED_SECONDS, Routing, ServedModels
from shelflife.serving.sessions import OnnxModel
from shelflife.serving.tensors import InferenceRequest, InputTensor
from shelflife.serving.traffic import TrafficRule, only
from tests.fakes.captures import MemoryCaptures
from tests.fakes.deployments import deployment, rule
from tests.fakes.deployments import revision as revision_of
from tests.fakes.onnx_models import classifying, input_of, reference_of, summing
from tests.fakes.serving import MemoryDeployments, MemoryModels, MemoryVersions

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FEATURES = (input_of("hr"), input_of("temp"), input_of("season", Datatype.BYTES))


@dataclass
class World:
    seconds: float = 0.0
    share: float = 0.5
    deployments: MemoryDeployments = field(default_factory=MemoryDeployments)
    versions: MemoryVersions = field(default_factory=MemoryVersions)
    models: MemoryModels = field(default_factory=MemoryModels)
    captures: MemoryCaptures = field(default_factory=MemoryCaptures)

    def serve(self, made: Any, *, version: int = 1, revision: int = 1, rate: float = 1.0) -> None:
        """Let deployment `bikes` serve the model."""
        content, signature = made
        reference = reference_of(content, signature, version=version)
        session = onnxruntime.InferenceSession(content)
        self.models.models[reference.candidate.model.sha256] = OnnxModel(session, signature)
        self.versions.keep(DeployableVersion(reference=reference))
        by = only(version)
        self.deployments.kept_revisions["bikes", revision] = revision_of(revision, by)
        self.deployments.deployments["bikes"] = deployment(reference, rate=rate, revision=revision)

    def route(self, by: TrafficRule, revision: int) -> None:
        """Let it answer by this rule, with versions that it served before."""
        stable = self.versions.kept["bikes", by.stable.model_version].reference
        self.deployments.kept_revisions["bikes", revision] = revision_of(revision, by)
        self.deployments.deployments["bikes"] = deployment(stable, by=by, revision=revision)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def predictions(world: World) -> Predictions:
    ids = count(1)
    return Predictions(
        served=ServedModels(world.deployments, world.versions, lambda: world.seconds, lambda: world.share),
        models=world.models,
        captures=world.captures,
        now=lambda: NOON,
        seconds=lambda: world.seconds,
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
    answer = predictions.predict("bikes", asking(3, "r1"))
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
    predictions.predict("bikes", asking(2))
    (kept,) = world.captures.messages
    assert kept.model_dump(exclude={"outputs"}) == {
        "capture_id": "made-1",
        "deployment": "bikes",
        "revision": 2,
        "variant": "v4",
        "role": "live",
        "assigned": True,
        "model_version": 4,
        "captured_at": NOON,
        "latency_ms": 0.0,
        "error": None,
        "refused": False,
        "hidden": (),
        "hashed": (),
        "first_row": 0,
        "inputs": {"hr": [0, 1], "temp": [0.24, 0.24], "season": ["winter", None]},
        "live_variant": None,
        "live": {},
    }
    assert kept.outputs["prediction"] == pytest.approx([10.24, 1.24])


def test_all_outputs_are_captured_though_one_is_asked_for(world: World, predictions: Predictions) -> None:
    world.serve(classifying())
    asked = InferenceRequest("r1", [InputTensor("x", "FP32", [2, 1], [0.25, 0.75])], ["probabilities"])
    answer = predictions.predict("bikes", asked)
    assert [tensor.name for tensor, _ in answer.outputs] == ["probabilities"]
    assert world.captures.messages[0].outputs == {
        "label": ["no", "yes"],
        "probabilities": [[0.75, 0.25], [0.25, 0.75]],
    }


def test_outputs_come_in_the_order_asked(world: World, predictions: Predictions) -> None:
    world.serve(classifying())
    inputs = [InputTensor("x", "FP32", [1], [0.75])]
    answer = predictions.predict("bikes", InferenceRequest(None, inputs, ["probabilities", "label"]))
    assert [tensor.name for tensor, _ in answer.outputs] == ["probabilities", "label"]
    with pytest.raises(InvalidError, match="there is no output 'score', the model answers"):
        predictions.predict("bikes", InferenceRequest(None, inputs, ["score"]))


def test_a_share_of_the_requests_is_captured_by_their_ids(world: World, predictions: Predictions) -> None:
    world.serve(summing(*FEATURES), rate=0.3)
    for at in range(1000):
        predictions.predict("bikes", asking(request_id=f"r{at}"))
    first = {kept.capture_id for kept in world.captures.messages}
    assert 250 < len(first) < 350
    for at in range(1000):
        predictions.predict("bikes", asking(request_id=f"r{at}"))
    assert {kept.capture_id for kept in world.captures.messages} == first


def test_rate_zero_captures_nothing(world: World, predictions: Predictions) -> None:
    world.serve(summing(*FEATURES), rate=0)
    predictions.predict("bikes", asking())
    assert not world.captures.messages


def test_an_activation_is_seen_within_seconds(world: World, predictions: Predictions) -> None:
    world.serve(summing(*FEATURES))
    assert predictions.predict("bikes", asking()).model_version == 1
    world.serve(summing(*FEATURES, bias=1), version=2, revision=2)
    world.seconds = REMEMBERED_SECONDS - 0.1
    assert predictions.predict("bikes", asking()).model_version == 1
    world.seconds = REMEMBERED_SECONDS
    assert predictions.predict("bikes", asking()).model_version == 2


def test_any_version_that_was_ever_served_answers(world: World, predictions: Predictions) -> None:
    world.serve(summing(*FEATURES))
    world.serve(summing(*FEATURES, bias=1), version=2, revision=2)
    answer = predictions.predict("bikes", asking(), Routing(version="1"))
    assert (answer.model_version, answer.revision) == (1, 1)
    for version in ("3", "latest", "-1", "1.0", "٣", "9" * 400, ""):
        with pytest.raises(VersionNotServedError):
            predictions.predict("bikes", asking(), Routing(version=version))


@pytest.mark.parametrize("name", ["boats", "", "..", "a" * 5000, "bikes#", "bikes\n"])
def test_an_unknown_deployment_is_not_found(predictions: Predictions, world: World, name: str) -> None:
    world.serve(summing(*FEATURES))
    with pytest.raises(DeploymentNotFoundError):
        predictions.predict(name, asking())


def test_a_deployment_without_a_model_says_why(world: World, predictions: Predictions) -> None:
    world.serve(summing(*FEATURES))
    waiting = world.deployments.deployments["bikes"].model_copy(
        update={"traffic": None, "stable": None, "reason": "no champion"}
    )
    world.deployments.deployments["bikes"] = waiting
    with pytest.raises(DeploymentNotReadyError, match="'bikes' is not ready: no champion"):
        predictions.predict("bikes", asking())
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


def test_shares_follow_the_rule_and_a_key_always_gets_its_variant(
    world: World, predictions: Predictions
) -> None:
    world.serve(summing(*FEATURES))
    world.serve(summing(*FEATURES, bias=1), version=2, revision=2)
    world.route(rule((1, 75), (2, 25)), revision=3)
    for share, variant in ((0.0, "v1"), (0.7499, "v1"), (0.75, "v2"), (0.9999, "v2")):
        world.share = share
        assert predictions.predict("bikes", asking()).variant == variant
    answered = {
        key: {predictions.predict("bikes", asking(), Routing(key=key)).variant for _ in range(3)}
        for key in map(str, range(200))
    }
    assert all(len(variants) == 1 for variants in answered.values())
    assert 25 < sum(variants == {"v2"} for variants in answered.values()) < 80


def test_a_named_variant_answers_and_is_not_counted_as_its_traffic(
    world: World, predictions: Predictions
) -> None:
    world.serve(summing(*FEATURES))
    world.serve(summing(*FEATURES, bias=1), version=2, revision=2)
    world.route(rule((1, 100), (2, 0)), revision=3)
    answer = predictions.predict("bikes", asking(), Routing(variant="v2"))
    assert (answer.variant, answer.model_version, answer.revision) == ("v2", 2, 3)
    assert not world.captures.messages[-1].assigned
    predictions.predict("bikes", asking())
    assert world.captures.messages[-1].assigned
    with pytest.raises(VariantNotFoundError, match="has no live variant 'v3', but v1, v2"):
        predictions.predict("bikes", asking(), Routing(variant="v3"))


def test_a_store_that_does_not_answer_changes_nothing(world: World, predictions: Predictions) -> None:
    world.serve(summing(*FEATURES))
    assert predictions.predict("bikes", asking()).revision == 1
    world.deployments.broken = True
    world.seconds = 2 * REMEMBERED_SECONDS
    assert predictions.predict("bikes", asking()).revision == 1
    assert predictions.served.stale_reads == 1
    with pytest.raises(UnavailableError):
        predictions.predict("boats", asking())
    world.deployments.broken = False
    world.serve(summing(*FEATURES, bias=1), version=2, revision=2)
    world.seconds = 3 * REMEMBERED_SECONDS
    assert predictions.predict("bikes", asking()).revision == 2


def test_what_cannot_be_answered_is_captured_for_who_should_have(
    world: World, predictions: Predictions
) -> None:
    world.serve(summing(*FEATURES))
    with pytest.raises(InvalidError):
        predictions.predict("bikes", InferenceRequest("r1", [InputTensor("hr", "FP32", [1], [1])], None))
    (kept,) = world.captures.messages
    assert (kept.capture_id, kept.variant, kept.error, kept.row_count) == (
        "r1", "v1", "InvalidRequestError", 1,
    )  # fmt: skip


def test_a_failure_counts_for_the_variant_that_should_have_answered_and_a_refusal_for_none(
    world: World, predictions: Predictions
) -> None:
    world.serve(summing(*FEATURES))
    with pytest.raises(InvalidError) as refused:
        predictions.predict("bikes", InferenceRequest("r1", [InputTensor("hr", "FP32", [1], [1])], None))
    assert counts_for(refused.value) is None
    world.models.models.clear()
    with pytest.raises(UnavailableError) as failed:
        predictions.predict("bikes", asking())
    assert counts_for(failed.value) == ("bikes", "v1")


def test_a_fault_of_ours_is_captured_as_a_failure_like_any_other(
    world: World, predictions: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.serve(summing(*FEATURES))

    def load(reference: object) -> object:
        raise KeyError(reference)

    monkeypatch.setattr(world.models, "load", load)
    with pytest.raises(KeyError) as failed:
        predictions.predict("bikes", asking(request_id="r1"))
    assert counts_for(failed.value) == ("bikes", "v1")
    (kept,) = world.captures.messages
    assert (kept.capture_id, kept.variant, kept.error, kept.refused) == ("r1", "v1", "KeyError", False)
