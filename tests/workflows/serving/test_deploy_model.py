import json
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.serving.api.handler import handler as api
from functions.serving.apply_step.handler import handler as apply_step
from functions.serving.end_rollout.handler import handler as end_rollout
from functions.serving.end_stopped_rollout.handler import handler as end_stopped_rollout
from functions.serving.hold_rollout.handler import handler as hold_rollout
from functions.serving.judge_step.handler import handler as judge_step
from shelflife.aws.items import Items
from shelflife.contracts.serving import DeploymentCreated
from shelflife.serving.capture_ports import WatchedVariant
from shelflife.serving.dynamo import DynamoDeployments, DynamoVersions
from shelflife.serving.dynamo_windows import DynamoWindows
from shelflife.serving.figures import merged
from shelflife.serving.model import DeployableVersion
from shelflife.serving.observed import answer, failure, numbers
from shelflife.serving.settings import TABLE, ServingSettings
from tests.fakes.deployments import NOON, deployment, revision, rule
from tests.fakes.onnx_models import input_of, reference_of, summing
from tests.harness.cloud import make_table
from tests.harness.events import LambdaContext, golden, http_event
from tests.harness.workflows import Execution, Handler, TaskFailed, run

DEPLOY = "serving/deploy_model"
CANARY = {
    "kind": "canary",
    "weight": 10,
    "bake_seconds": 1,
    "patience_seconds": 1,
    "criteria": {"minimum_samples": 50, "required": ["error_rate"]},
}
CONTEXT = LambdaContext()


@pytest.fixture(autouse=True)
def table(aws: None, monkeypatch: pytest.MonkeyPatch) -> Items:
    """Deployment `bikes` answers with version 1; version 2 can be deployed."""
    made = make_table(TABLE)
    for name, value in ServingSettings(serving_table_name=made.table_name).to_env().items():
        monkeypatch.setenv(name, value)
    for number in (1, 2):
        reference = reference_of(*summing(input_of("x"), bias=float(number)), version=number)
        DynamoVersions(made).keep(DeployableVersion(reference=reference))
    stable = reference_of(*summing(input_of("x"), bias=1.0), version=1)
    fresh = deployment(stable, revision=0)
    created = DeploymentCreated(
        event_id="created", happened_at=NOON, deployment="bikes", model_name="bikes", alias="champion"
    )
    DynamoDeployments(made).add(fresh, created)
    DynamoDeployments(made).shift(fresh.model_copy(update={"revision": 1}), revision(1, rule((1, 100))))
    return made


def ask(method: str, path: str, body: Any = None) -> tuple[int, Any]:
    told = api(http_event(method, f"/v1/serving/deployments/bikes{path}", body, role="contributor"), CONTEXT)
    return told["statusCode"], json.loads(told["body"])


def start(**changes: Any) -> dict[str, Any]:
    status, rollout = ask("POST", "/rollouts", {"model_version": 2, "strategy": CANARY | changes})
    assert status == 202, rollout
    return {"deployment": "bikes", "rollout_id": rollout["rollout_id"]}


def outcome(asked: dict[str, Any]) -> tuple[str, Any]:
    _, rollout = ask("GET", f"/rollouts/{asked['rollout_id']}")
    return rollout["state"], rollout["outcome"]


def shares() -> dict[str, float]:
    return {one["name"]: one["weight"] for one in ask("GET", "")[1]["traffic"]["live"]}


def observing(table: Items, *, bad: int = 0) -> Handler:
    """`judge_step`, before which requests were answered and stored."""

    def handle(event: Any, context: Any) -> Any:
        number = ask("GET", "")[1]["revision"]
        for variant, failed in (("v1", 0), ("v2", bad)):
            figures = merged([*[answer(1, 5.0) + numbers([1.0], [])] * 100, *[failure()] * failed])
            watched = WatchedVariant("bikes", number, variant)
            DynamoWindows(table).add(f"{variant}-{number}", watched, {minute(): figures}, minute())
        return judge_step(event, context)

    return handle


def minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def carried(asked: dict[str, Any], handlers: dict[str, Handler]) -> Execution:
    """The workflow, carried to its end."""
    return run(DEPLOY, asked, handlers=handlers)


def test_the_golden_input_of_no_rollout_ends_as_failed_and_says_why() -> None:
    ended = run(DEPLOY, golden("serving/deploy_model"))
    assert (ended.status, ended.error) == ("FAILED", "RolloutFailed")


def test_a_good_canary_is_promoted(table: Items) -> None:
    asked = start()
    ended = carried(asked, {"judge_step": observing(table)})
    assert ended.status == "SUCCEEDED"
    assert ended.states[:3] == ("Begin", "ApplyStep", "WhatNext")
    assert ended.states[-3:] == ("EndRollout", "Ended", "Done")
    assert outcome(asked) == ("succeeded", "version 2 answers everything")
    assert shares() == {"v2": 100}


def test_a_bad_canary_is_rolled_back_with_the_reason(table: Items) -> None:
    asked = start()
    ended = carried(asked, {"judge_step": observing(table, bad=100)})
    assert ended.status == "SUCCEEDED"
    state, reason = outcome(asked)
    assert state == "rolled_back"
    assert reason.startswith("error_rate: ")
    assert shares() == {"v1": 100}


def test_nothing_to_judge_by_is_rolled_back_as_such() -> None:
    asked = start()
    assert carried(asked, {}).status == "SUCCEEDED"
    assert outcome(asked)[1].startswith("insufficient data: ")
    assert shares() == {"v1": 100}


def test_the_news_delivered_twice_is_carried_once(table: Items) -> None:
    asked = start()
    carried(asked, {"judge_step": observing(table)})
    again = run(DEPLOY, asked)
    assert (again.status, again.states[-1]) == ("SUCCEEDED", "CarriedByAnother")
    assert shares() == {"v2": 100}


def test_an_abort_in_the_middle_stops_the_workflow(table: Items) -> None:
    asked = start()
    watching = observing(table)

    def aborting(event: Any, context: Any) -> Any:
        ask("POST", f"/rollouts/{asked['rollout_id']}/abort", {"reason": "no"})
        return watching(event, context)

    ended = carried(asked, {"judge_step": aborting})
    assert (ended.status, ended.states[-2:]) == ("SUCCEEDED", ("Ended", "Done"))
    assert "EndRollout" not in ended.states
    assert outcome(asked) == ("aborted", "no")
    assert shares() == {"v1": 100}


def twice(handler: Handler) -> Handler:
    """The handler, whose first answer is lost after it has done its work."""
    left = [True]

    def handle(event: Any, context: Any) -> Any:
        told = handler(event, context)
        if left.pop() if left else False:
            raise TaskFailed("Lambda.ServiceException")
        return told

    return handle


@pytest.mark.parametrize("name", ["apply_step", "judge_step", "end_rollout"])
def test_an_answer_that_is_lost_is_asked_for_again(table: Items, name: str) -> None:
    handlers: dict[str, Handler] = {
        "apply_step": apply_step,
        "judge_step": observing(table),
        "end_rollout": end_rollout,
    }
    asked = start()
    ended = carried(asked, handlers | {name: twice(handlers[name])})
    assert ended.status == "SUCCEEDED"
    assert outcome(asked)[0] == "succeeded"
    assert shares() == {"v2": 100}
    assert ask("GET", "")[1]["revision"] == 3


def test_a_step_that_breaks_gives_the_traffic_back(table: Items) -> None:
    asked = start()

    def breaking(event: Any, context: Any) -> Any:
        del event, context
        raise KeyError("a fault of ours")

    ended = carried(asked, {"judge_step": breaking})
    assert (ended.status, ended.error) == ("FAILED", "RolloutFailed")
    state, reason = outcome(asked)
    assert state == "failed"
    assert reason.startswith("KeyError: ")
    assert "a fault of ours" in reason
    assert shares() == {"v1": 100}


def test_a_pause_holds_the_workflow_until_it_goes_on(table: Items) -> None:
    asked = start()
    watching, did = observing(table), list[object]()

    def pausing(event: Any, context: Any) -> Any:
        if not did:
            did.append("paused")
            assert ask("POST", f"/rollouts/{asked['rollout_id']}/pause")[1]["state"] == "paused"
        return watching(event, context)

    def holding(event: Any, context: Any) -> Any:
        hold_rollout(event, context)
        did.append(shares())
        assert ask("POST", f"/rollouts/{asked['rollout_id']}/resume")[1]["state"] == "running"

    ended = carried(asked, {"judge_step": pausing, "hold_rollout": holding})
    assert ended.status == "SUCCEEDED"
    assert did == ["paused", {"v1": 90, "v2": 10}]
    assert "HoldRollout" in ended.states
    assert outcome(asked)[0] == "succeeded"


def stopped_event(execution: str, asked: dict[str, Any]) -> dict[str, Any]:
    event: dict[str, Any] = golden("serving/end_stopped_rollout")
    event["detail"] |= {"executionArn": execution, "input": json.dumps(asked)}
    return event


def test_an_execution_that_is_stopped_from_outside_ends_its_rollout_once(table: Items) -> None:
    asked = start()
    applied = apply_step(asked | {"execution": "e1", "number": 0}, CONTEXT)
    assert (applied["action"], shares()) == ("bake", {"v1": 90, "v2": 10})
    event = stopped_event("e1", asked)
    for _ in range(2):
        end_stopped_rollout(event, CONTEXT)
        assert outcome(asked) == ("aborted", "its execution was stopped")
        assert shares() == {"v1": 100}
        assert ask("GET", "")[1]["revision"] == 3
    start()


def test_a_duplicate_execution_that_is_stopped_ends_nothing(table: Items) -> None:
    asked = start()
    apply_step(asked | {"execution": "e1", "number": 0}, CONTEXT)
    end_stopped_rollout(stopped_event("e2", asked), CONTEXT)
    end_stopped_rollout(golden("serving/end_stopped_rollout"), CONTEXT)
    assert outcome(asked) == ("running", None)
    assert shares() == {"v1": 90, "v2": 10}
