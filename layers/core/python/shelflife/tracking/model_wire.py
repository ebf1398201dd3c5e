"""What MLflow's clients are answered of logged models."""

from typing import Any

from shelflife.tracking.logged_model import LoggedModel, LoggedModelStatus, Measured
from shelflife.tracking.wire import filled, metric_json, pairs

_STATUS = {
    LoggedModelStatus.PENDING: "LOGGED_MODEL_PENDING",
    LoggedModelStatus.READY: "LOGGED_MODEL_READY",
    LoggedModelStatus.FAILED: "LOGGED_MODEL_UPLOAD_FAILED",
}


def model_json(model: LoggedModel) -> dict[str, Any]:
    info = {
        "model_id": model.model_id,
        "experiment_id": model.experiment_id,
        "name": model.name,
        "creation_timestamp_ms": model.creation_time,
        "last_updated_timestamp_ms": model.last_update_time,
        "artifact_uri": model.artifact_uri,
        "status": _STATUS[model.status],
        "status_message": model.status_message or None,
        "model_type": model.model_type or None,
        "source_run_id": model.source_run_id or None,
        "tags": pairs(model.tags.items()),
    }
    data = {
        "params": pairs(model.params.items()),
        "metrics": [_measured_json(model.model_id, one) for one in model.measured],
    }
    return {"info": filled(info), "data": filled(data)}


def _measured_json(model_id: str, one: Measured) -> dict[str, Any]:
    on = {"dataset_name": one.dataset_name, "dataset_digest": one.dataset_digest}
    return filled(metric_json(one.metric) | {"model_id": model_id, "run_id": one.run_id} | on)
