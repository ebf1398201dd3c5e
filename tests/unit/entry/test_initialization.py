import json
from collections.abc import Mapping
from typing import Any

import pytest

from shelflife.entry.initialization import Step, initialize
from shelflife.kernel.names import Context

Lines = list[dict[str, Any]]


def written(capsys: pytest.CaptureFixture[str]) -> tuple[Lines, Lines]:
    """Log lines, and metrics records."""
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    return [one for one in lines if "_aws" not in one], [one for one in lines if "_aws" in one]


def break_down() -> Mapping[str, Any]:
    msg = "it cannot be"
    raise LookupError(msg)


def test_each_step_is_told_and_none_ends_another(capsys: pytest.CaptureFixture[str]) -> None:
    taken = []

    def last() -> Mapping[str, Any]:
        taken.append("last")
        return {"deployment": "bikes"}

    steps: dict[str, Step] = {
        "first": break_down,
        "second": lambda: {"failed": True, "reason": "no model"},
        "last": last,
    }
    initialize(Context.SERVING, lambda: steps)
    logs, metrics = written(capsys)
    assert taken == ["last"]
    assert [log["step"] for log in logs] == ["first", "second", "last"]
    assert (logs[0]["level"], logs[0]["exception_name"]) == ("ERROR", "LookupError")
    assert logs[1]["reason"] == "no model"
    assert logs[2]["deployment"] == "bikes"
    assert {log["door"] for log in logs} == {"serving/init"}
    assert [one["Failures"] for one in metrics] == [[1.0], [1.0], [0.0]]


def test_a_function_without_steps_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    initialize(Context.SERVING, dict)
    assert capsys.readouterr().out == ""


def test_steps_that_cannot_be_named_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    initialize(Context.SERVING, break_down)
    (log,), (metrics,) = written(capsys)
    assert (log["exception_name"], metrics["Failures"]) == ("LookupError", [1.0])
