"""The canary of tests/harness/workflows.py: when a newer moto has moved its hooks, this fails first."""

import json
from pathlib import Path
from typing import Any

import pytest

from shelflife.kernel.errors import ConflictError
from tests.harness import workflows
from tests.harness.workflows import Execution, TaskFailed, UnboundError, fail, run, succeed

pytestmark = pytest.mark.usefixtures("aws")

RETRY = [{"ErrorEquals": ["TakenError"], "IntervalSeconds": 100, "MaxAttempts": 2, "JitterStrategy": "FULL"}]
ENDS = {"Failed": {"Type": "Fail", "Error": "Failed"}, "Done": {"Type": "Succeed"}}
ENDING = {
    "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Failed"}],
    "Next": "Done",
}


class TakenError(ConflictError):
    pass


def task(resource: str, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{resource}",
        "Parameters": parameters,
        "ResultPath": "$.found",
        "TimeoutSeconds": 30,
        "Retry": RETRY,
        **ENDING,
        **more,
    }


def invoke(**more: Any) -> dict[str, Any]:
    selected = {"ResultSelector": {"answer.$": "$.Payload"}}
    return task("lambda:invoke", {"FunctionName": "${double_it}", "Payload.$": "$"}, **selected, **more)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(workflows, "STATEMACHINES", tmp_path)

    def write(first: dict[str, Any], name: str = "canary/sing", **states: Any) -> None:
        path = tmp_path / f"{name}.asl.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"StartAt": "First", "States": {"First": first, **states, **ENDS}}))

    return write


def double(event: Any, _context: Any) -> Any:
    return {"doubled": event["number"] * 2}


def test_a_handler_answers_a_state(machine: Any) -> None:
    machine(invoke())
    ended = run("canary/sing", {"number": 2}, handlers={"double_it": double})
    assert ended == Execution(
        "SUCCEEDED", {"number": 2, "found": {"answer": {"doubled": 4}}}, None, None, ("First", "Done")
    )


def test_an_error_is_retried_by_its_class_name_without_waiting(machine: Any) -> None:
    machine(invoke())
    left = [TakenError("once"), TakenError("twice")]

    def contended(event: Any, context: Any) -> Any:
        if left:
            raise left.pop()
        return double(event, context)

    assert run("canary/sing", {"number": 2}, handlers={"double_it": contended}).status == "SUCCEEDED"


def test_an_error_is_caught_with_its_message(machine: Any) -> None:
    machine(invoke(Catch=[{"ErrorEquals": ["TakenError"], "ResultPath": "$.failure", "Next": "Done"}]))

    def taken(event: Any, context: Any) -> Any:
        raise TakenError("it is taken")

    failure = run("canary/sing", {"number": 2}, handlers={"double_it": taken}).output["failure"]
    assert failure["Error"] == "TakenError"
    assert json.loads(failure["Cause"])["errorMessage"] == "it is taken"


def test_a_service_error_has_the_services_name(machine: Any) -> None:
    machine(invoke(Catch=[{"ErrorEquals": ["Lambda.TooManyRequestsException"], "Next": "Done"}]))

    def throttled(event: Any, context: Any) -> Any:
        raise TaskFailed("Lambda.TooManyRequestsException", "Rate exceeded")

    assert run("canary/sing", {"number": 2}, handlers={"double_it": throttled}).status == "SUCCEEDED"


def test_what_nobody_bound_is_named(machine: Any) -> None:
    machine(invoke())
    with pytest.raises(UnboundError, match="0 functions are called 'double_it'"):
        run("canary/sing", {})
    machine(task("batch:submitJob.sync", {}))
    with pytest.raises(UnboundError, match=r"no integration 'batch:submitJob.sync'"):
        run("canary/sing", {})
    machine(nested())
    with pytest.raises(UnboundError, match="0 state machines are called 'hum'"):
        run("canary/sing", {})


@pytest.mark.parametrize("service", ["sagemaker:createTrainingJob.sync", "batch:submitJob.sync"])
def test_a_job_is_what_the_test_says(machine: Any, service: str) -> None:
    machine(task(service, {"JobName.$": "$.job"}))
    ended = run("canary/sing", {"job": "j"}, integrations={service: lambda asked: {"Was": asked["JobName"]}})
    assert ended.output["found"] == {"Was": "j"}

    def failing(parameters: Any) -> Any:
        raise TaskFailed("States.TaskFailed", '{"status": "FAILED"}')

    machine(task(service, {}, Catch=[{"ErrorEquals": ["States.TaskFailed"], "Next": "Done"}]))
    ended = run("canary/sing", {}, integrations={service: failing})
    assert ended.output == {"Error": "States.TaskFailed", "Cause": '{"status": "FAILED"}'}


def nested(**more: Any) -> dict[str, Any]:
    parameters = {"StateMachineArn": "${hum}", "Input": {"number.$": "$.number"}}
    return task("states:startExecution.sync:2", parameters, **more)


def test_a_nested_machine_runs_its_own_handlers(machine: Any) -> None:
    machine(invoke(), "canary/hum")
    machine(nested(ResultSelector={"answer.$": "$.Output.found.answer"}))
    ended = run("canary/sing", {"number": 2}, handlers={"double_it": double})
    assert ended.output["found"] == {"answer": {"doubled": 4}}


def test_a_nested_machine_can_be_replaced(machine: Any) -> None:
    machine(nested(ResultSelector={"answer.$": "$.Output.tune"}))
    assert run("canary/sing", {"number": 2}, machines={"hum": succeed({"tune": "la"})}).output["found"] == {
        "answer": "la"
    }
    ended = run("canary/sing", {"number": 2}, machines={"hum": fail("Hoarse", "no voice")})
    assert (ended.status, ended.states) == ("FAILED", ("First", "Failed"))


def test_a_map_and_a_wait_do_not_keep_anyone_waiting(machine: Any) -> None:
    iterator = {
        "ProcessorConfig": {"Mode": "INLINE"},
        "StartAt": "Wait",
        "States": {
            "Wait": {"Type": "Wait", "Seconds": 1000, "Next": "Each"},
            "Each": {k: v for k, v in invoke().items() if k not in {"Next", "Catch"}} | {"End": True},
        },
    }
    machine(
        {"Type": "Map", "ItemsPath": "$.all", "MaxConcurrency": 5, "ItemProcessor": iterator, "Next": "Done"}
    )
    ended = run("canary/sing", {"all": [{"number": n} for n in range(4)]}, handlers={"double_it": double})
    assert [one["found"]["answer"]["doubled"] for one in ended.output] == [0, 2, 4, 6]
