"""Training processes that end badly, on both back ends: nothing is registered, and the job says why.

All of them are jobs of a model that has a champion already, which stays.
"""

import os
import signal
from typing import Any

import pytest

from tests.e2e import steps
from tests.e2e.hung import BACKENDS, Caught, caught, process_of
from tests.e2e.line import NAME, Line, line_file, line_plan
from tests.harness.installation import Platform, eventually

pytestmark = pytest.mark.e2e

STATES = {"sagemaker": "TrainOnSageMaker", "batch": "TrainOnBatch"}
LAST_STATES = ["RecordFailure", "HasToken", "RevokeTokenAfterFailure", "TrainingFailed"]
on_both = pytest.mark.parametrize("backend", BACKENDS)


@pytest.fixture(scope="module")
def spoiled(platform: Platform) -> dict[str, str]:
    """Jobs whose rows are not those that the manifest promises."""
    name = "spoiled"
    steps.version_of(platform, name, line_file(seed=2))
    rows = platform.get(f"/v1/data/datasets/{name}/versions/1")["rows"]["uri"]
    platform.overwrite(rows, platform.object(rows)[:-1] + b"!")
    plans = {backend: line_plan(dataset={"name": name}, backend=backend) for backend in BACKENDS}
    return {backend: steps.start(platform, plan) for backend, plan in plans.items()}


@pytest.fixture(scope="module")
def killed(platform: Platform, line: Line) -> dict[str, Caught]:
    return caught(platform, lambda pid: os.kill(pid, signal.SIGKILL))


@pytest.fixture(scope="module")
def running(platform: Platform, line: Line) -> dict[str, Caught]:
    """Jobs that wait to be told to go on."""
    return caught(platform, lambda pid: os.kill(pid, signal.SIGSTOP))


@on_both
def test_a_killed_process_fails_its_job(
    backend: str, platform: Platform, line: Line, killed: dict[str, Caught]
) -> None:
    job = steps.ended(platform, killed[backend].job_id)
    check_failed(platform, job, backend)
    assert "137" in job["failure"]["reason"]


@on_both
def test_a_process_that_exits_with_1_says_why(
    backend: str, platform: Platform, line: Line, spoiled: dict[str, str]
) -> None:
    job = steps.ended(platform, spoiled[backend])
    check_failed(platform, job, backend)
    assert job["failure"]["reason"].startswith("object 's3://")
    assert "/datasets/spoiled/versions/00000001/rows.parquet' has SHA-256" in job["failure"]["reason"]


@on_both
def test_a_cancelled_job_ends_at_once(
    backend: str, platform: Platform, line: Line, running: dict[str, Caught]
) -> None:
    job_id, pid = running[backend].job_id, running[backend].pid
    assert platform.post(f"/v1/training/jobs/{job_id}/cancel", {})["state"] == "CANCELLED"
    os.kill(pid, signal.SIGCONT)
    eventually(lambda: process_of(platform, job_id) is None, "the end of the process")
    job = platform.get(f"/v1/training/jobs/{job_id}")
    assert job["state"] == "CANCELLED"
    execution = platform.ended(job["links"]["execution_arn"])
    assert (execution["status"], execution["error"]) == ("ABORTED", "TrainingCancelled")
    check_nothing_was_registered(platform, job)
    again = platform.ask("POST", f"/v1/training/jobs/{job_id}/cancel")
    assert (again.status_code, again.json()["state"]) == (202, "CANCELLED")


@on_both
def test_a_job_that_is_over_cannot_be_cancelled(
    backend: str, platform: Platform, line: Line, killed: dict[str, Caught]
) -> None:
    job = steps.ended(platform, killed[backend].job_id)
    answer = platform.ask("POST", f"/v1/training/jobs/{job['job_id']}/cancel")
    assert (answer.status_code, answer.json()["type"]) == (409, "/errors/training-job-over")


@on_both
def test_a_job_that_takes_too_long_fails(
    backend: str, platform: Platform, line: Line, hung_jobs: dict[str, Caught]
) -> None:
    job = steps.ended(platform, hung_jobs[backend].job_id)
    check_failed(platform, job, backend)
    assert process_of(platform, job["job_id"]) is None
    assert "exceeded" in job["failure"]["reason"]


def check_failed(platform: Platform, job: Any, backend: str) -> None:
    """What is true after every failure."""
    assert (job["state"], job["failure"]["state"]) == ("FAILED", STATES[backend])
    execution = platform.ended(job["links"]["execution_arn"])
    assert (execution["status"], execution["error"]) == ("FAILED", "TrainingFailed")
    assert platform.states(execution["executionArn"])[-4:] == LAST_STATES
    check_nothing_was_registered(platform, job)
    assert f"job:{job['job_id']}" not in steps.tokens(platform)
    ssm = platform.aws("ssm")
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name=f"/shelflife/local/jobs/{job['job_id']}/token")


def check_nothing_was_registered(platform: Platform, job: Any) -> None:
    versions = platform.get(f"/v1/registry/models/{NAME}/versions")["versions"]
    assert sorted(version["version"] for version in versions) == [1, 2]
    assert job["job_id"] not in {version["job_id"] for version in versions}
    moves = platform.get(f"/v1/registry/models/{NAME}/aliases/champion/history?limit=100")["moves"]
    assert all(job["job_id"] not in move["reason"] for move in moves)
