"""The code that everybody begins with comes to the same on a stock server and here."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.config import ROOT
from tests.clients.environment import python_of
from tests.harness.installation import Platform
from tests.harness.stock import stock

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

_LONGEST_SECONDS = 300


def outcome(url: str, folder: Path, **more: str) -> dict[str, Any]:
    folder.mkdir()
    ended = subprocess.run(
        [str(python_of("mlflow-3.17")), "-m", "tests.clients.mlflow.snippets"],
        cwd=folder,
        env={
            "PATH": os.defpath,
            "HOME": str(folder),
            "USER": "ada",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            "MLFLOW_TRACKING_URI": url,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **more,
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=_LONGEST_SECONDS,
    )
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return told


def test_a_tracked_run_and_a_promoted_version_are_those_of_a_stock_server(
    platform: Platform, tmp_path: Path
) -> None:
    with stock(tmp_path) as url:
        theirs = outcome(url, tmp_path / "theirs")
    token = platform.endpoints.token
    ours = outcome(platform.endpoints.api_url, tmp_path / "ours", MLFLOW_TRACKING_TOKEN=token)
    assert ours == theirs
    assert theirs["tracked"]["predictions"] == [0, 0, 1, 1]
    assert [one["current_stage"] for one in theirs["promoted"]["of the run"]["seen"]] == [
        "None",
        "Staging",
        "Production",
    ]
