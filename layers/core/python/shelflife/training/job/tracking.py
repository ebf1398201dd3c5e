"""The run in the tracking API, written with the MLflow client like any other run."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from shelflife.aws.clients import client
from shelflife.training.job.contract import Hyperparameters
from shelflife.training.job.errors import TrackingUnreachableError
from shelflife.training.model import JobOrder

T = TypeVar("T")

#: What the client would otherwise try seven times over many minutes, or tell others about.
_CLIENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


class Run(Protocol):
    """One run of an experiment."""

    @property
    def run_id(self) -> str: ...

    def log(self, metrics: Mapping[str, float], texts: Mapping[str, str]) -> None:
        """Keep metrics, and small files by their names."""

    def end(self, status: str) -> None:
        """FINISHED or FAILED."""


@dataclass(frozen=True, slots=True)
class NoRun:
    """A plain process without a tracking API trains all the same."""

    run_id: str = ""

    def log(self, metrics: Mapping[str, float], texts: Mapping[str, str]) -> None: ...

    def end(self, status: str) -> None: ...


@dataclass(frozen=True, slots=True)
class MlflowRun:
    client: Any
    uri: str
    run_id: str

    def log(self, metrics: Mapping[str, float], texts: Mapping[str, str]) -> None:
        def write() -> None:
            for name, value in metrics.items():
                self.client.log_metric(self.run_id, name, value)
            for name, text in texts.items():
                self.client.log_text(self.run_id, text, name)

        _told(self.uri, write)

    def end(self, status: str) -> None:
        _told(self.uri, lambda: self.client.set_terminated(self.run_id, status))


def start_run(told: Hyperparameters, order: JobOrder) -> Run:
    """A run with the plan as params and tags.

    Raises:
        TrackingUnreachableError: the API does not take it.
    """
    uri = _tracking_uri(told)
    if not uri:
        return NoRun()
    for name, value in _CLIENT.items():
        os.environ.setdefault(name, value)
    # Imported here: it takes a second, and reads its environment while it is imported.
    from mlflow.tracking import MlflowClient  # noqa: PLC0415

    mlflow = MlflowClient(tracking_uri=uri)
    run_id = _told(uri, lambda: _started(mlflow, order))
    return MlflowRun(client=mlflow, uri=uri, run_id=run_id)


def _tracking_uri(told: Hyperparameters) -> str | None:
    """The API's address from its parameter, or what MLflow's own variable says."""
    if told.api_url_parameter is None:
        return os.environ.get("MLFLOW_TRACKING_URI")
    ssm = client("ssm")
    uri = ssm.get_parameter(Name=told.api_url_parameter)["Parameter"]["Value"].rstrip("/")
    if told.token_parameter is not None:
        found = ssm.get_parameter(Name=told.token_parameter, WithDecryption=True)
        os.environ["MLFLOW_TRACKING_TOKEN"] = found["Parameter"]["Value"]
    # Artifacts of a run are resolved against this, not against the client's own address.
    os.environ["MLFLOW_TRACKING_URI"] = uri
    return uri


def _started(mlflow: Any, order: JobOrder) -> str:
    plan = order.checked.plan
    experiment = mlflow.get_experiment_by_name(plan.model_name)
    experiment_id = experiment.experiment_id if experiment else _new_experiment(mlflow, plan.model_name)
    run = mlflow.create_run(experiment_id, run_name=order.job_id, tags=_tags(order))
    for name, value in _params(order).items():
        mlflow.log_param(run.info.run_id, name, value)
    return str(run.info.run_id)


def _new_experiment(mlflow: Any, name: str) -> str:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - see start_run

    try:
        return str(mlflow.create_experiment(name))
    except MlflowException:
        # Another job of the same model may have made it in the meantime.
        experiment = mlflow.get_experiment_by_name(name)
        if experiment is None:
            raise
        return str(experiment.experiment_id)


def _tags(order: JobOrder) -> dict[str, str]:
    plan = order.checked.plan
    return dict(plan.tags) | {
        "shelflife.job_id": order.job_id,
        "shelflife.model_name": plan.model_name,
        "shelflife.dataset": plan.dataset.name,
        "shelflife.dataset_version": str(plan.dataset.version),
        "shelflife.rows_sha256": order.checked.manifest.rows.sha256,
    }


def _params(order: JobOrder) -> dict[str, Any]:
    checked = order.checked
    plan = checked.plan
    return {
        "algorithm": plan.algorithm,
        "task": plan.task,
        "target": plan.target,
        "numeric_features": json.dumps(checked.numeric),
        "categorical_features": json.dumps(checked.categorical),
        "split": plan.split.model_dump_json(),
        "seed": plan.seed,
        **checked.hyperparameters,
    }


def _told(uri: str, write: Callable[[], T]) -> T:
    try:
        return write()
    except Exception as error:
        # The client raises its own errors, and those of the libraries below it.
        raise TrackingUnreachableError(uri, str(error).strip()) from error
