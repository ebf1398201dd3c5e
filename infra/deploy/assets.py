"""Assets on their way to the account; what is there already is left alone."""

import io
import json
import os
import shutil
import zipfile
from pathlib import Path

from botocore.exceptions import ClientError

from infra.deploy.account import Account
from infra.deploy.assembly import FileAsset, ImageAsset

#: Zips keep no times, so that equal content is an equal zip.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MISSING = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}


class ImagesNeedDockerError(RuntimeError):
    def __init__(self, image: ImageAsset) -> None:
        super().__init__(
            f"image {image.repository}:{image.tag} must be built and pushed: deploy to AWS with "
            "`npx aws-cdk@2 deploy`, on a machine with Docker"
        )


def upload(account: Account, asset: FileAsset) -> bool:
    """Bring a file asset to its bucket; whether anything had to be sent."""
    bucket, key = account.resolved(asset.bucket), account.resolved(asset.key)
    if _is_there(account, bucket, key):
        return False
    # Over loopback, packing takes longer than sending.
    packing = zipfile.ZIP_STORED if account.endpoint_url else zipfile.ZIP_DEFLATED
    body = zipped(asset.source, packing) if asset.zipped else asset.source.read_bytes()
    account.s3.put_object(Bucket=bucket, Key=key, Body=body)
    return True


def zipped(folder: Path, packing: int) -> bytes:
    """A folder as a zip: the same bytes whenever content and packing are the same."""
    buffer = io.BytesIO()
    # Level 1: layers are mostly native code, and waiting for the last percent costs seconds.
    with zipfile.ZipFile(buffer, "w", packing, compresslevel=1) as archive:
        for path in sorted(found for found in folder.rglob("*") if found.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.compress_type = packing
            entry.external_attr = (0o755 if os.access(path, os.X_OK) else 0o644) << 16
            with path.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)
    return buffer.getvalue()


def hand_over(account: Account, image: ImageAsset, images: Path | None) -> None:
    """Tell the local cloud which folder an image would be built from; it runs it as a process.

    Raises:
        ImagesNeedDockerError: this is not the local cloud.
    """
    if images is None:
        raise ImagesNeedDockerError(image)
    tag = account.resolved(image.tag)
    registry = f"{account.number}.dkr.ecr.{account.region}.amazonaws.com"
    images.mkdir(parents=True, exist_ok=True)
    (images / f"{tag}.json").write_text(
        json.dumps(
            {
                "uri": f"{registry}/{account.resolved(image.repository)}:{tag}",
                "directory": str(image.directory.resolve()),
                "dockerfile": image.dockerfile,
            }
        )
    )


def _is_there(account: Account, bucket: str, key: str) -> bool:
    try:
        account.s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _MISSING:
            raise
        return False
    return True
