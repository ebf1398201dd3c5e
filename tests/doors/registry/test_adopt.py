import json
from typing import Any

import pytest

from functions.registry.adopt.handler import handler
from functions.registry.api.handler import handler as api
from shelflife.aws.items import Items
from tests.harness.events import LambdaContext, golden, http_event

NAME = "bikes of old"
VERSION = {
    "name": NAME,
    "version": 4,
    "source": "mlflow-artifacts:/1/abc/artifacts/model",
    "stage": "Production",
    "run_id": "abc",
    "tags": {"a": "b"},
    "creation_time": 1700000000123,
    "last_update_time": 1700000000456,
}


def put(path: str, body: Any, role: str = "admin") -> tuple[int, Any]:
    asked = http_event("PUT", f"/v1/registry/adopted/{path}", body, role=role)
    answer = handler(asked, LambdaContext())
    return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture(autouse=True)
def model(table: Items) -> None:
    answer = handler(golden("registry/adopt"), LambdaContext())
    assert answer["statusCode"] == 200, answer["body"]


def test_a_version_is_found_over_the_protocol_as_it_was() -> None:
    assert put("versions", VERSION)[0] == 200
    asked = http_event(
        "GET", f"/api/2.0/mlflow/model-versions/get?name={NAME}&version=4".replace(" ", "+"), None
    )
    found = json.loads(api(asked, LambdaContext())["body"])["model_version"]
    told = ("version", "current_stage", "creation_timestamp", "last_updated_timestamp", "run_id", "source")
    assert [found[field] for field in told] == [
        "4",
        "Production",
        1700000000123,
        1700000000456,
        "abc",
        "mlflow-artifacts:/1/abc/artifacts/model",
    ]


def test_the_same_again_is_fine_and_another_is_a_conflict() -> None:
    assert [put("versions", VERSION)[0] for _ in range(2)] == [200, 200]
    status, told = put("versions", VERSION | {"source": "s3://other"})
    assert (status, told["type"].rpartition("/")[2]) == (409, "model-version-taken")
    assert put("models", {"name": NAME, "creation_time": 5})[0] == 409


@pytest.mark.parametrize("role", ["viewer", "contributor", "approver"])
def test_only_an_administrator_may(role: str) -> None:
    assert put("versions", VERSION, role)[0] == 403


@pytest.mark.parametrize(
    "bad", [{"version": 0}, {"stage": "Gold"}, {"creation_time": 10**18}, {"source": None}]
)
def test_bad_input_is_told(bad: dict[str, Any]) -> None:
    assert put("versions", VERSION | bad)[0] == 400
