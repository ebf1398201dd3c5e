"""Training processes that end badly, on both back ends: nothing is registered, and the job says why.

All of them are jobs of a model that has a champion already, which must stay.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.e2e import steps
from tests.e2e.steps import Linear
from tests.harness.installation import Platform, eventually, processes

pytestmark = pytest.mark.e2e

BACKENDS = ("sagemaker", "batch")
STATES = {"sagemaker": "TrainOnSageMaker", "batch": "TrainOnBatch"}
MACHINE_STATES = ["RecordFailure", "HasToken", "RevokeTokenAfterFailure", "TrainingFailed"]
both = pytest.mark.parametrize("backend", BACKENDS)

Jobs = dict[str, str]


@pytest.fixture(scope="module")
def spoiled(platform: Platform, linear: Linear) -> Jobs:
    """Jobs whose rows are not those that the manifest promises."""
    name = "spoiled"
    steps.version_of(platform, name, linear.file(seed=5))
    rows = platform.get(f"/v1/data/datasets/{name}/versions/1")["rows"]["uri"]
    platform.overwrite(rows, platform.object(rows)[:-1] + b"!")
    plan = linear.plan | {"dataset": {"name": name}}
    return {backend: steps.start(platform, plan | {"backend": backend}) for backend in BACKENDS}


@pytest.fixture(scope="module")
def killed(platform: Platform, linear: Linear) -> Jobs:
    return interrupted(platform, linear, lambda pid: os.kill(pid, signal.SIGKILL))


def interrupted(platform: Platform, linear: Linear, act: Callable[[int], object]) -> Jobs:
    """A job on each back end, whose process this was done to as soon as it ran."""
    jobs = {}
    for backend in BACKENDS:
        jobs[backend] = steps.start(platform, linear.plan | {"backend": backend})
        act(process_of(platform, jobs[backend]))
    return jobs


def process_of(platform: Platform, job_id: str) -> int:
    """The job's own process, not the one that supervises it."""
    return eventually(lambda: _process(platform, job_id), f"a process of job {job_id}")


def _process(platform: Platform, job_id: str) -> int | None:
    folder = platform.installation.folder.resolve() / "jobs"
    for pid, command in processes(str(folder)).items():
        if "job_main" not in command and job_id in told_to(pid):
            return pid
    return None


def told_to(pid: int) -> str:
    return ""


def check(platform: Platform, job: Any, backend: str) -> None:
    """What is true after every failure."""
    assert (job["state"], job["failure"]["state"]) == ("FAILED", STATES[backend])
    execution = platform.ended(job["links"]["execution_arn"])
    assert (execution["status"], execution["error"]) == ("FAILED", "TrainingFailed")
    assert platform.states(execution["executionArn"])[-4:] == MACHINE_STATES
    check_nothing_was_registered(platform, job)


def check_nothing_was_registered(platform: Platform, job: Any) -> None:
    name = job["plan"]["model_name"]
    versions = platform.get(f"/v1/registry/models/{name}/versions")["versions"]
    assert job["job_id"] not in {version["job_id"] for version in versions}
    history = platform.get(f"/v1/registry/models/{name}/aliases/champion/history")["moves"]
    assert all(job["job_id"] not in move["reason"] for move in history)
    assert f"job:{job['job_id']}" not in steps.tokens(platform)
    ssm = platform.aws("ssm")
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name=f"/shelflife/local/jobs/{job['job_id']}/token")
