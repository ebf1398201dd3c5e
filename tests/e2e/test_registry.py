"""What an MLflow client registers, in the local cloud: from its files to predictions, and its history."""

import json
from typing import Any

import pytest

from tests.fakes.onnx_models import input_of, summing
from tests.harness.installation import Platform

pytestmark = pytest.mark.e2e

MLFLOW = "/api/2.0/mlflow"
NAME = "logged-sum"


def test_a_logged_onnx_model_is_registered_deployed_and_kept_while_it_is_live(platform: Platform) -> None:
    logged = _logged(platform, "model.onnx")
    platform.post(f"{MLFLOW}/registered-models/create", {"name": NAME})
    sent = {"name": NAME, "source": f"models:/{logged}", "model_id": logged}
    made = platform.post(f"{MLFLOW}/model-versions/create", sent)["model_version"]
    assert (made["version"], made["status"]) == ("1", "READY")
    platform.post(f"{MLFLOW}/registered-models/alias", {"name": NAME, "alias": "champion", "version": "1"})
    version = platform.until(
        f"/v1/registry/models/{NAME}/versions/1", lambda seen: seen["candidate"] is not None
    )
    assert version["location"] == f"mlflow-artifacts:/0/models/{logged}/artifacts"
    platform.post("/v1/serving/deployments", {"name": "sum", "model_name": NAME, "alias": "champion"})
    platform.until("/v1/serving/deployments/sum", lambda seen: seen["state"] == "ready")
    asked = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 1], "data": [1.0, 2.5]}]}
    answer = platform.post("/v2/models/sum/infer", asked)
    assert answer["outputs"][0]["data"] == [1.0, 2.5]
    _is_kept_while_it_is_live(platform)


def _is_kept_while_it_is_live(platform: Platform) -> None:
    platform.until(
        f"/v1/registry/models/{NAME}",
        lambda seen: seen["used_by"] == [{"deployment": "sum", "alias": "champion", "versions": [1]}],
    )
    status, told = _delete(platform)
    assert (status, told["error_code"]) == (409, "RESOURCE_CONFLICT")
    assert "deployment 'sum'" in told["message"]
    platform.delete("/v1/serving/deployments/sum")
    platform.until(f"/v1/registry/models/{NAME}", lambda seen: seen["used_by"] == [])
    assert _delete(platform) == (200, {})
    changes = platform.get(f"/v1/models/{NAME}/history")["changes"]
    assert [change["kind"] for change in changes] == ["version_deleted", "alias_moved", "model_created"]
    then = platform.get(f"/v1/models/{NAME}/history?at={changes[1]['happened_at']}")
    assert then["aliases"]["champion"]["version"] == 1


def test_a_logged_pickle_is_registered_and_says_why_it_cannot_be_served(platform: Platform) -> None:
    logged = _logged(platform, "model.pkl")
    platform.post(f"{MLFLOW}/registered-models/create", {"name": "logged-pickle"})
    sent = {"name": "logged-pickle", "source": f"models:/{logged}", "model_id": logged}
    platform.post(f"{MLFLOW}/model-versions/create", sent)
    version = platform.until(
        f"{MLFLOW}/model-versions/get?name=logged-pickle&version=1",
        lambda seen: "status_message" in seen["model_version"],
    )["model_version"]
    assert "there is no ONNX file among its artifacts" in version["status_message"]
    model = platform.get(f"{MLFLOW}/logged-models/{logged}")["model"]["info"]
    (tag,) = [tag["value"] for tag in model["tags"] if tag["key"] == "mlflow.modelVersions"]
    assert json.loads(tag) == [{"name": "logged-pickle", "version": 1}]


def _logged(platform: Platform, file: str) -> str:
    """A logged model with one file."""
    made = platform.post(f"{MLFLOW}/logged-models", {"experiment_id": "0", "name": "sum"})["model"]["info"]
    path = made["artifact_uri"].removeprefix("mlflow-artifacts:/")
    content, _ = summing(input_of("x"))
    bucket = platform.resource("foundation", "Artifacts", "AWS::S3::Bucket")
    platform.overwrite(f"s3://{bucket}/tracking/{path}/{file}", content)
    model_id: str = made["model_id"]
    return model_id


def _delete(platform: Platform) -> tuple[int, Any]:
    answer = platform.ask("DELETE", f"{MLFLOW}/model-versions/delete", {"name": NAME, "version": "1"})
    return answer.status_code, answer.json()
