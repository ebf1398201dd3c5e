"""Downloads from moto, and from a server of our own that breaks off."""

import hashlib
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from shelflife.aws.clients import client
from shelflife.aws.downloads import CONNECTIONS, PART_BYTES, Download, ObjectUnreachableError
from shelflife.aws.objects import ObjectCorruptedError, ObjectNotFoundError
from tests.harness.cloud import make_bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SMALL, LARGE = 1000, 2 * PART_BYTES + 12_345
URI = "s3://artifacts/training/job-1/model.onnx"
Read = Callable[[Download], bytes]


def pattern(size: int) -> bytes:
    """Bytes of which no two parts are alike."""
    return b"".join(at.to_bytes(8, "big") for at in range(size // 8 + 1))[:size]


def asked(content: bytes, *, by: "S3Client | None" = None) -> Download:
    """A download of an object that was once this content."""
    return Download(by or client("s3"), URI, hashlib.sha256(content).hexdigest(), len(content))


@pytest.fixture
def put(aws: None) -> Callable[[bytes], None]:
    make_bucket("artifacts")

    def put(content: bytes) -> None:
        client("s3").put_object(Bucket="artifacts", Key="training/job-1/model.onnx", Body=content)

    return put


@pytest.fixture(params=["content", "save"])
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Read:
    """Both ways to read an object."""

    def save(download: Download) -> bytes:
        with (tmp_path / "object").open("w+b") as file:
            download.save(file)
        return (tmp_path / "object").read_bytes()

    return save if request.param == "save" else Download.content


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, LARGE, CONNECTIONS * PART_BYTES + 7])
def test_every_byte_arrives_at_its_place(put: Callable[[bytes], None], read: Read, size: int) -> None:
    content = pattern(size)
    put(content)
    download = asked(content)
    assert read(download) == content
    assert download.is_small == (size <= PART_BYTES)


@pytest.mark.usefixtures("put")
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_what_is_not_there_is_told(read: Read, size: int) -> None:
    with pytest.raises(ObjectNotFoundError, match=re.escape(URI)):
        read(asked(pattern(size)))


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("place", [0, -1])
def test_one_wrong_byte_is_told(put: Callable[[bytes], None], read: Read, size: int, place: int) -> None:
    content = pattern(size)
    changed = bytearray(content)
    changed[place] ^= 1
    put(bytes(changed))
    with pytest.raises(ObjectCorruptedError, match="has SHA-256"):
        read(asked(content))


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("left", [0, 1, SMALL - 1, LARGE + 1])
def test_another_size_is_told_with_both(
    put: Callable[[bytes], None], read: Read, size: int, left: int
) -> None:
    put(pattern(left))
    with pytest.raises(ObjectCorruptedError, match=f"has size {left}, not {size}"):
        read(asked(pattern(size)))


class Unsteady:
    """A server with one object that breaks off in the middle of so many answers, or refuses them."""

    def __init__(self, content: bytes, *, breaks: int = 0, refuses: int = 0) -> None:
        self.content = content
        self.left = {"breaks": breaks, "refuses": refuses}
        self._lock = Lock()

    def takes_one(self, of: str) -> bool:
        with self._lock:
            self.left[of] -= 1
            return self.left[of] >= 0

    def serve(self, call: BaseHTTPRequestHandler) -> None:
        if self.takes_one("refuses"):
            call.send_error(503)
            return
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", call.headers.get("Range", ""))
        start, end = (int(found[1]), int(found[2]) + 1) if found else (0, len(self.content))
        body = self.content[start:end]
        call.send_response(206 if found else 200)
        call.send_header("Content-Length", str(len(body)))
        if found:
            call.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(self.content)}")
        call.end_headers()
        call.wfile.write(body[: len(body) // 2] if self.takes_one("breaks") else body)
        call.close_connection = True


@pytest.fixture
def unsteady(aws: None) -> Iterator[Callable[[Unsteady], "S3Client"]]:
    """Start the server; the answer is a client of it."""
    servers: list[ThreadingHTTPServer] = []

    def start(behaviour: Unsteady) -> "S3Client":
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                behaviour.serve(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_download_that_breaks_off_once_is_tried_again(
    unsteady: Callable[[Unsteady], "S3Client"], read: Read, size: int
) -> None:
    content = pattern(size)
    assert read(asked(content, by=unsteady(Unsteady(content, breaks=1)))) == content


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("trouble", [{"breaks": 100}, {"refuses": 100}])
def test_an_object_that_cannot_be_read_now_is_not_called_corrupted(
    unsteady: Callable[[Unsteady], "S3Client"], read: Read, size: int, trouble: dict[str, int]
) -> None:
    content = pattern(size)
    with pytest.raises(ObjectUnreachableError, match="cannot be read now"):
        read(asked(content, by=unsteady(Unsteady(content, **trouble))))
