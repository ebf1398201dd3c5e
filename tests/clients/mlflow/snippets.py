"""The two pieces of code that everybody begins with: a tracked run, and a version that is promoted.

Run where `MLFLOW_TRACKING_URI` points to any server; what each came to is told in JSON, without what differs
between two runs of the same code.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sklearn.linear_model import LogisticRegression

EXPERIMENT = "churn_prediction"
MODEL = "churn_classifier"
_ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [3.0, 1.0]])
#: Said anew by every run, or by every machine.
_OWN_TAGS = {"mlflow.runName", "mlflow.log-model.history"}


def tracked() -> dict[str, Any]:
    """An experiment, a run with params and metrics, a model and a file."""
    model = LogisticRegression().fit(_ROWS, [0, 0, 1, 1])
    Path("confusion_matrix.png").write_bytes(b"\x89PNG")
    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run() as began:
        mlflow.log_param("learning_rate", 0.01)
        mlflow.log_param("n_estimators", 100)
        mlflow.log_metric("accuracy", 0.92)
        mlflow.log_metric("f1_score", 0.89)
        logged = mlflow.sklearn.log_model(model, "model")
        mlflow.log_artifact("confusion_matrix.png")
    client = MlflowClient()
    run = client.get_run(began.info.run_id)
    loaded = mlflow.sklearn.load_model(logged.model_uri)
    return {
        "experiment": client.get_experiment(run.info.experiment_id).name,
        "status": run.info.status,
        "lifecycle": run.info.lifecycle_stage,
        "ended": run.info.end_time >= run.info.start_time,
        "params": run.data.params,
        "metrics": run.data.metrics,
        "tags": {key: value for key, value in sorted(run.data.tags.items()) if key not in _OWN_TAGS},
        "files": [[one.path, one.is_dir, one.file_size] for one in client.list_artifacts(run.info.run_id)],
        "outputs": len(run.outputs.model_outputs),
        "models": [
            [found.name, str(found.status)]
            for found in client.search_logged_models([run.info.experiment_id])
            if found.source_run_id == run.info.run_id
        ],
        "predictions": loaded.predict(_ROWS).tolist(),
        "run_id": run.info.run_id,
        "found": len(
            mlflow.search_runs(experiment_names=[EXPERIMENT], filter_string="metrics.accuracy > 0.9")
        ),
    }


def promoted(source: str, run_id: str) -> dict[str, Any]:
    """A version of a model that is there already, through its stages."""
    client = MlflowClient()
    made = client.create_model_version(name=MODEL, source=source, run_id=run_id)
    seen = [_told(made)]
    for stage in ("Staging", "Production"):
        moved = client.transition_model_version_stage(name=MODEL, version=made.version, stage=stage)
        seen.append(_told(moved))
    latest = client.get_latest_versions(MODEL, stages=["Production"])
    return {"seen": seen, "latest": [_told(one) for one in latest]}


def _told(version: Any) -> dict[str, Any]:
    names = ("name", "version", "current_stage", "source", "run_id", "run_link", "status", "description")
    return {name: getattr(version, name) for name in names} | {"tags": dict(version.tags)}


def _outcome(piece: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the code came to, or what it was refused with."""
    try:
        return piece()
    except MlflowException as error:
        return {"refused": error.error_code}


def _told_of_all() -> str:
    run = tracked()
    run_id = run.pop("run_id")
    MlflowClient().create_registered_model(MODEL)
    versions = {
        # As it is mostly written down: a source that names no run.
        "of nothing": _outcome(lambda: promoted("runs://model", "")),
        "of the run": _outcome(lambda: promoted(f"runs:/{run_id}/model", run_id)),
    }
    return json.dumps({"tracked": run, "promoted": versions}).replace(run_id, "<the run>")


if __name__ == "__main__":
    os.environ["GIT_PYTHON_REFRESH"] = "quiet"
    sys.stdout.write(_told_of_all() + "\n")
