import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from functions.data.api.handler import handler as api
from functions.data.profile_dataset.handler import handler as profile_dataset
from functions.data.record_failure.handler import handler as record_failure
from shelflife.aws.clients import client
from shelflife.contracts.data import MANIFEST_KEY, DatasetManifest
from shelflife.data.settings import TABLE, DataApiSettings
from shelflife.kernel.profiles import from_json
from tests.harness.cloud import make_bucket, make_table
from tests.harness.events import LambdaContext, golden, http_event

CONTEXT = LambdaContext()
BUCKET = "artifacts"
DATASETS = "/v1/data/datasets"
SKY = ("clear", "cloudy/misty")
#: Bike-share rows as they are published: some numbers in quotes, slashes in text.
BIKES = '"season","mnth","hr","weathersit","temp","bikers"\n' + "".join(
    f'{1 + hour // 24},"Jan","{hour % 24}","{SKY[hour % 2]}",{hour % 50 / 50!r},{hour * 7 % 300}\n'
    for hour in range(96)
)


@pytest.fixture(autouse=True)
def installed(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    machine = client("stepfunctions").create_state_machine(
        name="ingest_dataset",
        definition='{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/workflow",
    )
    settings = DataApiSettings(
        data_table_name=make_table(TABLE).table_name,
        artifact_bucket_name=make_bucket(BUCKET),
        ingest_dataset_arn=machine["stateMachineArn"],
    )
    for name, value in settings.to_env().items():
        monkeypatch.setenv(name, value)
    yield
    client("stepfunctions").delete_state_machine(stateMachineArn=machine["stateMachineArn"])


def ask(method: str, path: str, body: Any = None, **event: Any) -> tuple[int, Any]:
    answer = api(http_event(method, path, body, **event), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None


def sent(name: str, body: bytes, file_format: str = "csv") -> str:
    """Upload a file as a client does; moto answers no HTTP here, so the PUT goes to the URL's key."""
    status, ticket = ask(
        "POST", f"{DATASETS}/{name}/uploads", golden("data/open_upload") | {"format": file_format}
    )
    assert (status, ticket["method"]) == (201, "PUT")
    key = urlsplit(ticket["url"]).path.removeprefix("/").removeprefix(f"{BUCKET}/")
    client("s3").put_object(Bucket=BUCKET, Key=key, Body=body, ContentType=ticket["headers"]["content-type"])
    return str(ticket["upload_id"])


def ingested(name: str, upload_id: str, **asked: Any) -> Any:
    """Start an ingestion, do the workflow's work, and ask how it ended."""
    status, started = ask("POST", f"{DATASETS}/{name}/versions", {"upload_id": upload_id} | asked)
    assert (status, started["state"]) == (202, "running")
    arn = client("stepfunctions").list_state_machines()["stateMachines"][0]["stateMachineArn"]
    executions = client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
    execution = next(one for one in executions if one["name"] == started["ingestion_id"])
    told = client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    profile_dataset(json.loads(told["input"]), CONTEXT)
    status, ended = ask("GET", f"{DATASETS}/{name}/ingestions/{started['ingestion_id']}")
    assert status == 200
    return ended


def stored(uri: str) -> bytes:
    return client("s3").get_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))["Body"].read()


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_file_becomes_a_version_that_can_be_read(version: str, tmp_path: Path) -> None:
    ended = ingested("bikes", sent("bikes", BIKES.encode()))
    assert (ended["state"], ended["version"]) == ("succeeded", 1)
    status, found = ask("GET", f"{DATASETS}/bikes/versions/latest", version=version)
    assert (status, found["version"], found["row_count"], found["description"]) == (
        200,
        1,
        96,
        "hourly rents",
    )
    assert {column["name"]: column["kind"] for column in found["columns"]} == {
        "season": "number",
        "mnth": "text",
        "hr": "number",
        "weathersit": "text",
        "temp": "number",
        "bikers": "number",
    }
    assert stored(found["source"]["uri"]) == BIKES.encode()
    rows = tmp_path / "rows.parquet"
    rows.write_bytes(stored(found["rows"]["uri"]))
    assert duckdb.read_parquet(str(rows)).limit(2).fetchall() == [
        (1, "Jan", 0, "clear", 0.0, 0),
        (1, "Jan", 1, "cloudy/misty", 0.02, 7),
    ]
    status, profile = ask("GET", f"{DATASETS}/bikes/versions/1/profile?column=temp", version=version)
    assert (status, list(profile["columns"])) == (200, ["temp"])
    assert from_json(json.dumps(profile)).columns["temp"].present == 96


def test_the_manifest_is_what_the_contract_says() -> None:
    ingested("bikes", sent("bikes", BIKES.encode()))
    body = stored(f"s3://{BUCKET}/{MANIFEST_KEY.format(name='bikes', version=1)}")
    manifest = DatasetManifest.model_validate_json(body)
    folder = f"s3://{BUCKET}/datasets/bikes/versions/00000001"
    uris = [manifest.source.uri, manifest.rows.uri, manifest.profile.uri]
    assert uris == [f"{folder}/source.csv", f"{folder}/rows.parquet", f"{folder}/profile.json"]
    for part in (manifest.source, manifest.rows, manifest.profile):
        body = stored(part.uri)
        assert (len(body), hashlib.sha256(body).hexdigest()) == (part.size_bytes, part.sha256)


def test_lists_hold_datasets_and_versions() -> None:
    for name, body in (("bikes", b"a\n1\n"), ("bikes", b"a\n2\n"), ("boats", b"a\n1\n")):
        ingested(name, sent(name, body))
    status, listed = ask("GET", f"{DATASETS}?limit=1")
    assert (status, [d["name"] for d in listed["datasets"]]) == (200, ["bikes"])
    _, rest = ask("GET", f"{DATASETS}?limit=1&cursor={listed['next_cursor']}")
    assert [d["name"] for d in rest["datasets"]] == ["boats"]
    status, dataset = ask("GET", f"{DATASETS}/bikes")
    assert (status, dataset["latest_version"], dataset["created_by"]) == (200, 2, "tester")
    status, versions = ask("GET", f"{DATASETS}/bikes/versions")
    assert (status, [v["version"] for v in versions["versions"]]) == (200, [2, 1])


def test_the_uploaded_file_can_be_downloaded() -> None:
    ingested("bikes", sent("bikes", BIKES.encode()))
    status, ticket = ask("GET", f"{DATASETS}/bikes/versions/1/download")
    assert status == 200
    assert urlsplit(ticket["url"]).path.endswith("datasets/bikes/versions/00000001/source.csv")
    assert ticket["expires_at"]


def test_a_faulty_file_is_told_as_the_request_would_have_been() -> None:
    ended = ingested("bikes", sent("bikes", b"x\n" + b"1\n" * 10 + b"oops\n"))
    assert ended["state"] == "failed"
    assert "version" not in ended
    message = "column 'x' has 10 numbers among 11 values, but row 11 has 'oops'"
    assert ended["problem"] == {
        "type": "/errors/mixed-column",
        "title": "mixed column",
        "status": 400,
        "detail": message,
        "instance": f"{DATASETS}/bikes/ingestions/{ended['ingestion_id']}",
        "errors": [{"field": "x", "message": message}],
    }
    assert ask("GET", f"{DATASETS}/bikes")[0] == 404


def test_the_same_upload_can_be_accepted_as_text() -> None:
    upload_id = sent("bikes", b"x\n" + b"1\n" * 10 + b"oops\n")
    assert ingested("bikes", upload_id)["state"] == "failed"
    ended = ingested("bikes", upload_id, columns={"x": "text"})
    assert (ended["state"], ended["version"], ended["columns"]) == ("succeeded", 1, {"x": "text"})


def test_a_task_that_is_delivered_twice_answers_twice_the_same() -> None:
    upload_id = sent("bikes", BIKES.encode())
    ask("POST", f"{DATASETS}/bikes/versions", {"upload_id": upload_id})
    asked = golden("data/profile_dataset") | {"ingestion_id": upload_id}
    first = profile_dataset(asked, CONTEXT)
    assert (first["state"], first["version"]) == ("succeeded", 1)
    assert profile_dataset(asked, CONTEXT) == first
    # The ingestion has ended: it is told as it is, and no execution is asked for again.
    status, told = ask("POST", f"{DATASETS}/bikes/versions", {"upload_id": upload_id})
    assert (status, told["state"], told["version"]) == (202, "succeeded", 1)


def test_a_crash_is_told_with_its_reason() -> None:
    upload_id = sent("bikes", BIKES.encode())
    ask("POST", f"{DATASETS}/bikes/versions", {"upload_id": upload_id})
    record_failure(golden("data/record_failure") | {"ingestion_id": upload_id}, CONTEXT)
    _, ended = ask("GET", f"{DATASETS}/bikes/ingestions/{upload_id}")
    assert ended["state"] == "failed"
    assert (ended["problem"]["type"], ended["problem"]["status"]) == ("/errors/ingestion-broken-off", 500)
    assert ended["problem"]["detail"] == "the file was not read to its end: it ran out of memory"


def test_who_may_not_write_may_read() -> None:
    assert ask("GET", DATASETS, role="viewer") == (200, {"datasets": [], "next_cursor": None})
    assert ask("POST", f"{DATASETS}/bikes/uploads", {"format": "csv"}, role="viewer")[0] == 403
    assert ask("POST", f"{DATASETS}/bikes/versions", golden("data/ingest_upload"), role="viewer")[0] == 403


def test_what_is_wrong_with_a_request_is_named() -> None:
    status, problem = ask("POST", f"{DATASETS}/bikes/uploads", {"format": "xlsx"})
    assert (status, problem["errors"][0]["field"]) == (400, "format")
    status, problem = ask("POST", f"{DATASETS}/_bikes/uploads", {"format": "csv"})
    assert (status, problem["errors"][0]["field"]) == (400, "name")
    status, problem = ask(
        "POST", f"{DATASETS}/bikes/versions", {"upload_id": "u1", "columns": {"hr": "words"}}
    )
    assert (status, problem["errors"][0]["field"]) == (400, "columns.hr")
    status, problem = ask("POST", f"{DATASETS}/bikes/versions", golden("data/ingest_upload"))
    assert (status, problem["type"]) == (404, "/errors/upload-not-found")
    _, ticket = ask("POST", f"{DATASETS}/bikes/uploads", {"format": "csv"})
    status, problem = ask("POST", f"{DATASETS}/bikes/versions", {"upload_id": ticket["upload_id"]})
    assert (status, problem["type"]) == (409, "/errors/upload-missing")
    assert ask("GET", f"{DATASETS}/bikes/ingestions/u9")[0] == 404
    ingested("bikes", sent("bikes", b"a\n1\n"))
    assert ask("GET", f"{DATASETS}/bikes/versions/2")[0] == 404
    status, problem = ask("GET", f"{DATASETS}/bikes/versions/first")
    assert (status, problem["errors"][0]["field"]) == (400, "version")


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
@pytest.mark.parametrize("load", [load_breast_cancer, load_diabetes])
def test_real_tables_are_read_as_they_are(load: Any, file_format: str, tmp_path: Path) -> None:
    frame = load(as_frame=True).frame
    if file_format == "csv":
        body = io.BytesIO()
        frame.to_csv(body, index=False)
        content = body.getvalue()
    else:
        path = tmp_path / "frame.parquet"
        duckdb.connect().from_df(frame).write_parquet(str(path))
        content = path.read_bytes()
    ended = ingested("real", sent("real", content, file_format))
    assert ended["state"] == "succeeded", ended
    _, found = ask("GET", f"{DATASETS}/real/versions/latest")
    assert found["row_count"] == len(frame)
    assert [column["name"] for column in found["columns"]] == list(frame.columns)
    assert {column["kind"] for column in found["columns"]} == {"number"}
    rows = tmp_path / "rows.parquet"
    rows.write_bytes(stored(found["rows"]["uri"]))
    read = duckdb.read_parquet(str(rows)).df()
    assert (read.astype(float).to_numpy() == frame.astype(float).to_numpy()).all()
