from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from json import dumps, loads

from shelflife.contracts.data import DatasetManifest
from shelflife.data.errors import (
    DatasetColumnNotFoundError,
    DatasetNotFoundError,
    DatasetVersionNotFoundError,
    IngestionExistsError,
    IngestionNotFoundError,
    UploadMissingError,
    UploadNotFoundError,
    VersionNumberError,
)
from shelflife.data.model import (
    Dataset,
    DatasetVersion,
    FileFormat,
    Ingestion,
    IngestionState,
    Kinds,
    Ticket,
    Upload,
    ingestion_id_of,
)
from shelflife.data.ports import Executions, Ingestions, Uploads, VersionFiles, Versions
from shelflife.kernel.ids import Clock, NewId, checked_name
from shelflife.kernel.paging import Page

LATEST = "latest"
UPLOAD_SECONDS = 3600
DOWNLOAD_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Datasets:
    """What people ask about datasets; making versions is the work of `Ingest`."""

    ingestions: Ingestions
    versions: Versions
    uploads: Uploads
    files: VersionFiles
    executions: Executions
    now: Clock
    new_id: NewId

    def open_upload(
        self, name: str, file_format: FileFormat, description: str, *, by: str
    ) -> tuple[Upload, Ticket]:
        """Make a place for one file, and a URL to PUT it to within the hour."""
        at = self.now()
        upload = Upload(
            name=checked_name("name", name),
            upload_id=self.new_id(),
            format=file_format,
            description=description,
            created_at=at,
            created_by=by,
        )
        self.ingestions.add_upload(upload)
        return upload, self.uploads.ticket(upload, at + timedelta(seconds=UPLOAD_SECONDS), UPLOAD_SECONDS)

    def ingest(
        self, name: str, upload_id: str, *, kinds: Kinds, description: str | None, by: str
    ) -> Ingestion:
        """Start to make a version of an upload; asked again, the answer is the first ingestion.

        Raises:
            UploadNotFoundError: there is no such upload.
            UploadMissingError: its file has not arrived.
        """
        upload = self.ingestions.find_upload(name, upload_id)
        if upload is None:
            raise UploadNotFoundError(name, upload_id)
        if not self.uploads.arrived(upload):
            raise UploadMissingError(name, upload_id)
        ingestion = Ingestion(
            name=name,
            ingestion_id=ingestion_id_of(upload_id, kinds),
            upload=upload,
            columns=dict(kinds),
            description=upload.description if description is None else description,
            created_at=self.now(),
            created_by=by,
        )
        ingestion = self._added(ingestion)
        if ingestion.state is IngestionState.RUNNING:
            # Also for one that was there: its caller may have been cut off before the start.
            self.executions.start(ingestion)
        return ingestion

    def ingestion(self, name: str, ingestion_id: str) -> Ingestion:
        """How an attempt to make a version goes, or ended.

        Raises:
            IngestionNotFoundError: there is none.
        """
        found = self.ingestions.find(name, ingestion_id)
        if found is None:
            raise IngestionNotFoundError(name, ingestion_id)
        return found

    def page(self, limit: int, cursor: str | None) -> Page[Dataset]:
        return self.versions.page_datasets(limit, cursor)

    def dataset(self, name: str) -> Dataset:
        """A dataset and the number of its latest version.

        Raises:
            DatasetNotFoundError: there is none, or it has no version yet.
        """
        found = self.versions.find_dataset(name)
        if found is None:
            raise DatasetNotFoundError(name)
        return found

    def version_page(self, name: str, limit: int, cursor: str | None) -> Page[DatasetVersion]:
        self.dataset(name)
        return self.versions.page(name, limit, cursor)

    def version(self, name: str, number: str) -> tuple[DatasetVersion, DatasetManifest]:
        """A version by its number or as `latest`.

        Raises:
            VersionNumberError: it is neither.
            DatasetVersionNotFoundError: there is none that is ready.
        """
        if number != LATEST and not (number.isascii() and number.isdigit()):
            raise VersionNumberError(number)
        wanted = self.dataset(name).latest_version if number == LATEST else int(number)
        found = self.versions.find(name, wanted)
        if found is None:
            raise DatasetVersionNotFoundError(name, wanted)
        return found, self.files.manifest(name, wanted)

    def profile(self, name: str, number: str, columns: Sequence[str]) -> str:
        """The JSON of a version's profile, of all columns or of some.

        Raises:
            DatasetColumnNotFoundError: a column that was asked for is not there.
        """
        _, manifest = self.version(name, number)
        body = self.files.read(manifest.profile).decode()
        if not columns:
            return body
        plain = loads(body)
        for column in columns:
            if column not in plain["columns"]:
                raise DatasetColumnNotFoundError(name, manifest.version, column)
        return dumps(plain | {"columns": {column: plain["columns"][column] for column in columns}})

    def download(self, name: str, number: str) -> Ticket:
        """A URL of the file as it was uploaded, for a quarter of an hour."""
        _, manifest = self.version(name, number)
        file_name = f"{name}-{manifest.version}.{manifest.format}"
        expires_at = self.now() + timedelta(seconds=DOWNLOAD_SECONDS)
        return self.files.ticket(manifest.source, file_name, expires_at, DOWNLOAD_SECONDS)

    def _added(self, ingestion: Ingestion) -> Ingestion:
        try:
            self.ingestions.add(ingestion)
        except IngestionExistsError:
            return self.ingestion(ingestion.name, ingestion.ingestion_id)
        return ingestion
