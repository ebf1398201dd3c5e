"""S3 objects: read and written with their SHA-256."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shelflife.kernel.errors import ConflictError, NotFoundError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Codes that S3 has for what is not there.
MISSING = {"NoSuchKey", "404", "NotFound"}
#: Answers to a put that asks for nothing to be there; the second while another put of the key is under way.
_TAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
_SCHEME = "s3://"


class ObjectNotFoundError(NotFoundError):
    def __init__(self, uri: str) -> None:
        super().__init__(f"object {uri!r} does not exist")


class ObjectExistsError(ConflictError):
    def __init__(self, uri: str) -> None:
        super().__init__(f"object {uri!r} exists already")


class ObjectCorruptedError(UnavailableError):
    """What is stored is not what was written."""

    def __init__(self, uri: str, expected: str, found: str, *, what: str = "SHA-256") -> None:
        super().__init__(f"object {uri!r} has {what} {found}, not {expected}")


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of ``s3://bucket/key``."""
    bucket, _, key = uri.removeprefix(_SCHEME).partition("/")
    if not uri.startswith(_SCHEME) or not bucket or not key:
        msg = f"{uri!r} is not an s3:// URI of an object"
        raise ValueError(msg)
    return bucket, key


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects by URI."""

    client: "S3Client"

    def read(self, uri: str, *, sha256: str | None = None) -> bytes:
        """All bytes of the object.

        Raises:
            ObjectNotFoundError: nothing is there.
            ObjectCorruptedError: the bytes are not those of `sha256`.
        """
        bucket, key = split_uri(uri)
        try:
            body = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                raise ObjectNotFoundError(uri) from error
            raise
        if sha256 is not None and (found := hashlib.sha256(body).hexdigest()) != sha256:
            raise ObjectCorruptedError(uri, sha256, found)
        return body

    def write(self, uri: str, body: bytes, *, content_type: str = "application/octet-stream") -> str:
        """Write the object, whole; the answer is its SHA-256."""
        bucket, key = split_uri(uri)
        self.client.put_object(
            Bucket=bucket, Key=key, Body=body, ContentType=content_type, ChecksumAlgorithm="SHA256"
        )
        return hashlib.sha256(body).hexdigest()

    def create(
        self,
        uri: str,
        body: bytes,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Write the object only where none is; of two who try, one wins.

        Raises:
            ObjectExistsError: one is there.
        """
        bucket, key = split_uri(uri)
        try:
            self.client.put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                ChecksumAlgorithm="SHA256",
                Metadata=metadata or {},
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _TAKEN:
                raise ObjectExistsError(uri) from error
            raise

    def exists(self, uri: str) -> bool:
        return self.metadata(uri) is not None

    def metadata(self, uri: str) -> dict[str, str] | None:
        """The object's own metadata; None if there is no object."""
        bucket, key = split_uri(uri)
        try:
            return self.client.head_object(Bucket=bucket, Key=key)["Metadata"]
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise

    def keys(self, uri: str, *, after: str = "") -> list[str]:
        """URIs of all objects below a prefix, in order; without those up to `after`, a part of the key."""
        bucket, prefix = split_uri(uri)
        # Nothing sorts before the prefix itself.
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, StartAfter=f"{prefix}{after}"
        )
        return [f"{_SCHEME}{bucket}/{found['Key']}" for page in pages for found in page.get("Contents", [])]
