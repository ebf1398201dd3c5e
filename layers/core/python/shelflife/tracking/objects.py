"""Artifacts in S3, below the bucket's prefix `tracking/`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shelflife.aws.versions import erase, extent
from shelflife.kernel.extents import Extent
from shelflife.kernel.names import Prefix
from shelflife.tracking.artifacts import disposition
from shelflife.tracking.errors import PartUploadNotFoundError
from shelflife.tracking.ports import ArtifactEntry, ArtifactFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING = {"NoSuchKey", "404", "NotFound"}
_BATCH = 1000
_URL_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class S3ArtifactFiles:
    client: "S3Client"
    bucket: str

    def write(self, path: str, body: bytes, content_type: str) -> None:
        self.client.put_object(
            Bucket=self.bucket,
            Key=_key(path),
            Body=body,
            ContentType=content_type,
            ChecksumAlgorithm="SHA256",
        )

    def find(self, path: str) -> ArtifactFile | None:
        try:
            head = self.client.head_object(Bucket=self.bucket, Key=_key(path))
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise
        return ArtifactFile(head["ContentLength"], head["ContentType"])

    def read(self, path: str) -> bytes:
        return self.client.get_object(Bucket=self.bucket, Key=_key(path))["Body"].read()

    def download_url(self, path: str) -> str:
        asked = {
            "Bucket": self.bucket,
            "Key": _key(path),
            "ResponseContentDisposition": disposition(path),
        }
        return self.client.generate_presigned_url("get_object", Params=asked, ExpiresIn=_URL_SECONDS)

    def entries(self, path: str) -> list[ArtifactEntry]:
        folder = _key(path).rstrip("/") + "/"
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=folder, Delimiter="/"
        )
        found: list[ArtifactEntry] = []
        for page in pages:
            names = (common["Prefix"] for common in page.get("CommonPrefixes", []))
            found += [ArtifactEntry(name.removeprefix(folder).rstrip("/")) for name in names]
            found += [
                ArtifactEntry(content["Key"].removeprefix(folder), content["Size"])
                for content in page.get("Contents", [])
            ]
        return sorted(found, key=lambda entry: entry.name)

    def remove(self, path: str) -> None:
        key = _key(path)
        self.client.delete_object(Bucket=self.bucket, Key=key)
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{key}/", PaginationConfig={"PageSize": _BATCH}
        )
        for page in pages:
            keys: list[Any] = [{"Key": content["Key"]} for content in page.get("Contents", [])]
            if keys:
                self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": keys, "Quiet": True})

    def extent(self, path: str) -> Extent:
        """How much is kept of the folder, with what was deleted and written over."""
        return extent(self.client, self.bucket, f"{_key(path)}/")

    def erase(self, path: str) -> Extent:
        """Remove the folder for good, with all versions of its files; the answer is how much that was."""
        return erase(self.client, self.bucket, f"{_key(path)}/")

    def begin_upload(self, path: str, content_type: str) -> str:
        begun = self.client.create_multipart_upload(
            Bucket=self.bucket, Key=_key(path), ContentType=content_type
        )
        return begun["UploadId"]

    def part_url(self, path: str, upload_id: str, number: int) -> str:
        asked = {"Bucket": self.bucket, "Key": _key(path), "UploadId": upload_id, "PartNumber": number}
        return self.client.generate_presigned_url("upload_part", Params=asked, ExpiresIn=_URL_SECONDS)

    def complete_upload(self, path: str, upload_id: str, etags: Sequence[str]) -> None:
        parts: list[Any] = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        try:
            self.client.complete_multipart_upload(
                Bucket=self.bucket, Key=_key(path), UploadId=upload_id, MultipartUpload={"Parts": parts}
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload":
                raise
            if self.find(path) is None:
                raise PartUploadNotFoundError(upload_id) from error

    def abort_upload(self, path: str, upload_id: str) -> None:
        try:
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=_key(path), UploadId=upload_id)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload":
                raise


def _key(path: str) -> str:
    return f"{Prefix.TRACKING}{path}"
