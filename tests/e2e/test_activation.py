"""A model object that is not what was registered never serves; what served before goes on."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e import steps
from tests.e2e.line import NAME, Line, line_inputs
from tests.harness.installation import Platform

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def kept(platform: Platform, line: Line) -> Iterator[Any]:
    """The first version's answer; then the second one's object is overwritten, and promoted."""
    steps.promote(platform, NAME, 1, "the second is not to be trusted")
    steps.deploy(platform, "line-kept", NAME)
    steps.serving(platform, "line-kept", 1)
    answer = line.infer("line-kept")
    uri = line.model_uri(2)
    model = platform.object(uri)
    platform.overwrite(uri, model[:-8] + b"spoiled!")
    steps.promote(platform, NAME, 2, "it was better after all")
    yield answer
    platform.overwrite(uri, model)


def test_the_previous_version_goes_on_serving(platform: Platform, line: Line, kept: Any) -> None:
    seen = platform.until("/v1/serving/deployments/line-kept", lambda one: one["last_failure"])
    assert seen["last_failure"]["model_version"] == 2
    assert "/model.onnx' has SHA-256" in seen["last_failure"]["reason"]
    assert (seen["state"], seen["revision"], seen["model_version"]) == ("ready", 1, 1)
    assert steps.champion(platform, NAME) == 2
    answer = line.infer("line-kept")
    assert (answer["model_version"], answer["outputs"]) == ("1", kept["outputs"])


def test_a_first_deployment_of_it_has_failed(platform: Platform, line: Line, kept: Any) -> None:
    steps.deploy(platform, "line-first", NAME)
    seen = platform.until("/v1/serving/deployments/line-first", lambda one: one["state"] != "waiting")
    assert (seen["state"], seen["revision"], seen["model_version"]) == ("failed", 0, None)
    assert "/model.onnx' has SHA-256" in seen["reason"]
    for method, path, body in (
        ("POST", "infer", {"inputs": line_inputs()}),
        ("GET", "ready", None),
    ):
        answer = platform.ask(method, f"/v2/models/line-first/{path}", body)
        assert answer.status_code == 503
        assert seen["reason"] in answer.json()["error"]


def test_a_rollback_mends_both(platform: Platform, line: Line, kept: Any) -> None:
    steps.promote(platform, NAME, 1, "the second cannot serve")
    for name in ("line-kept", "line-first"):
        seen = platform.until(
            f"/v1/serving/deployments/{name}",
            lambda one: one["state"] == "ready" and one["last_failure"] is None,
        )
        assert (seen["revision"], seen["reason"]) == (1, None)
        assert line.infer(name)["outputs"] == kept["outputs"]
    newest = platform.get(f"/v1/registry/models/{NAME}/aliases/champion/history")["moves"][0]
    assert (newest["from_version"], newest["to_version"]) == (2, 1)
    assert (newest["moved_by"], newest["reason"]) == ("local admin", "the second cannot serve")
