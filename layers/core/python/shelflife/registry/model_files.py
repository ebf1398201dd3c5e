"""Files of models in S3: where clients logged them, and where those that can be served are kept.

A model that can be served is kept by its own SHA-256 (`models/<sha256>.onnx`): written again, it is the same
object, and what clients do to their artifacts later changes nothing.
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shelflife.aws.objects import MISSING
from shelflife.contracts.data import StoredObject
from shelflife.kernel.names import Prefix

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ARTIFACTS = "mlflow-artifacts:/"


@dataclass(frozen=True, slots=True)
class S3ModelFiles:
    client: "S3Client"
    bucket: str

    def folder_of(self, location: str) -> str | None:
        ours = f"s3://{self.bucket}/{Prefix.TRACKING}"
        if location.startswith(_ARTIFACTS):
            path = location.removeprefix(_ARTIFACTS).strip("/")
        elif location.startswith(ours):
            path = location.removeprefix(ours).strip("/")
        else:
            return None
        return f"{Prefix.TRACKING}{path}/" if path else None

    def sizes(self, folder: str, most: int) -> dict[str, int]:
        found = self.client.list_objects_v2(Bucket=self.bucket, Prefix=folder, MaxKeys=most)
        return {one["Key"].removeprefix(folder): one["Size"] for one in found.get("Contents", [])}

    def read(self, folder: str, name: str) -> bytes | None:
        try:
            return self.client.get_object(Bucket=self.bucket, Key=f"{folder}{name}")["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise

    def keep(self, model: "bytes | memoryview") -> StoredObject:
        sha256 = hashlib.sha256(model).hexdigest()
        key = f"{Prefix.MODELS}{sha256}.onnx"
        self.client.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=bytes(model),
            ContentType="application/octet-stream",
            ChecksumAlgorithm="SHA256",
        )
        return StoredObject(uri=f"s3://{self.bucket}/{key}", sha256=sha256, size_bytes=len(model))
