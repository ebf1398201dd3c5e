from typing import Any

import pytest

from functions.data.record_failure.handler import handler as record_failure
from shelflife.aws.clients import client
from shelflife.data.errors import UploadInterruptedError, VersionRacedError
from shelflife.data.model import FileFormat
from shelflife.data.settings import TABLE, DataApiSettings
from shelflife.data.wiring import datasets
from tests.harness.cloud import make_bucket, make_table
from tests.harness.workflows import Execution, TaskFailed, run


@pytest.fixture(autouse=True)
def installed(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = DataApiSettings(
        data_table_name=make_table(TABLE).table_name,
        artifact_bucket_name=make_bucket("artifacts"),
        ingest_dataset_arn="arn:aws:states:eu-west-1:123456789012:stateMachine:ingest_dataset",
    )
    for name, value in settings.to_env().items():
        monkeypatch.setenv(name, value)
    client("stepfunctions").create_state_machine(
        name="ingest_dataset",
        definition='{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/workflow",
    )


def started(body: bytes) -> dict[str, str]:
    """The input of the workflow, of an ingestion that waits for it."""
    upload, _ = datasets().open_upload("bikes", FileFormat.CSV, "", by="ada")
    client("s3").put_object(Bucket="artifacts", Key=f"uploads/bikes/{upload.upload_id}.csv", Body=body)
    asked = datasets().ingest("bikes", upload.upload_id, kinds={}, description=None, by="ada")
    client("stepfunctions").delete_state_machine(
        stateMachineArn="arn:aws:states:eu-west-1:123456789012:stateMachine:ingest_dataset"
    )
    return {"name": asked.name, "ingestion_id": asked.ingestion_id}


def execute(asked: Any, **handlers: Any) -> Execution:
    # Another context has a function of that name too.
    return run("data/ingest_dataset", asked, handlers={"record_failure": record_failure} | handlers)


def test_a_good_file_is_ingested() -> None:
    ended = execute(started(b"a\n1\n"))
    assert (ended.status, ended.states) == ("SUCCEEDED", ("ProfileDataset", "IsReady", "Ingested"))
    assert ended.output["profiled"] == {"state": "succeeded", "version": 1}


def test_a_bad_file_is_refused_which_is_no_failure() -> None:
    asked = started(b"a\n")
    ended = execute(asked)
    assert (ended.status, ended.states) == ("SUCCEEDED", ("ProfileDataset", "IsReady", "Refused"))
    assert ended.output["profiled"] == {"state": "failed", "version": None}
    assert datasets().ingestion(**asked).problem


@pytest.fixture(
    params=[
        VersionRacedError("bikes", 20),
        UploadInterruptedError("k", "r"),
        TaskFailed("Lambda.ServiceException"),
    ],
    ids=lambda error: type(error).__name__,
)
def transient(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_what_may_work_later_is_tried_again(transient: Exception) -> None:
    tried = []

    def profile_dataset(event: Any, context: Any) -> Any:
        tried.append(event)
        if len(tried) < 3:
            raise transient
        return {"state": "succeeded", "version": 1}

    asked = started(b"a\n1\n")
    ended = execute(asked, profile_dataset=profile_dataset)
    assert ended.status == "SUCCEEDED"
    assert tried == [asked] * 3


def test_a_crash_leaves_the_ingestion_failed_with_a_reason() -> None:
    def profile_dataset(event: Any, context: Any) -> Any:
        raise KeyError("shape")

    asked = started(b"a\n1\n")
    ended = execute(asked, profile_dataset=profile_dataset)
    assert (ended.status, ended.error) == ("FAILED", "IngestionFailed")
    assert ended.states == ("ProfileDataset", "RecordFailure", "IngestionFailed")
    problem = datasets().ingestion(**asked).problem
    assert problem is not None
    assert problem.detail == "the file was not read to its end: KeyError: 'shape'"


def test_a_failure_that_cannot_be_recorded_is_still_a_failure() -> None:
    def broken(event: Any, context: Any) -> Any:
        raise KeyError("shape")

    ended = execute(started(b"a\n1\n"), profile_dataset=broken, record_failure=broken)
    assert (ended.status, ended.states[-1]) == ("FAILED", "IngestionFailed")
