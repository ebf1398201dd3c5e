"""Processes of training jobs: found, and stopped in the middle of what they do."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.e2e import steps
from tests.e2e.line import line_plan
from tests.harness.installation import Platform, eventually, processes

BACKENDS = ("sagemaker", "batch")
#: The shortest that a plan may allow, which is Batch's.
LIMIT_SECONDS = 60


@dataclass(frozen=True)
class Caught:
    """A job whose process was caught as soon as it ran."""

    job_id: str
    pid: int
    at: float


def caught(platform: Platform, act: Callable[[int], object]) -> dict[str, Caught]:
    """A job on each back end, to whose process this was done."""
    found = {}
    for backend in BACKENDS:
        plan = line_plan(backend=backend, limits={"max_seconds": LIMIT_SECONDS})
        job_id = steps.start(platform, plan)
        pid = _started(platform, job_id)
        act(pid)
        found[backend] = Caught(job_id, pid, time.monotonic())
    return found


def hung(platform: Platform) -> dict[str, Caught]:
    """Jobs that do nothing any more, and cost nothing: their time runs out while other tests run."""
    return caught(platform, lambda pid: os.kill(pid, signal.SIGSTOP))


def process_of(platform: Platform, job_id: str) -> int | None:
    """The job's own process, not the one that watches over it; nothing if there is none."""
    name = platform.get(f"/v1/training/jobs/{job_id}")["links"]["logs"]["job_name"]
    folders = platform.folder.resolve() / "jobs"
    for folder in (name, *_batch_folders(platform, name)):
        for pid, command in processes(f"{folders / str(folder)}/").items():
            if "job_main" not in command:
                return pid
    return None


def _started(platform: Platform, job_id: str) -> int:
    pid = eventually(lambda: process_of(platform, job_id), f"a process of job {job_id}")
    assert pid is not None
    return pid


def _batch_folders(platform: Platform, name: str) -> list[str]:
    queue = platform.resource("training", "Queue", "AWS::Batch::JobQueue")
    running = platform.aws("batch").list_jobs(jobQueue=queue, jobStatus="RUNNING")["jobSummaryList"]
    return [f"{job['jobId']}-1" for job in running if job["jobName"] == name]
