"""Files go in parts, are never whole in memory, and arrive whole or not at all."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from infra.moving.files import File, FileServer, Folder
from infra.moving.server import MovingError, Server

CONTENT = bytes(range(256)) * 100_000
PLACE = Folder("run", "a", "mlflow-artifacts:/1/a/artifacts")
FILE = File("big.bin", len(CONTENT))


class Storage(httpx.BaseTransport):
    """A server with a file, and one that takes it: in parts, unless `parts` says no."""

    def __init__(self, *, parts: bool = True, cuts: int = 0) -> None:
        self.parts = parts
        self.cuts = cuts
        self.kept: dict[str, bytes] = {}
        self.sent: dict[int, bytes] = {}
        self.aborted = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "GET":
            return httpx.Response(200, stream=Chunks(self._content()))
        request.read()
        if request.url.host == "s3.test":
            number = int(path.rpartition("/")[2])
            self.sent[number] = request.content
            return httpx.Response(200, headers={"ETag": f'"{number}"'})
        if request.method == "PUT":
            self.kept[path] = request.content
            return httpx.Response(200, json={})
        return self._in_parts(path, json.loads(request.content))

    def _in_parts(self, path: str, body: dict[str, Any]) -> httpx.Response:
        if not self.parts:
            return httpx.Response(501, json={"error_code": "NOT_IMPLEMENTED"})
        if "/mpu/create/" in path:
            self.sent.clear()
            urls = [
                {"url": f"http://s3.test/{at + 1}", "part_number": at + 1} for at in range(body["num_parts"])
            ]
            return httpx.Response(200, json={"upload_id": "u", "credentials": urls})
        if "/mpu/abort/" in path:
            self.aborted += 1
            return httpx.Response(200, json={})
        assert [part["etag"] for part in body["parts"]] == [f'"{number}"' for number in sorted(self.sent)]
        self.kept["parts"] = b"".join(self.sent[number] for number in sorted(self.sent))
        return httpx.Response(200, json={})

    def _content(self) -> bytes:
        if self.cuts:
            self.cuts -= 1
            return CONTENT[:7_000_000]
        return CONTENT


class Chunks(httpx.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self._content), 100_000):
            yield self._content[at : at + 100_000]


def files(storage: Storage) -> FileServer:
    return FileServer(Server("http://a.test", transport=storage, sleep=lambda _: None), sleep=lambda _: None)


def test_a_large_file_goes_in_parts_straight_to_storage() -> None:
    storage = Storage()
    content = files(storage).receive(files(storage), PLACE, FILE, PLACE)
    assert storage.kept["parts"] == CONTENT
    assert (content.sha256, content.size) == (hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    assert max(map(len, storage.sent.values())) == 10 * 1024 * 1024


def test_a_server_without_parts_gets_a_stream() -> None:
    storage = Storage(parts=False)
    files(storage).receive(files(storage), PLACE, FILE, PLACE)
    assert storage.kept == {"/api/2.0/mlflow-artifacts/artifacts/1/a/artifacts/big.bin": CONTENT}


def test_a_file_that_is_cut_short_is_sent_again_and_its_parts_are_given_back() -> None:
    storage = Storage(cuts=2)
    files(storage).receive(files(storage), PLACE, FILE, PLACE)
    assert storage.kept["parts"] == CONTENT
    assert storage.aborted == 2


def test_a_file_that_is_always_cut_short_is_never_kept() -> None:
    storage = Storage(cuts=99)
    with pytest.raises(MovingError, match=r"big\.bin ended after 7000000 of 25600000"):
        files(storage).receive(files(storage), PLACE, FILE, PLACE)
    assert storage.kept == {}


def test_files_that_a_server_does_not_keep_itself_cannot_go_there() -> None:
    place = Folder("run", "a", "s3://bucket/1/a/artifacts")
    with pytest.raises(MovingError, match="start it with --serve-artifacts"):
        files(Storage()).receive(files(Storage()), PLACE, FILE, place)
