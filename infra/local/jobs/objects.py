"""S3 prefixes into folders, and folders into archives in S3."""

from __future__ import annotations

import posixpath
import tarfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_SCHEME = "s3://"


class ObjectsError(Exception):
    """Objects that a job names are not there."""


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI.

    Raises:
        ObjectsError: it is none.
    """
    bucket, _, key = uri.removeprefix(_SCHEME).partition("/")
    if not uri.startswith(_SCHEME) or not bucket:
        raise ObjectsError(f"{uri} is not an S3 URI")
    return bucket, key


def download(s3: Any, uri: str, folder: Path) -> int:
    """Download every object below the prefix, or the one object; how many there were.

    Raises:
        ObjectsError: there is none, or no such bucket.
    """
    bucket, prefix = split(uri)
    count = 0
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                name = _relative(item["Key"], prefix)
                if name.endswith("/"):
                    continue
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                s3.download_file(bucket, item["Key"], str(target))
                count += 1
    except s3.exceptions.NoSuchBucket as error:
        raise ObjectsError(f"the bucket {bucket} does not exist") from error
    if not count:
        raise ObjectsError(f'no S3 objects found under S3 URL "{uri}" given in input data source')
    return count


def upload_archive(s3: Any, folder: Path, archive: Path, uri: str) -> None:
    """Pack a folder's content, without the folder itself, and upload it."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
        for path in sorted(folder.iterdir()):
            packed.add(path, arcname=path.name)
    bucket, key = split(uri)
    s3.upload_file(str(archive), bucket, key)


def _relative(key: str, prefix: str) -> str:
    """A key's path below the prefix; the prefix may end anywhere in a name."""
    below = key[len(prefix) :]
    if prefix.endswith("/") or below.startswith("/"):
        return posixpath.normpath(below.lstrip("/")) + ("/" if below.endswith("/") else "")
    return key[len(posixpath.dirname(prefix)) :].lstrip("/")
