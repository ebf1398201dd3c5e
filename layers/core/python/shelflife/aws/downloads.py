"""Downloads: objects of a known size and SHA-256, small ones in one piece, large ones in parts at once."""

import hashlib
import mmap
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

from shelflife.aws.objects import MISSING, ObjectCorruptedError, ObjectNotFoundError, split_uri
from shelflife.kernel.errors import UnavailableError

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

# Milliseconds of downloads from a server as fast as S3 is assumed to be (20 ms to the first byte, 90 MB/s
# per connection; docs: performance), and from one without limits on this machine, where parts only cost work:
#             one GET     4 x 2 MiB   4 x 4 MiB   4 x 8 MiB   8 x 8 MiB      4 x 16 MiB
#     4 MB     69,  5      47,  8
#     8 MB    115,  8      51, 17      70, 12
#    32 MB    396, 28     189, 53     146, 54     124, 34     125,  39       214, 31
#   100 MB   1193, 54     619, 171    505, 135    436, 93     259, 112       427, 77
# Rounds cost most, so each connection gets one part. More than four are for networks that a function lacks.
CONNECTIONS = 4
#: No part is smaller, and no file of this size is divided.
PART_BYTES = 4 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_SERVER_ERROR = 500
_BEYOND_THE_END = {"InvalidRange", "416"}
#: What breaks while bytes arrive, which botocore's own retries do not cover.
_BROKEN_OFF = (HTTPClientError, IncompleteReadError)


class ObjectUnreachableError(UnavailableError):
    """The object may be there and well; it could not be read now."""

    def __init__(self, uri: str, reason: str) -> None:
        super().__init__(f"object {uri!r} cannot be read now: {reason}")


@dataclass(frozen=True, slots=True)
class Download:
    """One object, as it was when its size and digest were taken.

    Everything that reads it raises:
        ObjectNotFoundError: nothing is there.
        ObjectCorruptedError: what is there is another size, or has another digest.
        ObjectUnreachableError: it broke off twice, or S3 says that it cannot.
    """

    client: "S3Client"
    uri: str
    sha256: str
    size_bytes: int

    @property
    def is_small(self) -> bool:
        """Whether parts would not be faster."""
        return self.size_bytes <= PART_BYTES

    def content(self) -> bytes:
        """All bytes, by one GET; the only copy of them."""
        body = self._tried(lambda: self._opened(None).read())
        self._prove(hashlib.sha256(body).hexdigest())
        return body

    def save(self, file: BinaryIO) -> None:
        """Write all bytes into the empty file; a chunk per connection is held in memory."""
        if self.is_small:
            file.write(self.content())
            file.flush()
            return
        descriptor = file.fileno()
        with ThreadPoolExecutor(CONNECTIONS) as workers:
            parts = [workers.submit(self._save_part, descriptor, span) for span in self._spans()]
        for part in parts:
            part.result()
        with mmap.mmap(descriptor, self.size_bytes, access=mmap.ACCESS_READ) as written:
            self._prove(hashlib.sha256(written).hexdigest())

    def _spans(self) -> Iterator[range]:
        step = max(PART_BYTES, -(-self.size_bytes // CONNECTIONS))
        for start in range(0, self.size_bytes, step):
            yield range(start, min(start + step, self.size_bytes))

    def _save_part(self, descriptor: int, span: range) -> None:
        def save() -> None:
            body, at = self._opened(span), span.start
            while chunk := body.read(_CHUNK_BYTES):
                at += os.pwrite(descriptor, chunk, at)

        self._tried(save)

    def _opened(self, span: range | None) -> "StreamingBody":
        """The body of a GET, once it is known that the object has the right size."""
        bucket, key = split_uri(self.uri)
        if span is None:
            answer = self.client.get_object(Bucket=bucket, Key=key)
            size = answer["ContentLength"]
        else:
            answer = self.client.get_object(Bucket=bucket, Key=key, Range=f"bytes={span[0]}-{span[-1]}")
            size = int(answer["ContentRange"].rpartition("/")[2])
        if size != self.size_bytes:
            answer["Body"].close()
            raise ObjectCorruptedError(self.uri, str(self.size_bytes), str(size), what="size")
        return answer["Body"]

    def _tried(self, read: Callable[[], T]) -> T:
        try:
            try:
                return read()
            except _BROKEN_OFF:
                return read()
        except _BROKEN_OFF as error:
            raise ObjectUnreachableError(self.uri, str(error)) from error
        except ClientError as error:
            self._raise_known(error)
            raise

    def _raise_known(self, error: ClientError) -> None:
        code = error.response["Error"]["Code"]
        if code in MISSING:
            raise ObjectNotFoundError(self.uri) from error
        if code in _BEYOND_THE_END:
            bucket, key = split_uri(self.uri)
            size = self.client.head_object(Bucket=bucket, Key=key)["ContentLength"]
            raise ObjectCorruptedError(self.uri, str(self.size_bytes), str(size), what="size") from error
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= _SERVER_ERROR:
            raise ObjectUnreachableError(self.uri, code) from error

    def _prove(self, found: str) -> None:
        if found != self.sha256:
            raise ObjectCorruptedError(self.uri, self.sha256, found)
