"""All versions of S3 objects.

A versioned bucket keeps what was deleted and written over until its lifecycle rule comes by: whoever wants
it gone deletes it version by version.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shelflife.kernel.errors import UnavailableError
from shelflife.kernel.extents import Extent

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: DeleteObjects takes no more.
_BATCH = 1000


class ObjectsNotErasedError(UnavailableError):
    """Some are still there: do it again."""

    def __init__(self, bucket: str, prefix: str, reason: str) -> None:
        super().__init__(f"not all versions below s3://{bucket}/{prefix} could be deleted: {reason}")


def extent(client: "S3Client", bucket: str, prefix: str) -> Extent:
    """What is below the prefix."""
    found = Extent()
    for page in _pages(client, bucket, prefix):
        found = found.plus(_extent(page))
    return found


def erase(client: "S3Client", bucket: str, prefix: str) -> Extent:
    """Delete everything below the prefix for good; the answer is what was there.

    Raises:
        ObjectsNotErasedError: S3 refused some of it.
    """
    erased = Extent()
    for page in _pages(client, bucket, prefix):
        named = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        for first in range(0, len(named), _BATCH):
            batch: Any = [
                {"Key": one["Key"], "VersionId": one["VersionId"]} for one in named[first : first + _BATCH]
            ]
            asked: Any = {"Objects": batch, "Quiet": True}
            failed = client.delete_objects(Bucket=bucket, Delete=asked).get("Errors")
            if failed:
                raise ObjectsNotErasedError(bucket, prefix, failed[0].get("Code", ""))
        erased = erased.plus(_extent(page))
    return erased


def _pages(client: "S3Client", bucket: str, prefix: str) -> Iterator[Any]:
    return iter(client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix))


def _extent(page: Any) -> Extent:
    found = page.get("Versions", [])
    return Extent(len(found), sum(one["Size"] for one in found))
