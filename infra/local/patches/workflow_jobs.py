"""State machines run training jobs and batch jobs, with and without ``.sync``.

Stock refuses both integrations. A failed job fails the task with ``States.TaskFailed`` and the job's
description as its cause; a refused request with the SDK's exception name; an execution that stops or times
out stops its job.
https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
https://docs.aws.amazon.com/step-functions/latest/dg/connect-batch.html
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.services import stepfunctions

from infra.local.jobs import batch, training
from infra.local.jobs.casing import to_members, to_pascal
from infra.local.jobs.requests import JobApiError, input_shape, output_shape
from infra.local.patches.workflow_aborts import is_wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.jobs.batch import BatchJobs
    from infra.local.jobs.training import TrainingJobs
    from infra.local.patches import Cloud

_POLL_SECONDS = 0.1


def apply(cloud: Cloud) -> None:
    training_jobs, batch_jobs = cloud.training_jobs, cloud.batch_jobs
    stepfunctions._SERVICE_DISPATCH |= {
        "arn:aws:states:::sagemaker:createTrainingJob": lambda resource, given: _train(
            training_jobs, resource, given
        ),
        "arn:aws:states:::batch:submitJob": lambda resource, given: _submit(batch_jobs, resource, given),
    }


def _train(jobs: TrainingJobs, resource: str, given: dict[str, Any]) -> dict[str, Any]:
    try:
        arn = jobs.create(given)
    except JobApiError as error:
        # The names of the SDK's classes: the base class where it has none for the code.
        name = "ResourceInUseException" if error.code == "ResourceInUse" else "AmazonSageMakerException"
        raise stepfunctions._ExecutionError(
            f"SageMaker.{name}", f"{error} (Error Code: {error.code})"
        ) from error
    if not resource.endswith(".sync"):
        return {"TrainingJobArn": arn}
    name = given["TrainingJobName"]
    _wait(
        lambda: jobs.wait(name, seconds=_POLL_SECONDS)["TrainingJobStatus"] in training.FINAL,
        lambda: jobs.stop(name),
    )
    job = to_pascal(jobs.describe(name), output_shape("sagemaker", "DescribeTrainingJob"))
    return _judged(job, succeeded=job["TrainingJobStatus"] == "Completed")


def _submit(jobs: BatchJobs, resource: str, given: dict[str, Any]) -> dict[str, Any]:
    try:
        job = jobs.submit(to_members(given, input_shape("batch", "SubmitJob")))
    except JobApiError as error:
        raise stepfunctions._ExecutionError(f"Batch.{error.code}", str(error)) from error
    if not resource.endswith(".sync"):
        return {"JobArn": job["jobArn"], "JobId": job["jobId"], "JobName": job["jobName"]}
    job_id = job["jobId"]
    _wait(
        lambda: jobs.wait(job_id, seconds=_POLL_SECONDS)["status"] in batch.FINAL,
        lambda: jobs.terminate(job_id, "Terminated by Step Functions"),
    )
    detail = output_shape("batch", "DescribeJobs").members["jobs"].member  # type: ignore[attr-defined]  # a structure
    return _judged(to_pascal(job, detail), succeeded=job["status"] == "SUCCEEDED")


def _wait(ended: Callable[[], bool], stop: Callable[[], None]) -> None:
    """Until the job has ended, or until nobody wants it any more."""
    while not ended():
        if not is_wanted():
            stop()
            raise stepfunctions._ExecutionError("States.TaskFailed", "the job was stopped with its task")


def _judged(job: dict[str, Any], *, succeeded: bool) -> dict[str, Any]:
    if not succeeded:
        raise stepfunctions._ExecutionError("States.TaskFailed", json.dumps(job))
    return job
