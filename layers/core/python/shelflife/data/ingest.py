"""How an upload becomes a version."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from shelflife.contracts.data import DatasetManifest
from shelflife.data.checks import DataCheckError
from shelflife.data.errors import IngestionNotFoundError, VersionRacedError, VersionTakenError
from shelflife.data.model import (
    DatasetVersion,
    Ingestion,
    IngestionState,
    LocalFile,
    Problem,
    TypedRows,
    content_of,
)
from shelflife.data.ports import Ingestions, Reader, Uploads, VersionFiles, Versions
from shelflife.kernel.ids import Clock

ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Ingest:
    """Every step may be done twice, or be cut off and begun again, and the outcome is one version."""

    ingestions: Ingestions
    versions: Versions
    uploads: Uploads
    files: VersionFiles
    reader: Reader
    now: Clock

    def run(self, name: str, ingestion_id: str) -> Ingestion:
        """Make the version; a file that fails its checks is an outcome, not an error.

        Raises:
            IngestionNotFoundError: there is none.
            VersionRacedError: too many others are making versions of the dataset; try again.
        """
        ingestion = self.ingestions.find(name, ingestion_id)
        if ingestion is None:
            raise IngestionNotFoundError(name, ingestion_id)
        if ingestion.state is not IngestionState.RUNNING:
            return ingestion
        try:
            version = self._version(ingestion)
        except DataCheckError as error:
            return self.ingestions.finish(ingestion.failed(Problem.of(error), self.now()))
        return self.ingestions.finish(ingestion.succeeded(version.version, self.now()))

    def _version(self, ingestion: Ingestion) -> DatasetVersion:
        with TemporaryDirectory(prefix="ingest-") as name:
            folder = Path(name)
            upload = ingestion.upload
            source = self.uploads.fetch(upload, folder)
            rows = self.reader.read(source.path, upload.format, ingestion.columns, folder)
            version = self._claimed(ingestion, content_of(source.sha256, rows.columns), rows)
            if not version.ready:
                self._store(version, ingestion, source, rows)
            return version

    def _claimed(self, ingestion: Ingestion, content: str, rows: TypedRows) -> DatasetVersion:
        """The content's version: the one that it has, or else the next."""
        for _ in range(ATTEMPTS):
            found = self.versions.find_content(ingestion.name, content)
            if found is not None:
                return found
            version = DatasetVersion(
                name=ingestion.name,
                version=self.versions.last_number(ingestion.name) + 1,
                content=content,
                row_count=rows.row_count,
                description=ingestion.description,
                ingestion_id=ingestion.ingestion_id,
                created_at=self.now(),
                created_by=ingestion.created_by,
            )
            try:
                self.versions.claim(version)
            except VersionTakenError:
                continue
            return version
        raise VersionRacedError(ingestion.name, ATTEMPTS)

    def _store(
        self, version: DatasetVersion, ingestion: Ingestion, source: LocalFile, rows: TypedRows
    ) -> None:
        """Files first, then the manifest that makes them a version, then the word that it is ready."""
        file_format = ingestion.upload.format
        profile = rows.path.with_name("profile.json")
        profile.write_text(rows.profile_json)
        manifest = DatasetManifest(
            name=version.name,
            version=version.version,
            source=self.files.keep(version, f"source.{file_format}", source),
            rows=self.files.keep(version, "rows.parquet", local_file(rows.path)),
            profile=self.files.keep(version, "profile.json", local_file(profile)),
            format=file_format,
            row_count=rows.row_count,
            columns=rows.columns,
            created_at=version.created_at,
            created_by=version.created_by,
        )
        self.files.publish(manifest)
        self.versions.publish(version)


def local_file(path: Path) -> LocalFile:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return LocalFile(path, sha256, path.stat().st_size)
