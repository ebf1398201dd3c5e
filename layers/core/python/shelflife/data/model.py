"""Datasets: uploads become versions through ingestions; a version never changes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from shelflife.contracts.data import Column, ColumnKind
from shelflife.kernel.errors import FieldFault, InvalidError, ShelflifeError
from shelflife.kernel.ids import Moment, Name, Sha256
from shelflife.kernel.model import Model

#: What one function can take in: its memory and disk set both.
LARGEST_BYTES = 2 * 1024**3
LARGEST_ROWS = 10_000_000

Kinds = Mapping[str, ColumnKind]


class FileFormat(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"

    @property
    def content_type(self) -> str:
        return "text/csv" if self is FileFormat.CSV else "application/vnd.apache.parquet"


class Upload(Model):
    """A place for one file, and who may be asked about it."""

    name: Name
    upload_id: str
    format: FileFormat
    description: str
    created_at: Moment
    created_by: str


class Ticket(Model):
    """A presigned request that needs no token of ours."""

    url: str
    headers: dict[str, str]
    expires_at: Moment


class IngestionState(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Problem(Model):
    """Why an ingestion failed; `refused` says that the file is at fault, not the platform."""

    error: str
    detail: str
    faults: tuple[FieldFault, ...] = ()
    refused: bool

    @classmethod
    def of(cls, error: ShelflifeError) -> "Problem":
        refused = isinstance(error, InvalidError)
        faults = error.faults if isinstance(error, InvalidError) else ()
        return cls(error=type(error).__name__, detail=str(error), faults=faults, refused=refused)


class Ingestion(Model):
    """One attempt to make a version of an upload."""

    name: Name
    ingestion_id: str
    upload: Upload
    columns: dict[str, ColumnKind]
    description: str
    created_at: Moment
    created_by: str
    state: IngestionState = IngestionState.RUNNING
    version: int | None = None
    problem: Problem | None = None
    finished_at: Moment | None = None

    def succeeded(self, version: int, at: Moment) -> "Ingestion":
        return self.model_copy(
            update={"state": IngestionState.SUCCEEDED, "version": version, "finished_at": at}
        )

    def failed(self, problem: Problem, at: Moment) -> "Ingestion":
        return self.model_copy(update={"state": IngestionState.FAILED, "problem": problem, "finished_at": at})


class DatasetVersion(Model):
    """A number that was given to some rows; `ready` once its manifest is written."""

    name: Name
    version: int
    content: Sha256
    row_count: int
    description: str
    ingestion_id: str
    created_at: Moment
    created_by: str
    ready: bool = False


class Dataset(Model):
    """A dataset that has at least one version."""

    name: Name
    latest_version: int
    created_at: Moment
    created_by: str
    updated_at: Moment


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on this machine's disk, and what its bytes are."""

    path: Path
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class TypedRows:
    """What was read of an upload: the rows as Parquet, and what is known of them."""

    path: Path
    row_count: int
    columns: tuple[Column, ...]
    profile_json: str


def ingestion_id_of(upload_id: str, columns: Kinds) -> str:
    """The same upload read in the same way is the same ingestion; it also names the execution."""
    return f"{upload_id}-{_digest(columns)[:8]}" if columns else upload_id


def content_of(sha256: str, columns: Sequence[Column]) -> str:
    """What makes two versions the same: the bytes, and the kinds that their columns were read as."""
    return _digest({"source": sha256, "kinds": [column.kind for column in columns]})


def _digest(plain: object) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=dict).encode()).hexdigest()
