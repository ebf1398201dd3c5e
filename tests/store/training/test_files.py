from typing import Any

import pytest

from shelflife.aws.clients import client
from shelflife.aws.objects import Objects
from shelflife.contracts.data import MANIFEST_KEY
from shelflife.contracts.models import Task
from shelflife.training.checks import checked
from shelflife.training.errors import ResultMissingError, ResultUnreadableError
from shelflife.training.files import S3JobFiles
from shelflife.training.manifests import S3Manifests
from shelflife.training.model import Algorithm, JobOrder
from shelflife.training.ports import JobFiles, Manifests
from tests.fakes.training import MemoryJobFiles, MemoryManifests
from tests.harness.cloud import make_bucket
from tests.unit.training.datasets import BUCKET, manifest_of, mixed, plan, result_of

VERSIONS = [manifest_of(mixed(20), b"rows", version=version) for version in (1, 2, 10)]


@pytest.fixture(params=["memory", "s3"])
def manifests(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryManifests(*VERSIONS)
    request.getfixturevalue("aws")
    objects, bucket = Objects(client("s3")), make_bucket(BUCKET)
    for manifest in VERSIONS:
        key = MANIFEST_KEY.format(name=manifest.name, version=manifest.version)
        objects.write(f"s3://{bucket}/{key}", manifest.model_dump_json().encode())
    # A version that is not final yet, and a dataset whose name begins alike.
    objects.write(f"s3://{bucket}/datasets/rows/versions/00000011/rows.parquet", b"rows")
    key = MANIFEST_KEY.format(name="rows2", version=99)
    objects.write(f"s3://{bucket}/{key}", VERSIONS[0].model_dump_json().encode())
    return S3Manifests(objects, bucket)


@pytest.fixture(params=["memory", "s3"])
def files(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryJobFiles()
    request.getfixturevalue("aws")
    return S3JobFiles(Objects(client("s3")), make_bucket(BUCKET))


def test_a_version_is_found_by_its_number(manifests: Manifests) -> None:
    assert manifests.find("rows", 2) == VERSIONS[1]
    assert manifests.find("rows", 3) is None
    assert manifests.find("other", 1) is None


def test_the_latest_version_is_the_highest_one_that_is_final(manifests: Manifests) -> None:
    assert manifests.latest("rows") == VERSIONS[2]
    assert manifests.latest("other") is None


def test_an_order_is_written_below_its_job(files: JobFiles) -> None:
    settled = checked(plan("amount", ("age",), Task.REGRESSION, Algorithm.LINEAR), VERSIONS[0])
    uri = files.write_order(JobOrder(job_id="a", checked=settled, output_uri=files.output_uri("a")))
    assert uri == f"s3://{BUCKET}/training/a/plan.json"
    if isinstance(files, S3JobFiles):
        assert JobOrder.model_validate_json(files.objects.read(uri)).checked == settled


def test_a_job_without_a_result_has_none(files: JobFiles) -> None:
    with pytest.raises(ResultMissingError, match=r"training/a/result\.json"):
        files.result("a")
    assert files.failure("a") is None


def test_a_result_is_read_and_must_be_the_jobs_own(aws: None) -> None:
    files = S3JobFiles(Objects(client("s3")), make_bucket(BUCKET))
    told = result_of("a")
    files.objects.write(f"{files.output_uri('a')}result.json", told.model_dump_json().encode())
    assert files.result("a") == told
    files.objects.write(f"{files.output_uri('b')}result.json", told.model_dump_json().encode())
    with pytest.raises(ResultUnreadableError, match="'a'"):
        files.result("b")
    files.objects.write(f"{files.output_uri('b')}result.json", b"{}")
    with pytest.raises(ResultUnreadableError, match="candidate"):
        files.result("b")


def test_a_failure_is_the_line_that_the_job_left(aws: None) -> None:
    files = S3JobFiles(Objects(client("s3")), make_bucket(BUCKET))
    files.objects.write(f"{files.output_uri('a')}failure.txt", b"column 'x', row 3: inf\n")
    assert files.failure("a") == "column 'x', row 3: inf"
