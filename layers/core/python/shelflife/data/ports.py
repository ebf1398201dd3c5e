from pathlib import Path
from typing import Protocol

from shelflife.contracts.data import DatasetManifest, StoredObject
from shelflife.data.model import (
    Dataset,
    DatasetVersion,
    FileFormat,
    Ingestion,
    Kinds,
    LocalFile,
    Ticket,
    TypedRows,
    Upload,
)
from shelflife.kernel.ids import Moment
from shelflife.kernel.paging import Page


class Ingestions(Protocol):
    """Uploads, and the attempts to make versions of them."""

    def add_upload(self, upload: Upload) -> None:
        """Keep a new upload; it is forgotten with its file, a week later.

        Raises:
            UploadExistsError: its id is taken.
        """

    def find_upload(self, name: str, upload_id: str) -> Upload | None: ...

    def add(self, ingestion: Ingestion) -> None:
        """Keep a new ingestion.

        Raises:
            IngestionExistsError: its id is taken.
        """

    def find(self, name: str, ingestion_id: str) -> Ingestion | None: ...

    def finish(self, ingestion: Ingestion) -> Ingestion:
        """Keep how it ended, unless it has ended already; the answer is what is kept."""


class Versions(Protocol):
    """Datasets and their numbered versions."""

    def last_number(self, name: str) -> int:
        """The highest number given so far, whether its version got ready or not; 0 before the first."""

    def find_content(self, name: str, content: str) -> DatasetVersion | None:
        """The version that was made for this content."""

    def claim(self, version: DatasetVersion) -> None:
        """Give the number to the content, both once and for all.

        Raises:
            VersionTakenError: the number is not the next one any more, or the content has one.
        """

    def publish(self, version: DatasetVersion) -> None:
        """Make the version ready, and the dataset's latest unless a higher one is; again changes nothing."""

    def find(self, name: str, version: int) -> DatasetVersion | None:
        """The version, if it is ready."""

    def find_dataset(self, name: str) -> Dataset | None: ...

    def page(self, name: str, limit: int, cursor: str | None) -> Page[DatasetVersion]:
        """Ready versions, newest first."""

    def page_datasets(self, limit: int, cursor: str | None) -> Page[Dataset]:
        """All datasets by name; a new one shows up within a second."""


class Uploads(Protocol):
    """The files that were sent."""

    def ticket(self, upload: Upload, expires_at: Moment, lifetime_seconds: int) -> Ticket:
        """A presigned PUT."""

    def arrived(self, upload: Upload) -> bool: ...

    def fetch(self, upload: Upload, folder: Path) -> LocalFile:
        """The file, on this machine's disk.

        Raises:
            UploadMissingError: nothing was sent.
            FileTooLargeError: it is larger than an ingestion can take.
            UploadInterruptedError: reading broke off.
        """


class VersionFiles(Protocol):
    """The files of versions; the first writer of each wins, so that none ever changes."""

    def keep(self, version: DatasetVersion, file_name: str, file: LocalFile) -> StoredObject:
        """Write the file unless there is one; the answer is what is kept."""

    def publish(self, manifest: DatasetManifest) -> DatasetManifest:
        """Write the manifest unless there is one; the answer is what is kept."""

    def manifest(self, name: str, version: int) -> DatasetManifest: ...

    def read(self, stored: StoredObject) -> bytes: ...

    def ticket(
        self, stored: StoredObject, file_name: str, expires_at: Moment, lifetime_seconds: int
    ) -> Ticket:
        """A presigned GET."""


class Reader(Protocol):
    def read(self, path: Path, file_format: FileFormat, kinds: Kinds, folder: Path) -> TypedRows:
        """Check a file and write its rows, typed, into the folder.

        Args:
            path: the file.
            file_format: what it should be.
            kinds: what columns are to be read as, where that is not left to the reader.
            folder: where to work; it has room for twice the file.

        Raises:
            DataCheckError: the file cannot become a version.
        """


class Executions(Protocol):
    def start(self, ingestion: Ingestion) -> None:
        """Start the workflow, unless it was started for this ingestion before."""
