"""Order, waiting and retries are in the ASL files, and all of them look alike."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.harness.tree import FUNCTIONS, STATEMACHINES, is_ours, machines, shown, states_of

INVOKE = "arn:aws:states:::lambda:invoke"
#: What Lambda itself may answer that is gone a moment later.
TRANSIENT = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}
FUNCTION_NAMES = {path.parent.name for path in FUNCTIONS.glob("*/*/handler.py")}
MACHINE_NAMES = {path.name.removesuffix(".asl.json") for path in STATEMACHINES.glob("*/*.asl.json")}
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")

of_machines = pytest.mark.parametrize("path", machines(), ids=shown)


def tasks(path: Path) -> list[tuple[str, dict[str, Any]]]:
    return [(name, state) for name, state in states_of(path) if state["Type"] == "Task"]


@of_machines
def test_every_task_has_a_time_limit_retries_and_a_catch(path: Path) -> None:
    lacking = {
        name: missing
        for name, state in tasks(path)
        if (missing := {"TimeoutSeconds", "Retry", "Catch"} - {key.removesuffix("Path") for key in state})
    }
    assert lacking == {}


@of_machines
def test_every_function_is_retried_when_lambda_stumbles(path: Path) -> None:
    for name, state in tasks(path):
        if state["Resource"] == INVOKE:
            retried = {error for retry in state["Retry"] for error in retry["ErrorEquals"]}
            assert retried >= TRANSIENT or "States.ALL" in retried, name


@of_machines
def test_retries_are_spread(path: Path) -> None:
    alike = [
        name
        for name, state in tasks(path)
        for retry in state["Retry"]
        if retry.get("JitterStrategy") != "FULL" and retry.get("MaxAttempts") != 0
    ]
    assert alike == []


@of_machines
def test_every_error_that_is_matched_exists(path: Path) -> None:
    matched = {
        error
        for _, state in states_of(path)
        for rule in [*state.get("Retry", []), *state.get("Catch", [])]
        for error in rule["ErrorEquals"]
    }
    # AWS's own have a dot: States.Timeout, Lambda.ServiceException, Batch.ServerException.
    assert {error for error in matched if "." not in error and not is_ours(error)} == set()


@of_machines
def test_whatever_is_not_expected_is_caught_last(path: Path) -> None:
    for name, state in tasks(path):
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
        assert all("ResultPath" in rule for rule in state["Catch"]), name


@of_machines
def test_every_end_has_a_name(path: Path) -> None:
    machine = json.loads(path.read_text())
    ends = {name: state for name, state in machine["States"].items() if "Next" not in state}
    kinds = {name: state["Type"] for name, state in ends.items()}
    assert set(kinds.values()) <= {"Succeed", "Fail", "Choice"}, kinds
    assert "Succeed" in kinds.values()
    for name, state in states_of(path):
        if state["Type"] == "Fail":
            assert {"Error", "ErrorPath"} & state.keys(), name


@of_machines
def test_a_function_is_called_by_the_name_of_its_folder(path: Path) -> None:
    for name, state in tasks(path):
        parameters = state.get("Parameters", {})
        if state["Resource"] == INVOKE:
            assert _named(parameters["FunctionName"]) in FUNCTION_NAMES, name
        elif "states:startExecution" in state["Resource"]:
            assert _named(parameters["StateMachineArn"]) in MACHINE_NAMES, name


@of_machines
def test_a_placeholder_means_one_thing(path: Path) -> None:
    text = path.read_text()
    functions = set(re.findall(r'"FunctionName"\s*:\s*"\$\{(\w+)\}"', text))
    nested = set(re.findall(r'"StateMachineArn"\s*:\s*"\$\{(\w+)\}"', text))
    values = set(PLACEHOLDER.findall(text)) - functions - nested
    assert values & (FUNCTION_NAMES | MACHINE_NAMES) == set()
    assert functions & nested == set()


@of_machines
def test_the_state_grows_and_is_never_replaced(path: Path) -> None:
    # An item of a Map may be reduced to its answer: the state around it still grows.
    for name, state in json.loads(path.read_text())["States"].items():
        if state["Type"] != "Task":
            continue
        assert "ResultPath" in state, name
        assert state["ResultPath"] is None or re.fullmatch(r"\$\.\w+(\.\w+)*", state["ResultPath"]), name


@of_machines
def test_a_function_of_a_workflow_is_its_contexts_own_or_the_only_one(path: Path) -> None:
    for name, state in tasks(path):
        if state["Resource"] == INVOKE:
            function = _named(state["Parameters"]["FunctionName"])
            homes = {one.parents[1].name for one in FUNCTIONS.glob(f"*/{function}/handler.py")}
            assert path.parent.name in homes or len(homes) == 1, name


def _named(text: str) -> str:
    found = PLACEHOLDER.fullmatch(text)
    return found[1] if found else text
