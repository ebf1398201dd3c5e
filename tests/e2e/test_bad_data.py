"""Files that cannot become a dataset version, and plans that cannot be trained, say what is wrong."""

from typing import Any

import pytest

from tests.e2e import steps
from tests.harness.installation import Platform

pytestmark = pytest.mark.e2e

NUMBERS = "".join(f"{row},{row % 7},a\n" for row in range(40))
FILES = {
    "empty": (b"", "empty-file", "file", "file is empty: it has 0 bytes"),
    "missing": (
        b"x,y\n" + b"1,\n" * 5,
        "all-missing",
        "y",
        "column 'y' has no value in any of its 5 rows",
    ),
    "text": (
        f"x,y,z\n{NUMBERS}41,many,a\n".encode(),
        "mixed-column",
        "y",
        "column 'y' has 40 numbers among 41 values, but row 41 has 'many'",
    ),
    "twice": (
        b"x,y,X\n1,2,3\n",
        "duplicate-column",
        "header",
        "header has the name 'X' at positions 1 and 3",
    ),
    "latin": (
        "x,city\n1,Zürich\n".encode("latin-1"),
        "wrong-encoding",
        "file",
        "file is not UTF-8 text: byte 10 is 0xfc",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file_is_refused_with_its_field_and_value(case: str, platform: Platform) -> None:
    body, code, field, message = FILES[case]
    ended = steps.ingest(platform, f"bad-{case}", body)
    assert (ended["state"], ended.get("version")) == ("failed", None)
    problem = ended["problem"]
    assert (problem["type"], problem["status"]) == (f"/errors/{code}", 400)
    assert problem["errors"] == [{"field": field, "message": message}]
    assert platform.ask("GET", f"/v1/data/datasets/bad-{case}/versions/latest").status_code == 404


def test_a_column_may_be_declared_to_hold_text(platform: Platform) -> None:
    ended = steps.ingest(platform, "declared", FILES["text"][0], columns={"y": "text"})
    assert ended["state"] == "succeeded", ended


PLAN: dict[str, Any] = {
    "dataset": {"name": "plain"},
    "target": "y",
    "features": ["x"],
    "task": "regression",
    "algorithm": "linear",
}
PLANS: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown dataset": ({"dataset": {"name": "nobody"}}, "dataset.name", "there is no dataset 'nobody'"),
    "unknown version": (
        {"dataset": {"name": "plain", "version": 7}},
        "dataset.version",
        "dataset 'plain' has no version 7; its latest is 1",
    ),
    "unknown target": ({"target": "prise"}, "target", "no column 'prise'; it has x, y, same, word"),
    "unknown feature": ({"features": ["x", "q"]}, "features.1", "no column 'q'; it has x, y, same, word"),
    "one class only": (
        {"target": "same", "task": "classification"},
        "target",
        "column 'same' has only one value in all of its rows",
    ),
    "text as a target": ({"target": "word"}, "target", "column 'word' is text, a regression needs numbers"),
    "no row held out": (
        {"split": {"holdout_fraction": 0.001}},
        "split.holdout_fraction",
        "of 40 rows with a target, 0 would be held out and 40 trained on",
    ),
    "unknown hyperparameter": (
        {"hyperparameters": {"gamma": 1}},
        "hyperparameters.gamma",
        "linear for regression has no 'gamma'; it has alpha",
    ),
}


@pytest.fixture(scope="module")
def plain(platform: Platform) -> str:
    rows = "".join(f"{row},{row * 2 % 13},1,w{row}\n" for row in range(40))
    assert steps.version_of(platform, "plain", f"x,y,same,word\n{rows}".encode()) == 1
    return "plain"


@pytest.mark.parametrize("case", PLANS)
def test_a_bad_plan_is_refused_before_anything_starts(case: str, platform: Platform, plain: str) -> None:
    changes, field, message = PLANS[case]
    model = f"bad-plan-{case.replace(' ', '-')}"
    answer = platform.ask("POST", "/v1/training/jobs", PLAN | {"model_name": model} | changes)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    (fault,) = answer.json()["errors"]
    assert fault["field"] == field
    assert message in fault["message"]
    assert platform.executions(platform.machine("training", "TrainModel"), model) == []
    jobs = platform.get("/v1/training/jobs?limit=100")["jobs"]
    assert [job for job in jobs if job["plan"]["model_name"] == model] == []
