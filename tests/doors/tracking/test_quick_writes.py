"""Every read and write of a run's life is sent without botocore, and answered as with it."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.harness.dynamodb_server import dynamodb_server

API = "/api/2.0/mlflow"
#: A function of Lambda in which botocore can make no client.
PROGRAM = """
import json, sys
sys.modules.update({"botocore.session": None, "botocore.client": None})
from functions.tracking.api.handler import handler
from tests.harness.events import LambdaContext, http_event
def ask(method, path, body=None):
    answer = handler(http_event(method, path, body), LambdaContext())
    told = json.loads(answer["body"])
    print(json.dumps([method, path, answer["statusCode"], told]), flush=True)
    return told
API = "/api/2.0/mlflow"
experiment = ask("POST", f"{API}/experiments/create", {"name": "quick"})["experiment_id"]
ask("POST", f"{API}/experiments/create", {"name": "quick"})
made = ask("POST", f"{API}/runs/create", {"experiment_id": experiment, "start_time": 1})
run = made["run"]["info"]["run_id"]
metrics = [{"key": "loss", "value": at / 2, "timestamp": at, "step": at} for at in range(100)]
batch = {"run_id": run, "metrics": metrics, "params": [{"key": "depth", "value": "3"}], "tags": []}
ask("POST", f"{API}/runs/log-batch", batch)
ask("POST", f"{API}/runs/log-batch", batch)
ask("POST", f"{API}/runs/log-batch", batch | {"params": [{"key": "depth", "value": "4"}]})
ask("POST", f"{API}/runs/set-tag", {"run_id": run, "key": "why", "value": "ü"})
ask("POST", f"{API}/runs/update", {"run_id": run, "status": "FINISHED", "end_time": 9})
ask("POST", f"{API}/runs/search", {"experiment_ids": [experiment], "filter": "metrics.loss > 1"})
ask("POST", f"{API}/runs/delete", {"run_id": run})
"""


@pytest.fixture
def asked(aws: None) -> list[tuple[str, int, Any]]:
    """Each call's path, status and answer."""
    with dynamodb_server() as url:
        environ = {
            **os.environ,
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "eu-west-1",
            "LAMBDA_TASK_ROOT": "/var/task",
        }
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('["')]
    return [(path.removeprefix(API), status, told) for _, path, status, told in lines]


def test_a_run_lives_without_botocores_client(asked: list[tuple[str, int, Any]]) -> None:
    assert [(path, status) for path, status, _ in asked] == [
        ("/experiments/create", 200),
        ("/experiments/create", 400),
        ("/runs/create", 200),
        ("/runs/log-batch", 200),
        ("/runs/log-batch", 200),
        ("/runs/log-batch", 400),
        ("/runs/set-tag", 200),
        ("/runs/update", 200),
        ("/runs/search", 200),
        ("/runs/delete", 200),
    ]
    assert [asked[at][2]["error_code"] for at in (1, 5)] == [
        "RESOURCE_ALREADY_EXISTS",
        "INVALID_PARAMETER_VALUE",
    ]
    (found,) = asked[8][2]["runs"]
    assert found["data"]["params"] == [{"key": "depth", "value": "3"}]
    (metric,) = found["data"]["metrics"]
    assert (metric["value"], metric["step"]) == (49.5, 99)
    assert {"key": "why", "value": "ü"} in found["data"]["tags"]
    assert found["info"]["status"] == "FINISHED"
