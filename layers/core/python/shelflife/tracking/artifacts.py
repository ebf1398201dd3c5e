"""Artifacts: the files of runs. Small ones go through the API, larger ones straight to and from storage."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote, unquote

from shelflife.tracking.errors import (
    ArtifactNotFoundError,
    ArtifactRootElsewhereError,
    ArtifactTooLargeError,
    InvalidArtifactPathError,
)
from shelflife.tracking.model import ARTIFACT_ROOT
from shelflife.tracking.ports import ArtifactEntry, ArtifactFile, ArtifactFiles

#: 5 MB is what MLflow's clients are told; a body that is not text arrives a third longer (base64), and Lambda
#: takes 6 MB, so the gateway itself refuses binary files from about 4.5 MB on.
UPLOAD_LIMIT = 5_000_000
#: Larger files are answered with a redirect to storage: in base64 they would not fit into an answer.
INLINE_LIMIT = 4_000_000
#: S3's limit of a key is 1024 bytes; the prefix has room beside.
_LONGEST_PATH = 1000


@dataclass(frozen=True, slots=True)
class Download:
    """A file's bytes, or where to get them."""

    file: ArtifactFile
    body: bytes | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in parts, and where each part goes; a file without bytes has no parts, and no upload."""

    upload_id: str
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Artifacts:
    files: ArtifactFiles

    def write(self, path: str, body: bytes, content_type: str) -> None:
        """Keep the file, in place of an older one.

        Raises:
            InvalidArtifactPathError: the path could lead elsewhere.
            ArtifactTooLargeError: it is larger than UPLOAD_LIMIT.
        """
        if len(body) > UPLOAD_LIMIT:
            raise ArtifactTooLargeError(path, len(body), UPLOAD_LIMIT)
        self.files.write(safe(path), body, content_type)

    def read(self, path: str) -> Download:
        """The file.

        Raises:
            ArtifactNotFoundError: there is none at this path.
        """
        path, file = self._found(path)
        if file.size > INLINE_LIMIT:
            return Download(file, url=self.files.download_url(path))
        return Download(file, body=self.files.read(path))

    def locate(self, path: str) -> Download:
        """Where to get the file, of whatever size."""
        path, file = self._found(path)
        return Download(file, url=self.files.download_url(path))

    def entries(self, path: str) -> list[ArtifactEntry]:
        return self.files.entries(safe(path) if path else "")

    def below(self, root_uri: str, path: str) -> str:
        """The path of a file or folder of a run or model, which has its files at `root_uri`.

        Raises:
            ArtifactRootElsewhereError: they are not kept here.
        """
        if not root_uri.startswith(ARTIFACT_ROOT):
            raise ArtifactRootElsewhereError(root_uri)
        root = root_uri.removeprefix(ARTIFACT_ROOT).strip("/")
        return f"{root}/{safe(path)}" if path else root

    def remove(self, path: str) -> None:
        self.files.remove(safe(path))

    def begin_upload(self, path: str, parts: int, content_type: str) -> Upload:
        path = safe(path)
        if parts == 0:
            # Storage makes no file out of no parts, so the file is there from now on.
            self.files.write(path, b"", content_type)
            return Upload("empty", ())
        upload_id = self.files.begin_upload(path, content_type)
        urls = (self.files.part_url(path, upload_id, number) for number in range(1, parts + 1))
        return Upload(upload_id, tuple(urls))

    def complete_upload(self, path: str, upload_id: str, etags: Sequence[str]) -> None:
        """Make the file of its parts; completing it again changes nothing.

        Raises:
            PartUploadNotFoundError: there is no such upload, and no such file.
        """
        if etags:
            self.files.complete_upload(safe(path), upload_id, etags)

    def abort_upload(self, path: str, upload_id: str) -> None:
        self.files.abort_upload(safe(path), upload_id)

    def _found(self, path: str) -> tuple[str, ArtifactFile]:
        path = safe(path)
        file = self.files.find(path)
        if file is None:
            raise ArtifactNotFoundError(path)
        return path, file


def safe(path: str) -> str:
    """The path without its percent signs, made of plain names only.

    Raises:
        InvalidArtifactPathError: it is absolute, climbs, has control characters, or is too long for a key.
    """
    plain = unquote(path)
    odd = any(letter < " " or letter in "\\\x7f" for letter in plain)
    if odd or {"", ".", ".."} & set(plain.split("/")) or len(plain.encode()) > _LONGEST_PATH:
        raise InvalidArtifactPathError(path)
    return plain


def disposition(path: str) -> str:
    """The header that makes browsers save the file under its name, instead of showing it."""
    return f"attachment; filename*=UTF-8''{quote(PurePosixPath(path).name)}"
