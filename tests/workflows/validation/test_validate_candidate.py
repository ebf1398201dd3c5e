from typing import Any

import pytest

from shelflife.contracts.models import Candidate
from shelflife.contracts.validation import Verdict
from shelflife.registry.settings import TABLE as REGISTRY
from shelflife.registry.settings import RegistrySettings
from shelflife.validation.settings import TABLE, ValidationSettings
from tests.harness.cloud import make_bucket, make_table
from tests.harness.events import golden
from tests.harness.models import verdict
from tests.harness.trained import line, trained
from tests.harness.workflows import Execution, TaskFailed, run

VALIDATE = "validation/validate_candidate"
BUCKET = "artifacts"


@pytest.fixture(autouse=True)
def installed(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = (
        ValidationSettings(validation_table_name=make_table(TABLE).table_name),
        RegistrySettings(registry_table_name=make_table(REGISTRY).table_name),
    )
    for of_context in settings:
        for name, value in of_context.to_env().items():
            monkeypatch.setenv(name, value)
    make_bucket(BUCKET)


def validate(candidate: Candidate, **more: Any) -> Execution:
    asked = {"candidate": candidate.model_dump(mode="json"), "model_name": candidate.model_name}
    return run(VALIDATE, asked, **more)


def promote(candidate: Candidate, found: Verdict | None = None) -> None:
    """Make the candidate champion, as train_model does."""
    asked = {
        "candidate": candidate.model_dump(mode="json"),
        "verdict": (found or verdict()).model_dump(mode="json"),
    }
    registered = run("registry/register_model", asked).output["registered"]
    move = golden("registry/move_alias") | {"version": registered["version"]}
    assert run("registry/promote_model", move).status == "SUCCEEDED"


def test_a_first_candidate_is_judged_without_a_champion() -> None:
    ended = validate(trained(BUCKET))
    assert (ended.status, ended.states) == ("SUCCEEDED", ("FindChampion", "Evaluate", "Judge", "Judged"))
    found = Verdict.model_validate(ended.output["verdict"])
    assert (found.passed, found.evaluation_id) == (True, "job-1.first")
    promote(trained(BUCKET), found)


def test_a_worse_candidate_is_refused_and_a_better_one_passes() -> None:
    promote(trained(BUCKET, "old", model=line(1.9)))
    refused = Verdict.model_validate(validate(trained(BUCKET, "worse", model=line(1.5))).output["verdict"])
    assert [gate.gate for gate in refused.gates if not gate.passed] == ["not_worse_than_champion"]
    assert Verdict.model_validate(validate(trained(BUCKET, "better")).output["verdict"]).passed


def test_a_corrupted_candidate_is_refused_not_failed() -> None:
    ended = validate(trained(BUCKET, model=b"not ONNX"))
    assert ended.status == "SUCCEEDED"
    assert not ended.output["verdict"]["passed"]


def test_a_workflow_that_was_cut_off_can_be_run_again() -> None:
    def crash(event: Any, context: Any) -> Any:
        raise RuntimeError("out of memory")

    ended = validate(trained(BUCKET), handlers={"judge": crash})
    assert (ended.status, ended.error) == ("FAILED", "RuntimeError")
    assert ended.states[-1] == "ValidationFailed"
    assert validate(trained(BUCKET)).output["verdict"]["evaluation_id"] == "job-1.first"


@pytest.mark.parametrize("state", ["find_alias", "evaluate_candidate", "judge"])
def test_an_error_that_nobody_expects_fails_with_its_name(state: str) -> None:
    def missing(event: Any, context: Any) -> Any:
        raise TaskFailed("Lambda.ResourceNotFoundException", "Function not found")

    ended = validate(trained(BUCKET), handlers={state: missing})
    assert (ended.status, ended.error) == ("FAILED", "Lambda.ResourceNotFoundException")


def test_the_golden_input_is_judged() -> None:
    ended = run(VALIDATE, golden("validation/validate_candidate"))
    assert ended.status == "SUCCEEDED"
    (gate,) = (gate for gate in ended.output["verdict"]["gates"] if gate["gate"] == "runs")
    assert "does not exist" in gate["reason"]
