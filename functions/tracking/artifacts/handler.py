"""HTTP: the files of runs, over MLflow's REST protocol; what is large goes to and from S3 directly."""

from dataclasses import replace
from http import HTTPStatus
from typing import Any

from shelflife.entry.http import Answer, Call, HttpDoor
from shelflife.kernel.names import Context
from shelflife.tracking import file_requests as asked
from shelflife.tracking import wire
from shelflife.tracking.ports import ArtifactEntry
from shelflife.tracking.wiring import artifacts, logged_models, tracking

door = HttpDoor(Context.TRACKING)
handler = door.handle

FILES = "/api/2.0/mlflow-artifacts"
Nothing = dict[str, object]
#: Files and folders in one answer.
FOLDER_PAGE = 1000


@door.get(f"{FILES}/artifacts")
def list_artifacts(call: Call[None]) -> Nothing:
    entries = artifacts().entries((call.parameter("path") or "").rstrip("/"))
    return {"files": [wire.entry_json(entry) for entry in entries]} if entries else {}


@door.put(f"{FILES}/artifacts/.+")
def upload_artifact(call: Call[None]) -> Nothing:
    path = _path(call, "artifacts")
    artifacts().write(path, call.raw, call.headers.get("content-type", wire.BYTES))
    return {}


@door.get(f"{FILES}/artifacts/.+")
def download_artifact(call: Call[None]) -> Answer:
    return _download(_path(call, "artifacts"))


@door.delete(f"{FILES}/artifacts/.+")
def delete_artifact(call: Call[None]) -> Nothing:
    artifacts().remove(_path(call, "artifacts").rstrip("/"))
    return {}


@door.get(f"{FILES}/presigned/.+")
def locate_artifact(call: Call[None]) -> Nothing:
    found = artifacts().locate(_path(call, "presigned"))
    return {"url": found.url, "headers": {}, "file_size": found.file.size}


@door.post(f"{FILES}/mpu/create/.+", body=asked.BeginUpload)
def begin_upload(call: Call[asked.BeginUpload]) -> Nothing:
    path = f"{_path(call, 'mpu/create')}/{call.body.file_name}"
    return wire.upload_json(artifacts().begin_upload(path, call.body.num_parts, wire.content_type_of(path)))


@door.post(f"{FILES}/mpu/complete/.+", body=asked.EndUpload)
def complete_upload(call: Call[asked.EndUpload]) -> Nothing:
    path = f"{_path(call, 'mpu/complete')}/{call.body.file_name}"
    artifacts().complete_upload(path, call.body.upload_id, call.body.etags())
    return {}


@door.post(f"{FILES}/mpu/abort/.+", body=asked.EndUpload)
def abort_upload(call: Call[asked.EndUpload]) -> Nothing:
    path = f"{_path(call, 'mpu/abort')}/{call.body.file_name}"
    artifacts().abort_upload(path, call.body.upload_id)
    return {}


@door.get("/api/2.0/mlflow/artifacts/list")
def list_run_artifacts(call: Call[None]) -> str:
    """The files of a run, with names relative to its artifact root."""
    named = call.parameters(asked.ArtifactsOf)
    return _listed(tracking().get_run(named.of).artifact_uri, named.path, named.page_token)


@door.get("/get-artifact")
def get_run_artifact(call: Call[None]) -> Answer:
    """A file of a run, for MLflow's pages."""
    named = call.parameters(asked.ArtifactsOf)
    return _download(artifacts().below(tracking().get_run(named.of).artifact_uri, named.path))


@door.get("/api/2.0/mlflow/logged-models/<model_id>/artifacts/directories")
def list_logged_model_artifacts(call: Call[None], model_id: str) -> str:
    path = call.parameter("artifact_directory_path") or ""
    return _listed(logged_models().get(model_id).artifact_uri, path, call.parameter("page_token"))


@door.get("/api/2.0/mlflow/logged-models/<model_id>/artifacts/files")
def get_logged_model_artifact(call: Call[None], model_id: str) -> Answer:
    path = call.parameter("artifact_file_path") or ""
    return _download(artifacts().below(logged_models().get(model_id).artifact_uri, path))


def _listed(root_uri: str, path: str, token: str | None) -> str:
    folder = path.strip("/")
    found = artifacts().entries(artifacts().below(root_uri, folder))

    def show(entry: ArtifactEntry) -> Nothing:
        return wire.entry_json(replace(entry, name=f"{folder}/{entry.name}" if folder else entry.name))

    return wire.page("files", found, show, token=token, limit=FOLDER_PAGE, extra={"root_uri": root_uri})


def _download(path: str) -> Answer:
    found = artifacts().read(path)
    if found.url:
        return Answer(status=HTTPStatus.FOUND, headers={"Location": found.url})
    return Answer(found.body, headers=wire.file_headers(path), content_type=found.file.content_type)


def _path(call: Call[Any], verb: str) -> str:
    return call.path.partition(f"{FILES}/{verb}/")[2]
