"""What `predict` does when Lambda starts it: its module is executed anew, as in a new process."""

import importlib
import json
from typing import Any

import pytest

from functions.serving.activate_deployment.handler import handler as activate_deployment
from functions.serving.api.handler import handler as api
from functions.serving.predict import handler as predict
from shelflife.aws.clients import client
from shelflife.aws.objects import Objects
from shelflife.serving.settings import TABLE, PredictSettings, ServingSettings
from shelflife.serving.wiring import predictions
from tests.fakes.onnx_models import input_of, reference_of, summing
from tests.harness.cloud import forget_wiring, make_bucket, make_table
from tests.harness.events import LambdaContext, golden, http_event

CONTEXT = LambdaContext()
BODY = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1.5]}]}
MODEL = reference_of(*summing(input_of("x")), model_name="bikeshare")


@pytest.fixture(autouse=True)
def deployment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deployment `bikes`, which serves; deployment `cars` waits."""
    table = make_table(TABLE).table_name
    make_bucket("artifacts")
    url = client("sqs").create_queue(QueueName="captures")["QueueUrl"]
    needed = PredictSettings(serving_table_name=table, capture_queue_url=url, shadow_queue_url=url).to_env()
    for name, value in (needed | ServingSettings(serving_table_name=table).to_env()).items():
        monkeypatch.setenv(name, value)
    for name, model in {"bikes": "bikeshare", "cars": "carshare"}.items():
        body = {"name": name, "model_name": model}
        assert api(http_event("POST", "/v1/serving/deployments", body), CONTEXT)["statusCode"] == 201
    Objects(client("s3")).write(MODEL.candidate.model.uri, summing(input_of("x"))[0])
    event = golden("serving/activate_deployment")
    event["detail"]["promoted"] = MODEL.model_dump(mode="json")
    activate_deployment(event, CONTEXT)


def start(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What the function's start logs."""
    capsys.readouterr()
    importlib.reload(predict)
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    return [line for line in lines if "_aws" not in line]


def test_a_named_deployment_is_warm_before_its_first_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PRELOAD_DEPLOYMENTS", "bikes")
    (line,) = start(capsys)
    assert (line["door"], line["deployment"], line["level"]) == ("serving/init", "bikes", "INFO")
    client("s3").delete_object(Bucket="artifacts", Key="training/job-1/model.onnx")
    event = http_event("POST", "/v2/models/bikes/infer", BODY, role="viewer")
    capsys.readouterr()
    assert predict.handler(event, CONTEXT)["statusCode"] == 200
    # The one load was before the request, which tells of it: the file is gone, so there was no other.
    records = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [one["ModelLoads"] for one in records if "ModelLoads" in one] == [[1.0]]
    assert predictions().models.new_loads() == []


def test_what_cannot_be_loaded_does_not_keep_the_function_from_starting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PRELOAD_DEPLOYMENTS", "trains, cars,,bikes")
    lines = start(capsys)
    assert [(line["step"], line.get("failed", False)) for line in lines] == [
        ("trains", True),
        ("cars", True),
        ("bikes", False),
    ]
    assert lines[0]["reason"] == "there is no deployment 'trains'"
    assert lines[1]["reason"].startswith("deployment 'cars' is not ready")


def test_a_cloud_that_fails_does_not_keep_the_function_from_starting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PRELOAD_DEPLOYMENTS", "bikes,cars")
    client("dynamodb").delete_table(TableName="serving-table")
    assert [line["exception_name"] for line in start(capsys)] == ["ResourceNotFoundException"] * 2


def test_without_names_a_start_reads_and_makes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("PRELOAD_DEPLOYMENTS", "SERVING_TABLE_NAME", "CAPTURE_QUEUE_URL"):
        monkeypatch.delenv(name)
    forget_wiring()
    assert start(capsys) == []
    assert predictions.cache_info().currsize == 0
