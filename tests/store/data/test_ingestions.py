from datetime import UTC, datetime
from typing import Any

import pytest

from shelflife.contracts.data import ColumnKind
from shelflife.data.dynamo_ingestions import DynamoIngestions
from shelflife.data.errors import IngestionExistsError, UploadExistsError
from shelflife.data.model import FileFormat, Ingestion, Problem, Upload
from shelflife.data.ports import Ingestions
from shelflife.data.settings import TABLE
from shelflife.kernel.errors import FieldFault
from tests.fakes.data import MemoryIngestions
from tests.harness.cloud import make_table

NOON = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
UPLOAD = Upload(
    name="bikes",
    upload_id="u1",
    format=FileFormat.CSV,
    description="",
    created_at=NOON,
    created_by="ada",
)
INGESTION = Ingestion(
    name="bikes",
    ingestion_id="u1",
    upload=UPLOAD,
    columns={"hr": ColumnKind.TEXT, "a.b": ColumnKind.NUMBER},
    description="hourly rents",
    created_at=NOON,
    created_by="ada",
)
PROBLEM = Problem(error="EmptyFileError", detail="empty", faults=(FieldFault("file", "empty"),), refused=True)


@pytest.fixture(params=["memory", "dynamo"])
def ingestions(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryIngestions()
    request.getfixturevalue("aws")
    return DynamoIngestions(make_table(TABLE))


def test_an_upload_comes_back_as_it_was(ingestions: Ingestions) -> None:
    ingestions.add_upload(UPLOAD)
    assert ingestions.find_upload("bikes", "u1") == UPLOAD
    assert ingestions.find_upload("boats", "u1") is None
    with pytest.raises(UploadExistsError):
        ingestions.add_upload(UPLOAD)


def test_an_ingestion_comes_back_as_it_was(ingestions: Ingestions) -> None:
    ingestions.add(INGESTION)
    assert ingestions.find("bikes", "u1") == INGESTION
    assert ingestions.find("boats", "u1") is None
    with pytest.raises(IngestionExistsError):
        ingestions.add(INGESTION)


def test_an_ingestion_ends_once(ingestions: Ingestions) -> None:
    ingestions.add(INGESTION)
    failed = INGESTION.failed(PROBLEM, NOON)
    assert ingestions.finish(failed) == failed
    assert ingestions.finish(INGESTION.succeeded(1, NOON)) == failed
    assert ingestions.find("bikes", "u1") == failed
