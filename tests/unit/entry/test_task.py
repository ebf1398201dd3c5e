import json
from datetime import UTC, datetime

import pytest

from shelflife.entry.task import InvalidTaskInputError, task
from shelflife.kernel.errors import ConflictError
from shelflife.kernel.ids import Moment
from shelflife.kernel.model import Model
from tests.harness.events import LambdaContext


class PourMilk(Model):
    glass: str
    at: Moment


class MilkPoured(Model):
    glass: str
    at: Moment


class GlassFullError(ConflictError):
    pass


@task(PourMilk)
def pour(asked: PourMilk) -> MilkPoured:
    if asked.glass == "full":
        message = "the glass is full"
        raise GlassFullError(message)
    return MilkPoured(glass=asked.glass, at=asked.at)


@task(PourMilk)
def spill(asked: PourMilk) -> None:
    return None


def test_a_task_answers_plain_json() -> None:
    answer = pour({"glass": "tall", "at": "2026-11-20T12:00:00Z"}, LambdaContext())
    assert answer == {"glass": "tall", "at": "2026-11-20T12:00:00Z"}
    assert json.loads(json.dumps(answer)) == answer
    assert spill({"glass": "tall", "at": "2026-11-20T12:00:00Z"}, LambdaContext()) is None


def test_an_error_rises_as_it_is_since_workflows_match_on_its_name() -> None:
    with pytest.raises(GlassFullError) as risen:
        pour({"glass": "full", "at": datetime.now(UTC).isoformat()}, LambdaContext())
    assert type(risen.value).__name__ == "GlassFullError"


@pytest.mark.parametrize("event", [{}, None, [], "text", {"glass": 1, "at": "noon", "ice": True}])
def test_what_a_task_cannot_read_is_named(event: object) -> None:
    with pytest.raises(InvalidTaskInputError, match="PourMilk") as risen:
        pour(event, LambdaContext())
    assert risen.value.faults


def test_a_failed_task_is_logged_and_counted(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(GlassFullError):
        pour({"glass": "full", "at": "2026-11-20T12:00:00Z"}, LambdaContext())
    (record,) = [record for record in caplog.records if record.getMessage() == "failed"]
    assert record.__dict__["door"] == "task PourMilk"
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [(line["door"], line["Failures"]) for line in counted] == [("task PourMilk", [1.0])]
