import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from shelflife.aws.clients import client
from shelflife.contracts.data import DatasetManifest, StoredObject
from shelflife.data.checks import FileTooLargeError
from shelflife.data.errors import StoredObjectBusyError, UploadInterruptedError, UploadMissingError
from shelflife.data.files import S3VersionFiles
from shelflife.data.model import DatasetVersion, FileFormat, LocalFile, Upload
from shelflife.data.ports import Uploads, VersionFiles
from shelflife.data.uploads import S3Uploads
from tests.fakes.data import MemoryUploads, MemoryVersionFiles
from tests.harness.cloud import make_bucket

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
UPLOAD = Upload(
    name="bikes", upload_id="u1", format=FileFormat.CSV, description="", created_at=NOON, created_by="ada"
)
VERSION = DatasetVersion(
    name="bikes",
    version=7,
    content="0" * 64,
    row_count=1,
    description="",
    ingestion_id="u1",
    created_at=NOON,
    created_by="ada",
)
BUCKET = "artifacts"


@dataclass
class Sent:
    uploads: Uploads
    send: Any


@pytest.fixture(params=["memory", "s3"])
def sent(request: pytest.FixtureRequest) -> Sent:
    if request.param == "memory":
        memory = MemoryUploads(largest_bytes=20)
        return Sent(memory, memory.send)
    request.getfixturevalue("aws")
    make_bucket(BUCKET)

    def send(upload: Upload, body: bytes) -> None:
        client("s3").put_object(Bucket=BUCKET, Key="uploads/bikes/u1.csv", Body=body)

    return Sent(S3Uploads(client("s3"), BUCKET, largest_bytes=20), send)


@pytest.fixture(params=["memory", "s3"])
def files(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryVersionFiles()
    request.getfixturevalue("aws")
    return S3VersionFiles(client("s3"), make_bucket(BUCKET))


def local(folder: Path, body: bytes) -> LocalFile:
    path = folder / "local"
    path.write_bytes(body)
    return LocalFile(path, hashlib.sha256(body).hexdigest(), len(body))


def manifest(files: VersionFiles, folder: Path, created_by: str) -> DatasetManifest:
    stored = files.keep(VERSION, "source.csv", local(folder, b"a\n1\n"))
    return DatasetManifest(
        name="bikes",
        version=7,
        source=stored,
        rows=stored,
        profile=stored,
        format="csv",
        row_count=1,
        columns=(),
        created_at=NOON,
        created_by=created_by,
    )


def test_a_file_is_fetched_as_it_was_sent(sent: Sent, tmp_path: Path) -> None:
    assert not sent.uploads.arrived(UPLOAD)
    with pytest.raises(UploadMissingError):
        sent.uploads.fetch(UPLOAD, tmp_path)
    sent.send(UPLOAD, b"a,b\n1,2\n")
    assert sent.uploads.arrived(UPLOAD)
    fetched = sent.uploads.fetch(UPLOAD, tmp_path)
    assert fetched.path.read_bytes() == b"a,b\n1,2\n"
    assert (fetched.sha256, fetched.size_bytes) == (hashlib.sha256(b"a,b\n1,2\n").hexdigest(), 8)


def test_a_file_that_is_too_large_is_refused_by_its_size(sent: Sent, tmp_path: Path) -> None:
    sent.send(UPLOAD, b"a" * 21)
    with pytest.raises(FileTooLargeError, match="21 bytes, the limit is 20"):
        sent.uploads.fetch(UPLOAD, tmp_path)


def test_a_ticket_signs_the_key_and_the_type(aws: None) -> None:
    ticket = S3Uploads(client("s3"), BUCKET).ticket(UPLOAD, NOON + timedelta(hours=1), 3600)
    asked = urlsplit(ticket.url)
    query = parse_qs(asked.query)
    assert asked.path.endswith("uploads/bikes/u1.csv")
    assert query["X-Amz-SignedHeaders"] == ["content-type;host"]
    assert query["X-Amz-Expires"] == ["3600"]
    assert ticket.headers == {"content-type": "text/csv"}


def test_a_file_is_kept_as_it_was_first_written(files: VersionFiles, tmp_path: Path) -> None:
    first = files.keep(VERSION, "rows.parquet", local(tmp_path, b"first"))
    assert first.uri.endswith("datasets/bikes/versions/00000007/rows.parquet")
    second = files.keep(VERSION, "rows.parquet", local(tmp_path, b"the second"))
    assert (
        second
        == first
        == StoredObject(uri=first.uri, sha256=hashlib.sha256(b"first").hexdigest(), size_bytes=5)
    )
    assert files.read(first) == b"first"


def test_a_manifest_is_kept_as_it_was_first_written(files: VersionFiles, tmp_path: Path) -> None:
    first = manifest(files, tmp_path, "ada")
    assert files.publish(first) == first
    assert files.publish(manifest(files, tmp_path, "bob")) == first
    assert files.manifest("bikes", 7) == first


def test_a_download_is_named_after_the_version(aws: None, tmp_path: Path) -> None:
    files = S3VersionFiles(client("s3"), make_bucket(BUCKET))
    stored = files.keep(VERSION, "source.csv", local(tmp_path, b"a\n1\n"))
    ticket = files.ticket(stored, "bikes-7.csv", NOON, 900)
    asked = urlsplit(ticket.url)
    assert asked.path.endswith("datasets/bikes/versions/00000007/source.csv")
    assert parse_qs(asked.query)["response-content-disposition"] == ['attachment; filename="bikes-7.csv"']


class Broken:
    """S3 on a bad day."""

    def __init__(self, code: str = "") -> None:
        self.code = code

    def get_object(self, **asked: object) -> object:
        return {"ContentLength": 8, "Body": self}

    def iter_chunks(self, size: int) -> Any:
        yield b"a,b\n"
        raise ReadTimeoutError(endpoint_url="https://s3")

    def put_object(self, **asked: object) -> None:
        raise ClientError({"Error": {"Code": self.code, "Message": ""}}, "PutObject")


def test_reading_that_breaks_off_can_be_tried_again(tmp_path: Path) -> None:
    broken: Any = Broken()
    with pytest.raises(UploadInterruptedError, match=r"uploads/bikes/u1\.csv"):
        S3Uploads(broken, BUCKET).fetch(UPLOAD, tmp_path)


def test_writing_beside_another_writer_can_be_tried_again(tmp_path: Path) -> None:
    busy: Any = Broken("ConditionalRequestConflict")
    with pytest.raises(StoredObjectBusyError):
        S3VersionFiles(busy, BUCKET).keep(VERSION, "rows.parquet", local(tmp_path, b"x"))
    denied: Any = Broken("AccessDenied")
    with pytest.raises(ClientError):
        S3VersionFiles(denied, BUCKET).keep(VERSION, "rows.parquet", local(tmp_path, b"x"))
