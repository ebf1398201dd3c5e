import hashlib
from pathlib import Path

from shelflife.contracts.data import MANIFEST_KEY, DatasetManifest, StoredObject
from shelflife.data.checks import FileTooLargeError
from shelflife.data.errors import (
    IngestionExistsError,
    UploadExistsError,
    UploadMissingError,
    VersionTakenError,
)
from shelflife.data.model import (
    Dataset,
    DatasetVersion,
    Ingestion,
    IngestionState,
    LocalFile,
    Ticket,
    Upload,
)
from shelflife.kernel.ids import Moment
from shelflife.kernel.paging import Page, decode_cursor, encode_cursor


class MemoryIngestions:
    def __init__(self) -> None:
        self._uploads: dict[tuple[str, str], Upload] = {}
        self._ingestions: dict[tuple[str, str], Ingestion] = {}

    def add_upload(self, upload: Upload) -> None:
        key = (upload.name, upload.upload_id)
        if key in self._uploads:
            raise UploadExistsError(upload.upload_id)
        self._uploads[key] = upload

    def find_upload(self, name: str, upload_id: str) -> Upload | None:
        return self._uploads.get((name, upload_id))

    def add(self, ingestion: Ingestion) -> None:
        key = (ingestion.name, ingestion.ingestion_id)
        if key in self._ingestions:
            raise IngestionExistsError(ingestion.ingestion_id)
        self._ingestions[key] = ingestion

    def find(self, name: str, ingestion_id: str) -> Ingestion | None:
        return self._ingestions.get((name, ingestion_id))

    def finish(self, ingestion: Ingestion) -> Ingestion:
        key = (ingestion.name, ingestion.ingestion_id)
        if self._ingestions[key].state is IngestionState.RUNNING:
            self._ingestions[key] = ingestion
        return self._ingestions[key]


class MemoryVersions:
    def __init__(self) -> None:
        self._given: dict[str, int] = {}
        self._versions: dict[tuple[str, int], DatasetVersion] = {}
        self._datasets: dict[str, Dataset] = {}

    def last_number(self, name: str) -> int:
        return self._given.get(name, 0)

    def find_content(self, name: str, content: str) -> DatasetVersion | None:
        found = (v for v in self._versions.values() if (v.name, v.content) == (name, content))
        return next(found, None)

    def claim(self, version: DatasetVersion) -> None:
        next_number = self.last_number(version.name) + 1
        if version.version != next_number or self.find_content(version.name, version.content):
            raise VersionTakenError(version.name, version.version)
        self._given[version.name] = version.version
        self._versions[version.name, version.version] = version

    def publish(self, version: DatasetVersion) -> None:
        self._versions[version.name, version.version] = version.model_copy(update={"ready": True})
        known = self._datasets.get(version.name)
        if known is None or known.latest_version <= version.version:
            self._datasets[version.name] = Dataset(
                name=version.name,
                latest_version=version.version,
                created_at=known.created_at if known else version.created_at,
                created_by=known.created_by if known else version.created_by,
                updated_at=version.created_at,
            )

    def find(self, name: str, version: int) -> DatasetVersion | None:
        found = self._versions.get((name, version))
        return found if found and found.ready else None

    def find_dataset(self, name: str) -> Dataset | None:
        return self._datasets.get(name)

    def page(self, name: str, limit: int, cursor: str | None) -> Page[DatasetVersion]:
        before = (decode_cursor(cursor) or {}).get("before", 10**9)
        numbers = sorted((n for of, n in self._versions if of == name and n < before), reverse=True)
        taken = [self._versions[name, number] for number in numbers[:limit]]
        more = encode_cursor({"before": numbers[limit - 1]}) if len(numbers) > limit else None
        return Page(items=tuple(version for version in taken if version.ready), next_cursor=more)

    def page_datasets(self, limit: int, cursor: str | None) -> Page[Dataset]:
        after = (decode_cursor(cursor) or {}).get("after", "")
        left = [self._datasets[name] for name in sorted(self._datasets) if name > after]
        more = encode_cursor({"after": left[limit - 1].name}) if len(left) > limit else None
        return Page(items=tuple(left[:limit]), next_cursor=more)


class MemoryUploads:
    def __init__(self, largest_bytes: int = 10**6) -> None:
        self._largest_bytes = largest_bytes
        self._files: dict[tuple[str, str], bytes] = {}

    def send(self, upload: Upload, body: bytes) -> None:
        """What a client does with the ticket."""
        self._files[upload.name, upload.upload_id] = body

    def ticket(self, upload: Upload, expires_at: Moment, lifetime_seconds: int) -> Ticket:
        headers = {"content-type": upload.format.content_type}
        return Ticket(url=f"memory:{upload.upload_id}", headers=headers, expires_at=expires_at)

    def arrived(self, upload: Upload) -> bool:
        return (upload.name, upload.upload_id) in self._files

    def fetch(self, upload: Upload, folder: Path) -> LocalFile:
        body = self._files.get((upload.name, upload.upload_id))
        if body is None:
            raise UploadMissingError(upload.name, upload.upload_id)
        if len(body) > self._largest_bytes:
            raise FileTooLargeError(len(body), self._largest_bytes)
        path = folder / f"source.{upload.format}"
        path.write_bytes(body)
        return LocalFile(path, hashlib.sha256(body).hexdigest(), len(body))


class MemoryVersionFiles:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def keep(self, version: DatasetVersion, file_name: str, file: LocalFile) -> StoredObject:
        uri = _manifest_uri(version.name, version.version).replace("manifest.json", file_name)
        kept = self.objects.setdefault(uri, file.path.read_bytes())
        return StoredObject(uri=uri, sha256=hashlib.sha256(kept).hexdigest(), size_bytes=len(kept))

    def publish(self, manifest: DatasetManifest) -> DatasetManifest:
        uri = _manifest_uri(manifest.name, manifest.version)
        kept = self.objects.setdefault(uri, manifest.model_dump_json().encode())
        return DatasetManifest.model_validate_json(kept)

    def manifest(self, name: str, version: int) -> DatasetManifest:
        return DatasetManifest.model_validate_json(self.objects[_manifest_uri(name, version)])

    def read(self, stored: StoredObject) -> bytes:
        return self.objects[stored.uri]

    def ticket(
        self, stored: StoredObject, file_name: str, expires_at: Moment, lifetime_seconds: int
    ) -> Ticket:
        return Ticket(url=f"{stored.uri}?as={file_name}", headers={}, expires_at=expires_at)


class MemoryExecutions:
    def __init__(self) -> None:
        self.started: list[str] = []

    def start(self, ingestion: Ingestion) -> None:
        if ingestion.ingestion_id not in self.started:
            self.started.append(ingestion.ingestion_id)


def _manifest_uri(name: str, version: int) -> str:
    return f"s3://memory/{MANIFEST_KEY.format(name=name, version=version)}"
