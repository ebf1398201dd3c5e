"""A really trained model through the real machines of training, validation and registry."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from functions.training.record_failure.handler import handler as record_failure
from shelflife.registry.settings import TABLE as REGISTRY_TABLE
from shelflife.registry.settings import RegistrySettings
from shelflife.training.job.run import main
from shelflife.training.wiring import training
from shelflife.validation.settings import TABLE as VALIDATION_TABLE
from shelflife.validation.settings import ValidationSettings
from tests.harness.cloud import make_table
from tests.harness.events import golden
from tests.harness.workflows import TaskFailed, run
from tests.workflows.training.conftest import Request


@pytest.fixture(autouse=True)
def installed(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = RegistrySettings(registry_table_name=make_table(REGISTRY_TABLE).table_name)
    validation = ValidationSettings(validation_table_name=make_table(VALIDATION_TABLE).table_name)
    for name, value in (registry.to_env() | validation.to_env()).items():
        monkeypatch.setenv(name, value)


def test_a_model_is_trained_judged_registered_and_promoted_then_retrained(
    request_job: Request, tmp_path: Path
) -> None:
    def job(asked: Any) -> Any:
        """The image's main in this process, without a tracking API."""
        told = {"plan_uri": asked["HyperParameters"]["plan_uri"]}
        base = tmp_path / asked["TrainingJobName"]
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            code = main({"SAGEMAKER_BASE_DIR": str(base), "SM_HPS": json.dumps(told)})
        if code:
            raise TaskFailed("States.TaskFailed", (base / "output" / "failure").read_text())
        return {}

    requested = request_job()
    start = {"trigger": "request", "job_id": requested.job_id, "model_name": "demand"}
    bound: dict[str, Any] = {
        "integrations": {"sagemaker:createTrainingJob.sync": job},
        "handlers": {"record_failure": record_failure},
    }
    ended = run("training/train_model", start, **bound)
    assert ended.states[-1] == "Trained", (ended.cause, ended.states)
    found = training().find(requested.job_id)
    assert (found.state, found.model_version) == ("SUCCEEDED", 1)
    assert found.metrics is not None
    assert 30 < found.metrics["mae"] < 60

    ended = run("training/train_model", golden("training/plan_retraining")["start"], **bound)
    assert ended.states[-1] == "Trained", (ended.cause, ended.states)
    assert [job.model_version for job in training().page(9, None).items] == [2, 1]
