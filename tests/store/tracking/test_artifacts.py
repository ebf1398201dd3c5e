from typing import Any

import pytest
from botocore.stub import Stubber

from shelflife.aws.clients import client
from shelflife.tracking.errors import PartUploadNotFoundError
from shelflife.tracking.objects import S3ArtifactFiles
from shelflife.tracking.ports import ArtifactEntry, ArtifactFile, ArtifactFiles
from tests.fakes.tracking import MemoryArtifactFiles
from tests.harness.cloud import make_bucket


@pytest.fixture(params=["memory", "s3"])
def files(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryArtifactFiles()
    request.getfixturevalue("aws")
    return S3ArtifactFiles(client("s3"), make_bucket("artifacts"))


def test_a_file_comes_back_as_it_was(files: ArtifactFiles) -> None:
    files.write("1/a/artifacts/größe.txt", "größe".encode(), "text/plain")
    assert files.read("1/a/artifacts/größe.txt") == "größe".encode()
    assert files.find("1/a/artifacts/größe.txt") == ArtifactFile(7, "text/plain")
    assert files.find("1/a/artifacts") is None


def test_a_folder_lists_what_is_directly_in_it(files: ArtifactFiles) -> None:
    for path in ("1/a/x.txt", "1/a/sub/y.txt", "1/a/sub/deep/z.txt", "1/ab/other.txt"):
        files.write(path, b"12", "text/plain")
    assert files.entries("1/a") == [ArtifactEntry("sub"), ArtifactEntry("x.txt", 2)]
    assert files.entries("1/a/sub") == [ArtifactEntry("deep"), ArtifactEntry("y.txt", 2)]
    assert files.entries("1/a/x.txt") == files.entries("2") == []
    assert files.entries("") == [ArtifactEntry("1")]


def test_a_removed_folder_takes_all_in_it_along(files: ArtifactFiles) -> None:
    for path in ("1/a/x.txt", "1/a/sub/y.txt", "1/ab/other.txt"):
        files.write(path, b"", "text/plain")
    files.remove("1/a")
    files.remove("1/a")
    assert files.entries("1") == [ArtifactEntry("ab")]


def test_an_upload_in_parts_is_one_file(files: ArtifactFiles) -> None:
    upload_id = files.begin_upload("1/a/large.bin", "application/x-large")
    etags = [send(files, "1/a/large.bin", upload_id, at, bytes([at]) * 5_242_880) for at in (1, 2)]
    assert files.find("1/a/large.bin") is None
    for _ in range(2):
        files.complete_upload("1/a/large.bin", upload_id, etags)
    assert files.find("1/a/large.bin") == ArtifactFile(2 * 5_242_880, "application/x-large")


def test_an_aborted_upload_leaves_nothing(files: ArtifactFiles) -> None:
    upload_id = files.begin_upload("1/a/large.bin", "text/plain")
    etag = send(files, "1/a/large.bin", upload_id, 1, b"1")
    for _ in range(2):
        files.abort_upload("1/a/large.bin", upload_id)
    assert etag
    assert files.find("1/a/large.bin") is None


def test_completing_what_is_completed_is_fine_and_what_is_aborted_is_refused(aws: None) -> None:
    # Stubbed: moto fails on an aborted upload (KeyError) where S3 answers NoSuchUpload.
    s3 = client("s3")
    files = S3ArtifactFiles(s3, "artifacts")
    with Stubber(s3) as stub:
        stub.add_client_error("complete_multipart_upload", "NoSuchUpload", http_status_code=404)
        stub.add_response("head_object", {"ContentLength": 1, "ContentType": "text/plain"})
        files.complete_upload("1/a/large.bin", "u1", ["e1"])
        stub.add_client_error("complete_multipart_upload", "NoSuchUpload", http_status_code=404)
        stub.add_client_error("head_object", "404", http_status_code=404)
        with pytest.raises(PartUploadNotFoundError):
            files.complete_upload("1/a/large.bin", "u1", ["e1"])


def send(files: ArtifactFiles, path: str, upload_id: str, number: int, body: bytes) -> str:
    """What a client does with a part's URL."""
    if isinstance(files, MemoryArtifactFiles):
        return files.send_part(files.part_url(path, upload_id, number), body)
    return client("s3").upload_part(
        Bucket="artifacts", Key=f"tracking/{path}", UploadId=upload_id, PartNumber=number, Body=body
    )["ETag"]
