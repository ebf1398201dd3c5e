"""Removal for good in the local cloud, by the command, with the real state machine."""

import subprocess
import time
from typing import Any

import pytest

from infra.config import STAGES
from tests.e2e.test_cli import COMMAND
from tests.harness.installation import Platform, eventually

pytestmark = pytest.mark.e2e

MLFLOW = "/api/2.0/mlflow"


def gc(platform: Platform, *asked: str) -> str:
    ended = subprocess.run(
        [COMMAND, "gc", "--older-than", "0", "--state", str(platform.folder), *asked],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def versions(platform: Platform, prefix: str) -> list[str]:
    bucket = platform.resource("foundation", "Artifacts", "AWS::S3::Bucket")
    found = platform.aws("s3").list_object_versions(Bucket=bucket, Prefix=prefix)
    return [one["Key"] for kind in ("Versions", "DeleteMarkers") for one in found.get(kind, [])]


def keys(platform: Platform, *ids: str) -> list[str]:
    table = platform.resource("tracking", "Metadata", "AWS::DynamoDB::Table")
    pages = platform.aws("dynamodb").get_paginator("scan").paginate(TableName=table)
    found = (f"{item['pk']['S']} {item['sk']['S']}" for page in pages for item in page["Items"])
    return [key for key in found if any(id in key for id in ids)]


def test_a_deleted_experiment_is_shown_and_then_gone(platform: Platform) -> None:
    experiment: str = platform.post(f"{MLFLOW}/experiments/create", {"name": "spoiled"})["experiment_id"]
    kept: str = platform.post(f"{MLFLOW}/experiments/create", {"name": "fresh"})["experiment_id"]
    runs = [_run(platform, home) for home in (experiment, experiment, kept)]
    prefix = f"tracking/{experiment}/"
    assert versions(platform, prefix)
    eventually(lambda: not [key for key in keys(platform, experiment) if "PENDING" in key], "the index")
    platform.post(f"{MLFLOW}/experiments/delete", {"experiment_id": experiment})
    time.sleep(STAGES["local"].removal_grace_seconds + 1)
    shown = gc(platform, "--experiment", experiment, "--experiment", kept, "--dry-run")
    assert f"experiment {experiment} spoiled" in shown
    assert keys(platform, runs[0])
    removed = gc(platform, "--experiment", experiment, "--experiment", kept, "--yes")
    assert [line.split() for line in removed.splitlines() if line.endswith("removed")] == [
        ["experiments", "1", "removed"],
        ["runs", "2", "removed"],
        ["logged", "models", "0", "removed"],
        ["traces", "0", "removed"],
    ]
    assert keys(platform, experiment, *runs[:2]) == []
    assert versions(platform, prefix) == []
    assert platform.get(f"{MLFLOW}/runs/get?run_id={runs[2]}")["run"]["info"]["run_id"] == runs[2]
    assert versions(platform, f"tracking/{kept}/")


def _run(platform: Platform, experiment_id: str) -> str:
    asked: dict[str, Any] = {"experiment_id": experiment_id, "run_name": "milk"}
    run_id: str = platform.post(f"{MLFLOW}/runs/create", asked)["run"]["info"]["run_id"]
    metric = {"run_id": run_id, "key": "mae", "value": 1.0, "timestamp": 1, "step": 1}
    platform.post(f"{MLFLOW}/runs/log-metric", metric)
    path = f"/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{run_id}/artifacts/a.txt"
    headers = {"Authorization": f"Bearer {platform.endpoints.token}", "Content-Type": "text/plain"}
    platform.http.put(path, content=b"milk", headers=headers).raise_for_status()
    return run_id
