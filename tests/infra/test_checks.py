"""What others' rules say of what is synthesized: cdk-nag, cfn-lint, and the schema of state machines."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cfnlint.data.schemas.other.step_functions as asl_schema
import pytest
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs
from jsonschema import Draft7Validator

from infra.config import ROOT

ENVIRONMENT = os.environ | {"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20"}
ASL = sorted((ROOT / "statemachines").rglob("*.asl.json"))


@pytest.mark.slow
def test_cdk_nag_finds_nothing_that_is_not_acknowledged(stage_name: str, tmp_path: Path) -> None:
    """In a process of its own: a finding fails the synth, as it does for whoever deploys."""
    done = _checked(stage_name, tmp_path)
    report = json.loads((tmp_path / "validation-report.json").read_text())
    found = {
        (violation["ruleName"], cause["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for cause in violation["violatingConstructs"]
    }
    assert not found
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_cdk_nag_fails_on_what_is_not_acknowledged(tmp_path: Path) -> None:
    program = (
        "from aws_cdk import App, Stack, aws_s3\n"
        "from infra.checks import check\n"
        f"app = App(outdir={str(tmp_path)!r}, analytics_reporting=False)\n"
        'aws_s3.Bucket(Stack(app, "open"), "Bucket")\n'
        "check(app)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=ENVIRONMENT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "AwsSolutions-S10" in (tmp_path / "validation-report.json").read_text()


def _checked(stage_name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.app", stage_name, str(folder), "--check"],
        cwd=ROOT,
        env=ENVIRONMENT,
        check=False,
        capture_output=True,
        text=True,
    )


def test_cfn_lint_finds_nothing(assembly: Path) -> None:
    # W3005: CDK names dependencies that CloudFormation would find by itself.
    arguments = ManualArgs(ignore_checks=["W3005"], regions=["eu-west-1"])
    found = [
        f"{path.name}: {match.rule.id} {match.message} at {match.path}"
        for path in sorted(assembly.glob("*.template.json"))
        for match in lint_file(path, arguments)
    ]
    assert not found


@pytest.mark.parametrize("path", ASL, ids=lambda path: path.stem)
def test_a_state_machine_is_valid(path: Path) -> None:
    schema: dict[str, Any] = json.loads(Path(asl_schema.__file__).with_name("statemachine.json").read_text())
    errors = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in Draft7Validator(schema).iter_errors(json.loads(path.read_text()))
    ]
    assert not errors


def test_there_are_state_machines_to_validate() -> None:
    assert len(ASL) == 8
