from typing import Any

import pytest
from botocore.stub import Stubber

from shelflife.aws import versions
from shelflife.aws.clients import client
from shelflife.aws.versions import ObjectsNotErasedError, erase, extent
from shelflife.kernel.extents import Extent
from tests.harness.cloud import make_bucket


@pytest.fixture(params=[True, False], ids=["versioned", "plain"])
def bucket(aws: None, request: pytest.FixtureRequest) -> str:
    name = make_bucket("artifacts")
    if request.param:
        client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def put(bucket: str, *keys: str) -> None:
    for key in keys:
        client("s3").put_object(Bucket=bucket, Key=key, Body=b"12")


def left(bucket: str) -> list[str]:
    found: Any = client("s3").list_object_versions(Bucket=bucket)
    return [one["Key"] for kind in ("Versions", "DeleteMarkers") for one in found.get(kind, [])]


def test_what_was_deleted_and_written_over_goes_too(bucket: str) -> None:
    put(bucket, "a/x", "a/x", "a/sub/y", "a/deleted", "ab/other")
    client("s3").delete_object(Bucket=bucket, Key="a/deleted")
    there = extent(client("s3"), bucket, "a/")
    assert there == erase(client("s3"), bucket, "a/")
    assert there in {Extent(4, 8), Extent(2, 4)}
    assert left(bucket) == ["ab/other"]
    assert erase(client("s3"), bucket, "a/") == Extent()


def test_more_than_one_page_goes(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "_BATCH", 2)
    put(bucket, *(f"a/{number}" for number in range(5)))
    assert erase(client("s3"), bucket, "a/") == Extent(5, 10)
    assert left(bucket) == []


def test_what_storage_refuses_is_told(aws: None) -> None:
    s3: Any = client("s3")
    with Stubber(s3) as stub:
        found = {"Versions": [{"Key": "a/x", "VersionId": "1", "Size": 2}], "IsTruncated": False}
        stub.add_response("list_object_versions", found)
        stub.add_response("delete_objects", {"Errors": [{"Key": "a/x", "Code": "SlowDown"}]})
        with pytest.raises(ObjectsNotErasedError, match="SlowDown"):
            erase(s3, "artifacts", "a/")
