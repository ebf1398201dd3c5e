import json
from typing import Any

import pytest

from shelflife.kernel.errors import ShelflifeError
from shelflife.training import errors
from shelflife.training.failures import failed_state
from shelflife.training.model import LONGEST_SECONDS
from tests.harness.workflows import STATEMACHINES

MACHINE = json.loads((STATEMACHINES / "training" / "train_model.asl.json").read_text())
STATES: dict[str, Any] = MACHINE["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_an_end_a_retry_and_a_way_out(name: str) -> None:
    state = TASKS[name]
    assert 0 < state["TimeoutSeconds"] <= LONGEST_SECONDS
    assert state["Retry"]
    assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
    assert state["ResultPath"].count("$.") == 1
    assert "ResultSelector" in state


def test_the_state_that_failed_is_told_by_the_keys_that_the_others_left() -> None:
    """failures.py knows the order of the states: it must be that of the file."""
    for backend, train in (("sagemaker", "TrainOnSageMaker"), ("batch", "TrainOnBatch")):
        seen: dict[str, Any] = {}
        name = MACHINE["StartAt"]
        while (state := STATES[name])["Type"] != "Succeed":
            if state["Type"] == "Task":
                assert failed_state(seen) == name
                seen[state["ResultPath"].removeprefix("$.")] = {"backend": backend}
            name = {"ChooseBackend": train, "HasPassed": "RegisterModel"}.get(name) or state["Next"]


def test_errors_that_are_matched_by_name_exist() -> None:
    matched = {
        name
        for state in TASKS.values()
        for clause in [*state["Retry"], *state["Catch"]]
        for name in clause["ErrorEquals"]
        if "." not in name
    }
    assert matched == {"TrainingJobChangedError", "RetrainingStartedError", "RetrainingRunningError"}
    assert all(issubclass(getattr(errors, name), ShelflifeError) for name in matched)
