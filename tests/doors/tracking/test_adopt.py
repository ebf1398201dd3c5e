import json
from typing import Any

import pytest

from functions.tracking.adopt.handler import handler
from functions.tracking.api.handler import handler as api
from tests.harness.events import LambdaContext, golden, http_event

RUN = {"experiment_id": "7", "run_name": "r", "user_id": "ada", "start_time": 5}


def put(path: str, body: Any, **event: Any) -> tuple[int, Any]:
    asked = http_event("PUT", f"/v1/tracking/{path}", body, **({"role": "admin"} | event))
    answer = handler(asked, LambdaContext())
    return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def experiment(installed: None) -> None:
    answer = handler(golden("tracking/adopt"), LambdaContext())
    assert answer["statusCode"] == 200, answer["body"]


def test_what_came_in_is_found_over_the_protocol(experiment: None) -> None:
    assert put("runs/abc", RUN)[0] == 200
    asked = http_event("GET", "/api/2.0/mlflow/runs/get?run_id=abc", None)
    info = json.loads(api(asked, LambdaContext())["body"])["run"]["info"]
    assert (info["experiment_id"], info["start_time"], info["user_id"]) == ("7", 5, "ada")
    assert info["artifact_uri"] == "mlflow-artifacts:/7/abc/artifacts"


def test_another_thing_is_a_conflict(experiment: None) -> None:
    assert put("experiments/7", {"name": "cars", "creation_time": 1})[0] == 409
    assert put("runs/abc", RUN)[0] == 200
    status, told = put("runs/abc", RUN | {"start_time": 6})
    assert (status, told["type"].rpartition("/")[2]) == (409, "run-taken")


@pytest.mark.parametrize("role", ["viewer", "contributor", "approver"])
def test_only_an_administrator_may(experiment: None, role: str) -> None:
    assert put("runs/abc", RUN, role=role)[0] == 403


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("experiments/x1", {"name": "a", "creation_time": 1}),
        ("experiments/8", {"name": "", "creation_time": 1}),
        ("experiments/8", {"name": "a", "creation_time": -1}),
        ("experiments/8", {"name": "a"}),
        ("runs/a.b", RUN),
        ("runs/abc", RUN | {"start_time": "soon"}),
    ],
)
def test_bad_input_is_told(experiment: None, path: str, body: Any) -> None:
    assert put(path, body)[0] == 400
