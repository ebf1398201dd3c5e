"""HTTP: datasets, their versions, and how files become versions."""

import json
from http import HTTPStatus

from pydantic import Field

from shelflife.contracts.data import ColumnKind
from shelflife.data.model import Dataset, DatasetVersion, FileFormat, Ingestion, Problem
from shelflife.data.wiring import datasets
from shelflife.entry.forms import Failure, code_of_name, render
from shelflife.entry.http import Answer, Call, HttpDoor
from shelflife.kernel.model import Model
from shelflife.kernel.names import Context

door = HttpDoor(Context.DATA)
handler = door.handle

_PATH = "/v1/data/datasets"


class UploadRequest(Model):
    format: FileFormat
    description: str = Field(default="", max_length=1000)


class VersionRequest(Model):
    """`columns` says what columns are to be read as, where that is not left to the platform."""

    upload_id: str
    description: str | None = Field(default=None, max_length=1000)
    columns: dict[str, ColumnKind] = Field(default_factory=dict)


@door.post(f"{_PATH}/<name>/uploads", body=UploadRequest)
def open_upload(call: Call[UploadRequest], name: str) -> Answer:
    """Make a place for one file: PUT it to the URL, with the headers, before the URL expires."""
    asked = call.body
    upload, ticket = datasets().open_upload(name, asked.format, asked.description, by=call.principal.name)
    shown = {"upload_id": upload.upload_id, "method": "PUT"} | ticket.model_dump(mode="json")
    return Answer(shown, HTTPStatus.CREATED)


@door.post(f"{_PATH}/<name>/versions", body=VersionRequest)
def ingest_upload(call: Call[VersionRequest], name: str) -> Answer:
    """Start to make a version of an upload; asked twice, it starts once."""
    asked = call.body
    ingestion = datasets().ingest(
        name,
        asked.upload_id,
        kinds=asked.columns,
        description=asked.description,
        by=call.principal.name,
    )
    return Answer(_ingestion(ingestion), HTTPStatus.ACCEPTED)


@door.get(f"{_PATH}/<name>/ingestions/<ingestion_id>")
def get_ingestion(call: Call[None], name: str, ingestion_id: str) -> object:  # noqa: ARG001 - every route takes its call
    return _ingestion(datasets().ingestion(name, ingestion_id))


@door.get(_PATH)
def list_datasets(call: Call[None]) -> dict[str, object]:
    page = datasets().page(*call.page())
    return {"datasets": [_dataset(dataset) for dataset in page.items], "next_cursor": page.next_cursor}


@door.get(f"{_PATH}/<name>")
def get_dataset(call: Call[None], name: str) -> object:  # noqa: ARG001 - see above
    return _dataset(datasets().dataset(name))


@door.get(f"{_PATH}/<name>/versions")
def list_versions(call: Call[None], name: str) -> dict[str, object]:
    """Newest first."""
    page = datasets().version_page(name, *call.page())
    return {"versions": [_version(version) for version in page.items], "next_cursor": page.next_cursor}


@door.get(f"{_PATH}/<name>/versions/<version>")
def get_version(call: Call[None], name: str, version: str) -> object:  # noqa: ARG001 - see above
    """The manifest of a version, by number or as `latest`."""
    found, manifest = datasets().version(name, version)
    return _version(found) | manifest.model_dump(mode="json")


@door.get(f"{_PATH}/<name>/versions/<version>/profile")
def get_profile(call: Call[None], name: str, version: str) -> Answer:
    """The mergeable profile; `?column=` asks for some columns only."""
    return Answer(datasets().profile(name, version, call.query.get("column", [])))


@door.get(f"{_PATH}/<name>/versions/<version>/download")
def download_version(call: Call[None], name: str, version: str) -> object:  # noqa: ARG001 - see above
    """A URL of the file as it was uploaded."""
    return datasets().download(name, version).model_dump(mode="json", exclude={"headers"})


def _dataset(dataset: Dataset) -> dict[str, object]:
    return dataset.model_dump(mode="json")


def _version(version: DatasetVersion) -> dict[str, object]:
    return version.model_dump(mode="json", exclude={"content", "ready"})


def _ingestion(ingestion: Ingestion) -> dict[str, object]:
    shown = ingestion.model_dump(mode="json", exclude={"upload", "problem"}, exclude_none=True)
    shown |= {"upload_id": ingestion.upload.upload_id}
    if ingestion.problem is not None:
        path = f"{_PATH}/{ingestion.name}/ingestions/{ingestion.ingestion_id}"
        shown["problem"] = _problem(ingestion.problem, path)
    return shown


def _problem(problem: Problem, path: str) -> object:
    """The problem as the request itself would have been answered, had it waited for the outcome."""
    status = HTTPStatus.BAD_REQUEST if problem.refused else HTTPStatus.INTERNAL_SERVER_ERROR
    failure = Failure(status, code_of_name(problem.error), problem.detail, problem.faults)
    return json.loads(render(failure, path).body)
