import json
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pytest

from shelflife.aws.clients import client
from shelflife.aws.objects import Objects
from shelflife.contracts.models import Datatype, Signature, Tensor
from shelflife.contracts.serving import CapturedProfile
from shelflife.kernel.profiles import reference_profile, to_json
from shelflife.serving.capture_ports import CaptureFiles, Claims
from shelflife.serving.captures import Capture, CaptureBatch, CapturedRows, CaptureKind, FileState
from shelflife.serving.claims import DynamoClaims
from shelflife.serving.columns import Columns, column_types, columns_of, joined
from shelflife.serving.errors import CaptureClaimedError, CaptureFileLostError, QueueUnavailableError
from shelflife.serving.files import S3CaptureFiles
from shelflife.serving.handoff import HandOff
from shelflife.serving.profiling import S3Baselines
from shelflife.serving.queue import LaterQueue, SqsQueue
from shelflife.serving.settings import TABLE
from tests.fakes.captures import MemoryCaptureFiles, MemoryClaims
from tests.fakes.deployments import served
from tests.fakes.onnx_models import input_of, stored
from tests.harness.cloud import make_bucket, make_table

NOON = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
HOUR = CaptureBatch(CaptureKind.CAPTURES, "bikes", 1, "v3", NOON.replace(microsecond=0))
SIGNATURE = Signature(
    inputs=(
        input_of("temp"),
        input_of("hr", Datatype.INT64),
        input_of("holiday", Datatype.BOOL),
        input_of('a "name"; of.any kind', Datatype.BYTES),
    ),
    outputs=(
        Tensor(name="label", datatype=Datatype.BYTES, shape=(-1,)),
        Tensor(name="probabilities", datatype=Datatype.FP32, shape=(-1, 2)),
    ),
)
TYPES = column_types(HOUR, SIGNATURE)


def columns(count: int = 2, text: str | None = "winter") -> Columns:
    rows = CapturedRows(
        capture_id="r1",
        deployment="bikes",
        revision=1,
        variant="v3",
        model_version=3,
        captured_at=NOON,
        latency_ms=1.5,
        first_row=5,
        inputs={
            "temp": [0.24, None, *[1] * count][:count],
            "hr": [2**60, 3.0, *[1] * count][:count],
            "holiday": [True, 0, *[1] * count][:count],
            'a "name"; of.any kind': [None] * (count - 1) + [text],
        },
        outputs={"label": ["no", "yes", *["no"] * count][:count], "probabilities": [[0.75, 0.25]] * count},
    )
    return columns_of(rows, SIGNATURE)


@pytest.fixture(params=["memory", "s3"])
def files(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryCaptureFiles()
    request.getfixturevalue("aws")
    return S3CaptureFiles(Objects(client("s3")), make_bucket("captures"))


@pytest.fixture(params=["memory", "dynamo"])
def claims(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryClaims()
    request.getfixturevalue("aws")
    return DynamoClaims(make_table(TABLE))


def profile() -> CapturedProfile:
    counted = reference_profile({"temp": np.array([1.0, 2.0])})
    return CapturedProfile(
        deployment="bikes",
        model_version=3,
        revision=1,
        first_at=NOON,
        last_at=NOON,
        row_count=2,
        profile_json=to_json(counted),
    )


def test_columns_come_back_as_they_were(files: CaptureFiles) -> None:
    uri = files.uri(HOUR, "b1")
    assert files.state(uri) is FileState.ABSENT
    files.write(uri, columns(), TYPES)
    assert files.state(uri) is FileState.WRITTEN
    read = files.read(uri)
    assert list(read) == list(TYPES)
    expected = columns()
    listed = "output.probabilities"
    assert [[*values] for values in read.pop(listed)] == expected.pop(listed).tolist()
    for name, values in expected.items():
        np.testing.assert_array_equal(read[name], values, err_msg=name)


def test_a_column_of_missing_text_keeps_its_type(files: CaptureFiles) -> None:
    uri = files.uri(HOUR, "b1")
    many = joined([columns(3000), columns(2, text=None)])
    files.write(uri, many, TYPES)
    texts = files.read(uri)['input.a "name"; of.any kind'].tolist()
    assert (texts[2999], texts.count(None)) == ("winter", 3001)


def test_a_file_that_was_given_up_is_never_written(files: CaptureFiles) -> None:
    uri = files.uri(HOUR, "b1")
    assert files.give_up(uri, TYPES) is FileState.GIVEN_UP
    assert files.give_up(uri, TYPES) is FileState.GIVEN_UP
    with pytest.raises(CaptureFileLostError):
        files.write(uri, columns(), TYPES)
    assert files.state(uri) is FileState.GIVEN_UP


def test_a_written_file_cannot_be_given_up(files: CaptureFiles) -> None:
    uri = files.uri(HOUR, "b1")
    files.write(uri, columns(), TYPES)
    # The client sends a put again whose answer was lost.
    files.write(uri, columns(), TYPES)
    assert files.give_up(uri, TYPES) is FileState.WRITTEN
    assert len(files.read(uri)["capture_id"]) == 2


def test_a_profile_can_be_written_again(files: CaptureFiles) -> None:
    uri = files.uri(HOUR, "b1")
    assert not files.has_profile(uri)
    for _ in range(2):
        files.write_profile(uri, profile())
    assert files.has_profile(uri)


def test_objects_are_laid_out_as_the_contract_says(aws: None) -> None:
    files = S3CaptureFiles(Objects(client("s3")), make_bucket("captures"))
    uri, lost = files.uri(HOUR, "b1"), files.uri(HOUR, "b2")
    files.write(uri, columns(), TYPES)
    files.give_up(lost, TYPES)
    files.write_profile(uri, profile())
    found = client("s3").list_objects_v2(Bucket="captures")["Contents"]
    assert [one["Key"] for one in found] == [
        "captures/bikes/2026/11/20/12/b1.parquet",
        "captures/bikes/2026/11/20/12/b2.parquet",
        "profiles/bikes/2026/11/20/12/b1.json",
    ]
    body = client("s3").get_object(Bucket="captures", Key=found[2]["Key"])["Body"].read()
    assert CapturedProfile.model_validate(json.loads(body)) == profile()


@pytest.mark.parametrize("given_up", [False, True])
def test_columns_are_typed_also_without_rows(aws: None, tmp_path: Any, given_up: bool) -> None:  # noqa: FBT001
    files = S3CaptureFiles(Objects(client("s3")), make_bucket("captures"))
    uri = files.uri(HOUR, "b1")
    if given_up:
        files.give_up(uri, TYPES)
    else:
        files.write(uri, columns(), TYPES)
    path = tmp_path / "file.parquet"
    path.write_bytes(Objects(client("s3")).read(uri))
    with duckdb.connect() as connection:
        described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    assert {name: sql for name, sql, *_ in described} == {
        "capture_id": "VARCHAR",
        "capture_row": "INTEGER",
        "captured_at": "TIMESTAMP",
        "model_version": "INTEGER",
        "revision": "INTEGER",
        "variant": "VARCHAR",
        "role": "VARCHAR",
        "assigned": "BOOLEAN",
        "latency_ms": "DOUBLE",
        "input.temp": "DOUBLE",
        "input.hr": "BIGINT",
        "input.holiday": "BOOLEAN",
        'input.a "name"; of.any kind': "VARCHAR",
        "output.label": "VARCHAR",
        "output.probabilities": "DOUBLE[]",
    }


def test_a_claim_is_made_once_and_moved_by_one(claims: Claims) -> None:
    assert claims.claim("c", "file-1", NOON) == "file-1"
    assert claims.claim("c", "file-2", NOON) == "file-1"
    claims.reclaim("c", "file-1", "file-2", NOON)
    assert claims.claim("c", "file-3", NOON) == "file-2"
    with pytest.raises(CaptureClaimedError):
        claims.reclaim("c", "file-1", "file-3", NOON)
    assert claims.claim("d", "file-3", NOON) == "file-3"


def test_a_baseline_is_read_once(aws: None) -> None:
    bucket = make_bucket("artifacts")
    body = to_json(reference_profile({"temp": np.array([1.0, 2.0])})).encode()
    baseline = stored(f"s3://{bucket}/baseline.json", body)
    Objects(client("s3")).write(baseline.uri, body)
    baselines = S3Baselines(Objects(client("s3")))
    assert baselines.read(baseline).row_count == 2
    client("s3").delete_object(Bucket=bucket, Key="baseline.json")
    assert baselines.read(baseline).row_count == 2


def captured(rows: int) -> Capture:
    return Capture(
        served=served(),
        capture_id="r1",
        captured_at=NOON,
        latency_ms=1.5,
        inputs={f"f{at}": [row / 3 for row in range(rows)] for at in range(5)},
        outputs={"prediction": [1.0] * rows},
        row_count=rows,
    )


def test_ten_thousand_rows_leave_in_several_messages(aws: None) -> None:
    url = client("sqs").create_queue(QueueName="captures")["QueueUrl"]
    queue = SqsQueue(lambda: client("sqs"), url)
    handed_over = HandOff(queue, queue, lambda: 0.0)
    handed_over.send(captured(10_000))
    assert handed_over.flush().waiting == 0
    found: list[Any] = []
    while messages := client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [CapturedRows.model_validate_json(one["Body"]) for one in messages]
    assert len(found) > 3
    assert sum(one.row_count for one in found) == 10_000


def test_a_queue_that_is_not_there_is_unavailable(aws: None) -> None:
    lost = SqsQueue(lambda: client("sqs"), "https://sqs.eu-west-1.amazonaws.com/123456789012/nowhere")
    with pytest.raises(QueueUnavailableError, match="nowhere"):
        lost.put(["{}"])


def test_a_message_is_seen_after_its_delay(aws: None) -> None:
    url = client("sqs").create_queue(QueueName="labels")["QueueUrl"]
    LaterQueue(client("sqs"), url).put("soon", timedelta(milliseconds=300))
    assert "Messages" not in client("sqs").receive_message(QueueUrl=url)
    (found,) = client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert found["Body"] == "soon"


def test_a_later_message_for_a_queue_that_is_not_there_is_unavailable(aws: None) -> None:
    lost = LaterQueue(client("sqs"), "https://sqs.eu-west-1.amazonaws.com/123456789012/nowhere")
    with pytest.raises(QueueUnavailableError, match="nowhere"):
        lost.put("{}", timedelta(seconds=1))
