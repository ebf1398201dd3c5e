"""The files of versions in S3: `datasets/<dataset>/versions/<zero-padded number>/<file>`.

Two ingestions of the same bytes may write the same version at the same time, and one that was cut off is run
again. Every object is written on the condition that it is not there (If-None-Match), and what is there is
what counts: a manifest never names bytes that somebody else has replaced.
"""

import base64
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shelflife.aws.objects import Objects
from shelflife.contracts.data import MANIFEST_KEY, DatasetManifest, StoredObject
from shelflife.data.errors import StoredObjectBusyError
from shelflife.data.model import DatasetVersion, LocalFile, Ticket
from shelflife.kernel.ids import Moment

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: The object's own record of its digest, read back without reading the object.
_SHA256 = "sha256"
_TAKEN = {"PreconditionFailed", "412"}
_BUSY = {"ConditionalRequestConflict", "409"}


@dataclass(frozen=True, slots=True)
class S3VersionFiles:
    client: "S3Client"
    bucket: str

    def keep(self, version: DatasetVersion, file_name: str, file: LocalFile) -> StoredObject:
        key = str(PurePosixPath(_manifest_key(version.name, version.version)).with_name(file_name))
        with file.path.open("rb") as body:
            written = self._put(
                key,
                body,
                Metadata={_SHA256: file.sha256},
                # S3 refuses bytes that are not these.
                ChecksumSHA256=base64.b64encode(bytes.fromhex(file.sha256)).decode(),
            )
        if written:
            return StoredObject(uri=self._uri(key), sha256=file.sha256, size_bytes=file.size_bytes)
        kept = self.client.head_object(Bucket=self.bucket, Key=key)
        return StoredObject(
            uri=self._uri(key), sha256=kept["Metadata"][_SHA256], size_bytes=kept["ContentLength"]
        )

    def publish(self, manifest: DatasetManifest) -> DatasetManifest:
        key = _manifest_key(manifest.name, manifest.version)
        body = manifest.model_dump_json().encode()
        if self._put(key, body, ContentType="application/json", ChecksumAlgorithm="SHA256"):
            return manifest
        return self.manifest(manifest.name, manifest.version)

    def manifest(self, name: str, version: int) -> DatasetManifest:
        body = Objects(self.client).read(self._uri(_manifest_key(name, version)))
        return DatasetManifest.model_validate_json(body)

    def read(self, stored: StoredObject) -> bytes:
        return Objects(self.client).read(stored.uri, sha256=stored.sha256)

    def ticket(
        self, stored: StoredObject, file_name: str, expires_at: Moment, lifetime_seconds: int
    ) -> Ticket:
        url = self.client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self.bucket,
                "Key": stored.uri.removeprefix(self._uri("")),
                "ResponseContentDisposition": f'attachment; filename="{file_name}"',
            },
            ExpiresIn=lifetime_seconds,
        )
        return Ticket(url=url, headers={}, expires_at=expires_at)

    def _uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def _put(self, key: str, body: IO[bytes] | bytes, **options: Any) -> bool:
        """Whether the object was written; it was not if there is one."""
        try:
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body, IfNoneMatch="*", **options)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _BUSY:
                raise StoredObjectBusyError(key) from error
            if code not in _TAKEN:
                raise
            return False
        return True


def _manifest_key(name: str, version: int) -> str:
    return MANIFEST_KEY.format(name=name, version=version)
