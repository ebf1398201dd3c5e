from collections.abc import Callable
from typing import Any

import pytest

from shelflife.access.settings import TABLE as ACCESS_TABLE
from shelflife.access.settings import AccessSettings
from shelflife.aws.clients import client
from shelflife.aws.objects import Objects
from shelflife.contracts.training import StartTraining, TrainingResult
from shelflife.training.model import TrainingJob, TrainingPlan
from shelflife.training.wiring import training
from tests.doors.training.conftest import bucket, install, put_dataset
from tests.harness.cloud import make_table
from tests.harness.events import golden
from tests.unit.training.datasets import diabetes, result_of

__all__ = ["bucket", "put_dataset"]

Request = Callable[..., TrainingJob]
_MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:train_model"


class Unstarted:
    """The API's executions, in tests that start theirs themselves."""

    def start(self, job_id: str, asked: StartTraining) -> str:
        return f"{_MACHINE.replace('stateMachine', 'execution')}:{job_id}"

    def stop(self, job_id: str, execution_arn: str | None, reason: str) -> None: ...


@pytest.fixture
def request_job(put_dataset: Any, monkeypatch: pytest.MonkeyPatch) -> Request:
    """A job that was requested over HTTP and has not begun."""
    put_dataset(diabetes())
    install(monkeypatch, _MACHINE)
    access = AccessSettings(access_table_name=make_table(ACCESS_TABLE).table_name, stage_name="local")
    for name, value in access.to_env().items():
        monkeypatch.setenv(name, value)

    def request(**changes: Any) -> TrainingJob:
        asked = TrainingPlan.model_validate(golden("training/request_job") | changes)
        service = training()
        waiting = type(service)(
            jobs=service.jobs,
            manifests=service.manifests,
            executions=Unstarted(),
            now=service.now,
            new_id=service.new_id,
        )
        return waiting.request(asked, requested_by="ada")

    return request


def leave_result(told: dict[str, str]) -> TrainingResult:
    """Do what a job does at its end, with the hyperparameters that it was given."""
    prefix = told["plan_uri"].removesuffix("plan.json")
    result = result_of(prefix.rstrip("/").rpartition("/")[2], "demand")
    Objects(client("s3")).write(f"{prefix}result.json", result.model_dump_json().encode())
    return result
