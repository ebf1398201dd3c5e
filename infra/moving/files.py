"""Files of runs and logged models: listed, read, and sent on in parts; never whole in memory if large."""

import hashlib
import math
import mimetypes
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx

from infra.moving.server import API, FILES, MovingError, RefusedError, Server, UnreachableError

#: Smaller files are one request through the API, which takes 6 MB at the most where it is a Lambda.
SMALL_BYTES: Final = 4 * 1024 * 1024
#: S3 wants parts of at least 5 MiB.
_PART_BYTES: Final = 10 * 1024 * 1024
#: So many presigned addresses fit into one answer.
_MOST_PARTS: Final = 1000
LOGGED_MODEL: Final = "logged_model"
_ATTEMPTS: Final = 5
_PROXIED: Final = re.compile(r"mlflow-artifacts:(?://[^/]*)?/+(.*)")
_NO_PARTS: Final = frozenset(
    {httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED, httpx.codes.NOT_IMPLEMENTED}
)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a run (or a logged model) has its files on one server."""

    kind: str
    id: str
    uri: str

    @property
    def proxied(self) -> str | None:
        """The folder's path with the server, if it is the server that keeps the files."""
        found = _PROXIED.fullmatch(self.uri)
        return found[1].rstrip("/") if found else None


@dataclass(frozen=True, slots=True)
class File:
    """`path` is relative to the folder; servers that cannot tell a size tell none."""

    path: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Content:
    sha256: str
    size: int


class CutShortError(MovingError):
    def __init__(self, path: str, got: int, expected: int) -> None:
        super().__init__(f"{path} ended after {got} of {expected} bytes")


@dataclass(slots=True)
class FileServer:
    """Files on a server, whichever way it gives them out."""

    server: Server
    sleep: Callable[[float], None] = time.sleep
    _in_parts: bool = True

    def files(self, folder: Folder) -> Iterator[File]:
        """All files beneath the folder."""
        waiting = [""]
        while waiting:
            for path, told in self._entries(folder, waiting.pop()):
                if told.get("is_dir"):
                    waiting.append(path)
                else:
                    size = told.get("file_size")
                    yield File(path, None if size is None else int(size))

    def chunks(self, folder: Folder, path: str, size: int = 1024 * 1024) -> Iterator[bytes]:
        """A file's bytes, as they are stored."""
        where, query = self._address(folder, path)
        with self.server.download(where, query) as answer:
            yield from answer.iter_raw(size)

    def content(self, folder: Folder, path: str) -> Content:
        """What a file holds, read to its end.

        Raises:
            RefusedError: it is not there.
        """
        return self._again(path, lambda: _hashed(self.chunks(folder, path)))

    def receive(self, source: "FileServer", place: Folder, file: File, folder: Folder) -> Content:
        """Put a file of another server into the folder here; again from its beginning, if it is cut short."""
        root = folder.proxied
        if root is None:
            raise MovingError(
                f"the files of {folder.kind} {folder.id!r} are not kept by the server but at {folder.uri}: "
                "start it with --serve-artifacts"
            )
        path = f"{root}/{file.path}"
        return self._again(path, lambda: self._receive(source.chunks(place, file.path), file, path))

    def _receive(self, chunks: Iterator[bytes], file: File, path: str) -> Content:
        reading = _Reading(chunks)
        first = reading.take(SMALL_BYTES + 1)
        if len(first) <= SMALL_BYTES:
            checked(reading, file)
            self.server.send("PUT", f"{FILES}/artifacts/{quote(path)}", first, _type_of(path))
            return reading.content()
        if self._in_parts and file.size is not None:
            begun = self._begin(path, file.size)
            if begun is not None:
                self._send_parts(begun, _Rest(first, reading), file)
                return reading.content()
        self.server.stream_up(f"{FILES}/artifacts/{quote(path)}", _Rest(first, reading), _type_of(path))
        checked(reading, file)
        return reading.content()

    def _begin(self, path: str, size: int) -> "_Upload | None":
        part = max(_PART_BYTES, math.ceil(size / _MOST_PARTS))
        parent, _, name = path.rpartition("/")
        asked = {"path": name, "num_parts": math.ceil(size / part)}
        try:
            told = self.server.post(f"{FILES}/mpu/create/{quote(parent)}", asked)
        except RefusedError as error:
            if error.status not in _NO_PARTS:
                raise
            self._in_parts = False
            return None
        return _Upload(parent, name, part, told["upload_id"], told["credentials"])

    def _send_parts(self, upload: "_Upload", rest: "_Rest", file: File) -> None:
        ended = {"path": upload.name, "upload_id": upload.id}
        try:
            done = [
                {
                    "part_number": part["part_number"],
                    "url": part["url"],
                    "etag": self.server.store(part["url"], rest.take(upload.part), part.get("headers") or {}),
                }
                for part in upload.parts
            ]
            checked(rest.reading, file)
        except BaseException:
            self.server.post(f"{FILES}/mpu/abort/{quote(upload.parent)}", ended, once=True)
            raise
        self.server.post(f"{FILES}/mpu/complete/{quote(upload.parent)}", ended | {"parts": done})

    def _entries(self, folder: Folder, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        root = folder.proxied
        if root is not None:
            where = f"{root}/{path}" if path else root
            for told in self.server.get(f"{FILES}/artifacts", {"path": where}).get("files", ()):
                name = told["path"].rpartition("/")[2]
                yield (f"{path}/{name}" if path else name), told
            return
        asked = {"artifact_directory_path" if folder.kind == LOGGED_MODEL else "path": path} if path else {}
        if folder.kind == LOGGED_MODEL:
            where = f"{API}/logged-models/{folder.id}/artifacts/directories"
        else:
            where = f"{API}/artifacts/list"
            asked["run_id"] = folder.id
        for page in self.server.pages(where, "files", asked, body=False):
            yield from ((told["path"], told) for told in page)

    def _address(self, folder: Folder, path: str) -> tuple[str, dict[str, str]]:
        root = folder.proxied
        if root is not None:
            return f"{FILES}/artifacts/{quote(f'{root}/{path}')}", {}
        if folder.kind == LOGGED_MODEL:
            where = f"/ajax-api/2.0/mlflow/logged-models/{folder.id}/artifacts/files"
            return where, {"artifact_file_path": path}
        return "/get-artifact", {"run_uuid": folder.id, "path": path}

    def _again(self, path: str, move: Callable[[], Content]) -> Content:
        """Move it, and once more from its beginning if the connection broke on the way."""
        for attempt in range(_ATTEMPTS):
            try:
                return move()
            except (httpx.TransportError, CutShortError, UnreachableError) as error:
                if attempt == _ATTEMPTS - 1:
                    raise MovingError(f"{path} could not be moved: {error}") from error
                self.sleep(2.0**attempt / 4)
        raise AssertionError(path)  # pragma: no cover - the last attempt answers or raises


def checked(reading: "_Reading", file: File) -> None:
    """See to it that all of the file was read.

    Raises:
        CutShortError: it was not.
    """
    if file.size is not None and reading.size != file.size:
        raise CutShortError(file.path, reading.size, file.size)


@dataclass(frozen=True, slots=True)
class _Upload:
    parent: str
    name: str
    part: int
    id: str
    parts: list[dict[str, Any]]


class _Reading:
    """Chunks, taken in the sizes that are needed, and counted and hashed on the way."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.size = 0
        self._chunks = chunks
        self._left = b""
        self._digest = hashlib.sha256()

    def take(self, size: int) -> bytes:
        """The next bytes; fewer at the end."""
        taken = bytearray(self._left)
        while len(taken) < size and (chunk := next(self._chunks, b"")):
            self.size += len(chunk)
            self._digest.update(chunk)
            taken += chunk
        self._left = bytes(taken[size:])
        return bytes(taken[:size])

    def content(self) -> Content:
        return Content(self._digest.hexdigest(), self.size)


class _Rest:
    """What was read already, and what comes after it."""

    def __init__(self, first: bytes, reading: _Reading) -> None:
        self.reading = reading
        self._first = first

    def take(self, size: int) -> bytes:
        taken, self._first = self._first[:size], self._first[size:]
        return taken if len(taken) == size else taken + self.reading.take(size - len(taken))

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.take(1024 * 1024):
            yield chunk


def _type_of(path: str) -> dict[str, str]:
    return {"Content-Type": mimetypes.guess_type(path)[0] or "application/octet-stream"}


def _hashed(chunks: Iterator[bytes]) -> Content:
    reading = _Reading(chunks)
    while reading.take(1024 * 1024):
        pass
    return reading.content()
