import json
from typing import Any

import pytest

from shelflife.entry.executions import ended_execution
from shelflife.kernel.model import Model
from tests.harness.events import LambdaContext

ARN = "arn:aws:states:eu-west-1:000000000000:execution:Water:1"
CONTEXT = LambdaContext()


class Watering(Model):
    plant: str
    execution: str
    status: str
    cause: str


def ended(status: str = "ABORTED", **detail: Any) -> dict[str, Any]:
    told = {"executionArn": ARN, "status": status, "input": json.dumps({"plant": "fern"})} | detail
    return {"detail-type": "Step Functions Execution Status Change", "source": "aws.states", "detail": told}


@pytest.fixture(autouse=True)
def _told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


@pytest.fixture
def heard() -> list[Watering]:
    return []


@pytest.fixture
def door(heard: list[Watering]) -> Any:
    return ended_execution(Watering)(heard.append)


def test_the_function_is_told_what_the_execution_was_about_and_how_it_ended(
    door: Any, heard: list[Watering]
) -> None:
    door(ended("TIMED_OUT", error=None, cause=None), CONTEXT)
    door(ended("FAILED", error="Dry", cause="no water"), CONTEXT)
    assert heard == [
        Watering(plant="fern", execution=ARN, status="TIMED_OUT", cause=""),
        Watering(plant="fern", execution=ARN, status="FAILED", cause="Dry: no water"),
    ]


@pytest.mark.parametrize(
    "given", ['{"animal": "cat"}', '{"plant": "fern", "pot": 1}', '["fern"]', "{", "", None]
)
def test_an_execution_that_somebody_started_with_something_else_is_let_be(
    door: Any, heard: list[Watering], given: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    door(ended(input=given), CONTEXT)
    assert heard == []
    assert ["ignored" in record.__dict__ for record in caplog.records] == [True]


def test_what_fails_is_delivered_again() -> None:
    def fail(told: Watering) -> None:
        raise RuntimeError(told.plant)

    with pytest.raises(RuntimeError, match="fern"):
        ended_execution(Watering)(fail)(ended(), CONTEXT)
