"""Uploaded files in S3: `uploads/<dataset>/<upload id>.<format>`; the bucket forgets them after a week."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shelflife.data.checks import FileTooLargeError
from shelflife.data.errors import UploadInterruptedError, UploadMissingError
from shelflife.data.model import LARGEST_BYTES, LocalFile, Ticket, Upload
from shelflife.kernel.ids import Moment
from shelflife.kernel.names import Prefix

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK = 1024 * 1024
_MISSING = {"NoSuchKey", "404", "NotFound"}


@dataclass(frozen=True, slots=True)
class S3Uploads:
    client: "S3Client"
    bucket: str
    largest_bytes: int = LARGEST_BYTES

    def ticket(self, upload: Upload, expires_at: Moment, lifetime_seconds: int) -> Ticket:
        content_type = upload.format.content_type
        url = self.client.generate_presigned_url(
            "put_object",
            Params={"Bucket": self.bucket, "Key": _key(upload), "ContentType": content_type},
            ExpiresIn=lifetime_seconds,
        )
        # The type is part of what is signed: a PUT without it is refused.
        return Ticket(url=url, headers={"content-type": content_type}, expires_at=expires_at)

    def arrived(self, upload: Upload) -> bool:
        try:
            self.client.head_object(Bucket=self.bucket, Key=_key(upload))
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return False
            raise
        return True

    def fetch(self, upload: Upload, folder: Path) -> LocalFile:
        key, path = _key(upload), folder / f"source.{upload.format}"
        try:
            found = self.client.get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                raise UploadMissingError(upload.name, upload.upload_id) from error
            raise
        if found["ContentLength"] > self.largest_bytes:
            raise FileTooLargeError(found["ContentLength"], self.largest_bytes)
        try:
            sha256 = _written(path, found["Body"].iter_chunks(_CHUNK))
        except BotoCoreError as error:
            raise UploadInterruptedError(key, str(error)) from error
        return LocalFile(path, sha256, path.stat().st_size)


def _key(upload: Upload) -> str:
    return f"{Prefix.UPLOADS}{upload.name}/{upload.upload_id}.{upload.format}"


def _written(path: Path, chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for chunk in chunks:
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()
