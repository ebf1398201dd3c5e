"""Spans in S3, below the bucket's prefix `traces/`: ``traces/<trace id>/<home>/<piece>``.

A piece is named after what it holds, so that the same export again is the same piece. `uploaded.json` is the
file that a client uploaded, as it came.
"""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shelflife.aws.objects import MISSING
from shelflife.aws.versions import erase
from shelflife.kernel.names import Prefix
from shelflife.tracing.errors import SpansMissingError, SpansUnavailableError
from shelflife.tracing.model import Span
from shelflife.tracing.packing import pack_spans, unpack_spans

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: As many as the client keeps connections.
_AT_ONCE = 10
_BATCH = 1000
_NAME = 20
#: No piece has such a name.
_FILE = "uploaded.json"
#: Answers after which the same call may work: the client has retried it a few times already.
_PASSING = {"SlowDown", "503", "ServiceUnavailable", "InternalError", "RequestTimeout", "ThrottlingException"}


@dataclass(frozen=True, slots=True)
class S3SpanFiles:
    client: "S3Client"
    bucket: str

    def write(self, trace_id: str, home: str, spans: Sequence[Span]) -> str:
        body = pack_spans(list(spans))
        piece = hashlib.sha256(body).hexdigest()[:_NAME]
        with _answering():
            self.client.put_object(
                Bucket=self.bucket,
                Key=_key(trace_id, home, piece),
                Body=body,
                ContentType="application/zlib",
                ChecksumAlgorithm="SHA256",
            )
        return piece

    def read(self, trace_id: str, home: str, pieces: Sequence[str]) -> list[Span]:
        if len(pieces) == 1:
            return self._read(trace_id, home, pieces[0])
        found = _readers().map(lambda piece: self._read(trace_id, home, piece), pieces)
        return [span for spans in found for span in spans]

    def keep_file(self, trace_id: str, home: str, body: bytes) -> None:
        with _answering():
            self.client.put_object(
                Bucket=self.bucket,
                Key=_key(trace_id, home, _FILE),
                Body=body,
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",
            )

    def file(self, trace_id: str, home: str) -> bytes | None:
        try:
            with _answering():
                found = self.client.get_object(Bucket=self.bucket, Key=_key(trace_id, home, _FILE))
                return found["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise

    def remove(self, trace_id: str, home: str, pieces: Sequence[str]) -> None:
        self._delete([_key(trace_id, home, piece) for piece in pieces])

    def remove_all(self, trace_id: str, home: str) -> None:
        with _answering():
            erase(self.client, self.bucket, _key(trace_id, home, ""))

    def _read(self, trace_id: str, home: str, piece: str) -> list[Span]:
        try:
            with _answering():
                body = self.client.get_object(Bucket=self.bucket, Key=_key(trace_id, home, piece))["Body"]
                return unpack_spans(body.read())
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                raise SpansMissingError(trace_id, piece) from error
            raise

    def _delete(self, keys: Sequence[str]) -> None:
        for first in range(0, len(keys), _BATCH):
            named: list[Any] = [{"Key": key} for key in keys[first : first + _BATCH]]
            with _answering():
                self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": named, "Quiet": True})


@cache
def _readers() -> ThreadPoolExecutor:
    """Threads that wait for S3; the process's own, whoever asks."""
    return ThreadPoolExecutor(_AT_ONCE, "spans")


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in _PASSING:
            raise SpansUnavailableError(error.response["Error"]["Code"]) from error
        raise
    except BotoCoreError as error:
        raise SpansUnavailableError(type(error).__name__) from error


def _key(trace_id: str, home: str, piece: str) -> str:
    return f"{Prefix.TRACES}{trace_id}/{home}/{piece}"
