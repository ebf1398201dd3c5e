"""The training image's entry point, run as SageMaker, Batch and a person at a terminal run it."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import onnxruntime
import pytest

from shelflife.aws.clients import client
from shelflife.aws.objects import Objects
from shelflife.contracts.data import DatasetManifest
from shelflife.contracts.models import Candidate, Task
from shelflife.contracts.training import TrainingResult
from shelflife.kernel.profiles import from_json
from shelflife.tracking.settings import TABLE as TRACKING_TABLE
from shelflife.tracking.settings import TrackingSettings
from shelflife.training.checks import checked
from shelflife.training.model import Algorithm, JobOrder, TrainingPlan
from tests.doors.training.cloud_over_http import cloud
from tests.doors.training.conftest import PutDataset
from tests.harness.cloud import ENVIRONMENT, make_table
from tests.harness.events import LambdaContext, http_event
from tests.harness.http_server import served
from tests.harness.models import held_out, trained_on
from tests.harness.tracking import handler as tracking
from tests.unit.training.datasets import BUCKET, diabetes, mixed, plan

MAIN = Path(__file__).resolve().parents[3] / "functions" / "training" / "train_image" / "main.py"
TOKEN = "shl_job_5ecret"


@dataclass
class Image:
    """Starts main.py as a process; `rows_held_back` lets reads of rows wait."""

    base: Path
    cloud_url: str
    api_url: str
    rows_held_back: Event
    told: dict[str, str] = field(default_factory=dict)

    def order(self, asked: TrainingPlan, manifest: DatasetManifest, job_id: str = "job-1") -> JobOrder:
        order = JobOrder(
            job_id=job_id,
            checked=checked(asked, manifest),
            output_uri=f"s3://{BUCKET}/training/{job_id}/",
        )
        uri = f"{order.output_uri}plan.json"
        Objects(client("s3")).write(uri, order.model_dump_json().encode())
        self.told = {
            "plan_uri": uri,
            "api_url_parameter": "/shelflife/local/api_url",
            "token_parameter": "/shelflife/local/jobs/job-1/token",
        }
        return order

    def mount_hyperparameters(self) -> None:
        """As SageMaker does, before it starts the container."""
        config = self.base / "input" / "config"
        config.mkdir(parents=True)
        (config / "hyperparameters.json").write_text(json.dumps(self.told))

    def start(self, **environ: str) -> "subprocess.Popen[str]":
        given = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | ENVIRONMENT
        given |= {"AWS_ENDPOINT_URL": self.cloud_url, "SAGEMAKER_BASE_DIR": str(self.base)}
        # Two processes on two cores: threads of numerics would wait for each other.
        given |= {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **environ}
        return subprocess.Popen(
            [sys.executable, str(MAIN)], env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, **environ: str) -> tuple[int, str]:
        with self.start(**environ) as job:
            output, errors = job.communicate(timeout=120)
        return job.returncode, output + errors

    def result(self, order: JobOrder) -> TrainingResult:
        return TrainingResult.model_validate_json(self.read(f"{order.output_uri}result.json"))

    @staticmethod
    def read(uri: str, sha256: str | None = None) -> bytes:
        return Objects(client("s3")).read(uri, sha256=sha256)

    @property
    def failure(self) -> str:
        return (self.base / "output" / "failure").read_text()


@pytest.fixture
def image(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Image]:
    table = make_table(TRACKING_TABLE)
    settings = TrackingSettings(tracking_table_name=table.table_name, artifact_bucket_name=bucket)
    for name, value in settings.to_env().items():
        monkeypatch.setenv(name, value)
    rows_held_back = Event()
    rows_held_back.set()

    def waiting_cloud(event: dict[str, Any], context: object) -> dict[str, Any]:
        if event["rawPath"].endswith("rows.parquet"):
            rows_held_back.wait(30)
        return cloud(event, context)

    with ExitStack() as stack:
        cloud_url = stack.enter_context(served(waiting_cloud))
        api_url = stack.enter_context(served(tracking, role="contributor"))
        client("ssm").put_parameter(Name="/shelflife/local/api_url", Value=f"{api_url}/", Type="String")
        client("ssm").put_parameter(
            Name="/shelflife/local/jobs/job-1/token", Value=TOKEN, Type="SecureString"
        )
        yield Image(tmp_path / "ml", cloud_url, api_url, rows_held_back)


def a_plan(**more: Any) -> TrainingPlan:
    features = tuple(diabetes().columns[:-1])
    return plan("target", features, Task.REGRESSION, Algorithm.HIST_GRADIENT_BOOSTING, **more)


def tracked(method: str, path: str, body: Any = None) -> Any:
    answer = tracking(http_event(method, f"/api/2.0/mlflow/{path}", body), LambdaContext())
    return json.loads(answer["body"])


def test_under_sagemaker_a_job_leaves_all_that_its_candidate_names(
    image: Image, put_dataset: PutDataset
) -> None:
    manifest = put_dataset(diabetes())
    order = image.order(a_plan(tags={"team": "growth"}), manifest)
    image.mount_hyperparameters()
    code, output = image.run()
    assert code == 0, output
    assert "held-out mae=" in output
    candidate = image.result(order).candidate
    model = image.read(candidate.model.uri, candidate.model.sha256)
    assert (image.base / "model" / "model.onnx").read_bytes() == model
    assert trained_on(candidate).version == manifest.version
    assert set(onnxruntime_inputs(model)) == {one.name for one in candidate.signature.inputs}
    assert candidate.metrics["mae"] == pytest.approx(error_on_held_out(image, candidate, model))
    assert candidate.baseline is not None
    baseline = from_json(image.read(candidate.baseline.uri, candidate.baseline.sha256))
    assert baseline.row_count == image.result(order).rows_trained
    assert set(baseline.columns) == {*diabetes().columns} - {"target"} | {"prediction"}
    run = tracked("GET", f"runs/get?run_id={candidate.run_id}")["run"]
    assert run["info"]["status"] == "FINISHED"
    assert facts(run, "metrics") == pytest.approx(candidate.metrics)
    assert facts(run, "params").items() >= {"seed": "7", "max_iter": "200"}.items()
    tags = {"shelflife.job_id": "job-1", "shelflife.dataset_version": "3", "team": "growth"}
    assert facts(run, "tags").items() >= tags.items()


def onnxruntime_inputs(model: bytes) -> list[str]:
    return [one.name for one in onnxruntime.InferenceSession(model).get_inputs()]


def error_on_held_out(image: Image, candidate: Candidate, model: bytes) -> float:
    """What validation measures again, from nothing but the files."""
    rows = np.load(io.BytesIO(image.read(held_out(candidate).uri, held_out(candidate).sha256)))
    assert set(rows.files) == {*diabetes().columns}
    feeds = {name: rows[name][:, None] for name in rows.files if name != "target"}
    answers = onnxruntime.InferenceSession(model).run(["prediction"], feeds)[0]
    return float(np.abs(answers[:, 0] - rows["target"]).mean())


def facts(run: Any, kind: str) -> dict[str, Any]:
    return {fact["key"]: fact["value"] for fact in run["data"][kind]}


def test_under_batch_a_job_reads_its_environment_and_makes_its_folders(
    image: Image, put_dataset: PutDataset
) -> None:
    features = ("size (m²)", "age", "colour", "member")
    asked = plan("grade", features, Task.CLASSIFICATION, Algorithm.RANDOM_FOREST)
    order = image.order(asked, put_dataset(mixed()))
    code, output = image.run(TRAINING_HYPERPARAMETERS=json.dumps(image.told))
    assert code == 0, output
    candidate = image.result(order).candidate
    assert candidate.signature.classes == ("high", "low", "mid")
    rows = np.load(io.BytesIO(image.read(held_out(candidate).uri)), allow_pickle=False)
    assert "" in rows["colour"]
    assert rows["target"].dtype.kind == "U"
    assert candidate.baseline is not None
    baseline = from_json(image.read(candidate.baseline.uri))
    assert baseline.columns["colour"].missing > 0
    assert "" not in baseline.columns["colour"].bins
    assert baseline.columns["prediction"].bins == ("high", "low", "mid")


def test_a_plain_process_trains_without_an_api(image: Image, put_dataset: PutDataset) -> None:
    asked = plan("target", ("bmi", "bp"), Task.REGRESSION, Algorithm.LINEAR)
    order = image.order(asked, put_dataset(diabetes()))
    # Values as SageMaker's SDK writes them: JSON within JSON.
    code, output = image.run(SM_HPS=json.dumps({"plan_uri": json.dumps(image.told["plan_uri"])}))
    assert code == 0, output
    assert image.result(order).candidate.run_id == ""


def test_a_failed_job_says_why_in_one_line(image: Image, put_dataset: PutDataset) -> None:
    manifest = put_dataset(diabetes())
    order = image.order(a_plan(), manifest)
    client("s3").put_object(
        Bucket=BUCKET, Key=manifest.rows.uri.removeprefix(f"s3://{BUCKET}/"), Body=b"other rows"
    )
    image.mount_hyperparameters()
    code, _ = image.run()
    assert code == 1
    assert image.failure.startswith(f"object '{manifest.rows.uri}' has SHA-256")
    assert "\n" not in image.failure
    assert image.read(f"{order.output_uri}failure.txt").decode() == image.failure
    experiment = tracked("GET", "experiments/get-by-name?experiment_name=model")["experiment"]
    asked = {"experiment_ids": [experiment["experiment_id"]], "max_results": 10}
    runs = tracked("POST", "runs/search", asked)["runs"]
    assert [run["info"]["status"] for run in runs] == ["FAILED"]


def test_a_job_that_cannot_be_recorded_fails(image: Image, put_dataset: PutDataset) -> None:
    image.order(a_plan(), put_dataset(diabetes()))
    client("ssm").put_parameter(
        Name="/shelflife/local/api_url", Value="http://127.0.0.1:9", Type="String", Overwrite=True
    )
    image.mount_hyperparameters()
    code, _ = image.run(MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")
    assert code == 1
    assert image.failure.startswith("the tracking API at 'http://127.0.0.1:9' did not take the run")


def test_a_job_without_a_plan_fails(image: Image) -> None:
    code, output = image.run()
    assert (code, image.failure) == (1, "hyperparameter 'plan_uri' was not given")
    assert f"failed: {image.failure}" in output


def test_sigterm_ends_a_job_at_once(image: Image, put_dataset: PutDataset) -> None:
    image.order(a_plan(), put_dataset(diabetes()))
    image.rows_held_back.clear()
    with image.start(TRAINING_HYPERPARAMETERS=json.dumps({"plan_uri": image.told["plan_uri"]})) as job:
        assert job.stdout is not None
        assert "plan" in job.stdout.readline()
        began = time.monotonic()
        job.send_signal(signal.SIGTERM)
        assert job.wait(timeout=20) == 143
        assert time.monotonic() - began < 2
    image.rows_held_back.set()
    assert image.failure == "the job was ended by SIGTERM"


def test_the_dockerfile_runs_this_main() -> None:
    text = (MAIN.parent / "Dockerfile").read_text()
    assert 'ENTRYPOINT ["python", "/opt/program/main.py"]' in text
    assert "COPY layers/core/python /opt/program" in text


def test_equal_jobs_measure_equally(image: Image, put_dataset: PutDataset) -> None:
    manifest = put_dataset(diabetes())
    found = []
    for job_id in ("job-1", "job-2"):
        order = image.order(a_plan(), manifest, job_id)
        code, output = image.run(SM_HPS=json.dumps({"plan_uri": image.told["plan_uri"]}))
        assert code == 0, output
        candidate = image.result(order).candidate
        found.append((json.dumps(candidate.metrics), candidate.model.sha256, held_out(candidate).sha256))
    assert found[0] == found[1]
