"""Unmodified clients of MLflow, each in an environment of its own, do a data scientist's work."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.config import ROOT
from tests.clients.environment import python_of
from tests.clients.mlflow.names import NAMES
from tests.harness.installation import Platform

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CLIENTS = ("3.12", "3.17", "3.18")
_LONGEST_SECONDS = 600
#: Clients before 3.18 are not told by the server that files go to storage in parts.
_IN_PARTS = {
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
    "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "5000000",
}


@pytest.fixture(scope="module", params=CLIENTS)
def told(
    request: pytest.FixtureRequest, platform: Platform, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What a client's journey told, by step."""
    version: str = request.param
    return _journey(platform, version, tmp_path_factory.mktemp(f"mlflow-{version}"))


def _journey(platform: Platform, version: str, folder: Path) -> dict[str, Any]:
    ended = subprocess.run(
        [str(python_of(f"mlflow-{version}")), "-m", "tests.clients.mlflow"],
        cwd=folder,
        env={
            "PATH": os.defpath,
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            "MLFLOW_TRACKING_URI": platform.endpoints.api_url,
            "MLFLOW_TRACKING_TOKEN": platform.endpoints.token,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "JOURNEY_NAME": f"journey-{version}",
            **({} if version == "3.18" else _IN_PARTS),
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=_LONGEST_SECONDS,
    )
    lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith('{"step"')]
    assert lines, ended.stderr
    return {line["step"]: line for line in lines}


@pytest.mark.parametrize("step", NAMES)
def test_a_step_of_a_data_scientists_work(told: dict[str, Any], step: str) -> None:
    assert told[step]["failure"] is None, told[step]["failure"]


def test_every_step_is_a_test(told: dict[str, Any]) -> None:
    assert tuple(told) == NAMES
