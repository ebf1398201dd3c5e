"""S3 objects: read and written with their SHA-256."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shelflife.kernel.errors import NotFoundError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING = {"NoSuchKey", "404", "NotFound"}
_SCHEME = "s3://"


class ObjectNotFoundError(NotFoundError):
    def __init__(self, uri: str) -> None:
        super().__init__(f"object {uri!r} does not exist")


class ObjectCorruptedError(UnavailableError):
    """What is stored is not what was written."""

    def __init__(self, uri: str, expected: str, found: str) -> None:
        super().__init__(f"object {uri!r} has SHA-256 {found}, not {expected}")


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
            if error.response["Error"]["Code"] in _MISSING:
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

    def exists(self, uri: str) -> bool:
        bucket, key = split_uri(uri)
        try:
            self.client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return False
            raise
        return True

    def keys(self, uri: str) -> list[str]:
        """URIs of all objects below a prefix, in order."""
        bucket, prefix = split_uri(uri)
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [f"{_SCHEME}{bucket}/{found['Key']}" for page in pages for found in page.get("Contents", [])]
