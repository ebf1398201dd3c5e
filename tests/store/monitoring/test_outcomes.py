from collections.abc import Callable
from datetime import timedelta
from typing import Any

import duckdb
import pytest

from shelflife.aws.clients import client
from shelflife.aws.objects import Objects
from shelflife.contracts.models import Task
from shelflife.contracts.monitoring import LabelBatch
from shelflife.contracts.serving import CAPTURES_PREFIX, HOUR_FOLDER
from shelflife.monitoring.objects import S3Labels
from shelflife.monitoring.outcomes import DuckdbOutcomes
from shelflife.monitoring.scan_ports import JoinedLabels, Outcomes
from tests.fakes.monitored import HOUR, NOON, told, watched
from tests.fakes.monitoring import Answered, MemoryOutcomes
from tests.harness.cloud import make_bucket

MINUTE = timedelta(minutes=1)
AT = NOON + 5 * MINUTE
DAY = timedelta(days=1)
Capture = Callable[..., None]
Label = Callable[[LabelBatch], None]


@pytest.fixture
def put(tmp_path: Any) -> Capture:
    """Write captured rows as serving does (contracts/serving.py), one file per call."""

    def write(*rows: Answered) -> None:
        numeric = not isinstance(rows[0].answer, str)
        kind, name = ("DOUBLE", "prediction") if numeric else ("VARCHAR", "label")
        database = duckdb.connect()
        database.execute(
            "CREATE TABLE captures (capture_id VARCHAR, capture_row INTEGER, captured_at TIMESTAMP,"
            f' model_version INTEGER, revision INTEGER, "input.temp" DOUBLE, "output.{name}" {kind})'
        )
        for row in rows:
            values = [
                row.capture_id,
                row.row,
                row.at.replace(tzinfo=None),
                row.revision,
                row.revision,
                0.5,
                row.answer,
            ]
            database.execute("INSERT INTO captures VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
        database.execute(f"COPY captures TO '{path}' (FORMAT parquet)")
        prefix = CAPTURES_PREFIX.format(deployment=rows[0].deployment)
        key = f"{prefix}{rows[0].at.strftime(HOUR_FOLDER)}{path.name}"
        client("s3").put_object(Bucket="captures", Key=key, Body=path.read_bytes())

    return write


@pytest.fixture(params=["memory", "duckdb"])
def store(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        memory = MemoryOutcomes()
        return memory, lambda *rows: memory.rows.extend(rows), memory.batches.append
    request.getfixturevalue("aws")
    make_bucket("captures")
    objects = Objects(client("s3"))
    labels = S3Labels(objects, "captures")
    return DuckdbOutcomes(objects, "captures"), request.getfixturevalue("put"), labels.add


@pytest.fixture
def outcomes(store: tuple[Outcomes, Capture, Label]) -> Outcomes:
    return store[0]


@pytest.fixture
def capture(store: tuple[Outcomes, Capture, Label]) -> Capture:
    return store[1]


@pytest.fixture
def label(store: tuple[Outcomes, Capture, Label]) -> Label:
    return store[2]


def joined(outcomes: Outcomes, **changed: Any) -> JoinedLabels:
    return outcomes.joined(watched(**changed), NOON)


def test_the_loss_of_a_regression_is_its_absolute_error(
    outcomes: Outcomes, capture: Capture, label: Label
) -> None:
    capture(Answered("a", 0, AT, 10.0), Answered("a", 1, AT, 20.0))
    capture(Answered("b", 0, AT + 10 * MINUTE, 5.0))
    label(told("0001", a=(11, 17), b=(10.5,)))
    found = joined(outcomes)
    assert (found.rows, found.unmatched, found.mismatched) == (3, 0, 0)
    assert found.mean_loss == pytest.approx((1 + 3 + 5.5) / 3)
    assert found.standard_error == pytest.approx(1.3017, abs=1e-3)
    assert [(point.rows, point.value) for point in found.points] == [(2, 2.0), (1, 5.5)]
    assert found.points[0].begins_at == AT


def test_the_loss_of_a_classification_is_a_miss(outcomes: Outcomes, capture: Capture, label: Label) -> None:
    capture(Answered("a", 0, AT, "1"), Answered("a", 1, AT, "0"), Answered("b", 0, AT, "0"))
    label(told("0001", a=("1", "1"), b=("other",)))
    found = joined(outcomes, task=Task.CLASSIFICATION)
    assert found.mean_loss == pytest.approx(2 / 3)


def test_the_last_label_of_a_capture_counts(outcomes: Outcomes, capture: Capture, label: Label) -> None:
    capture(Answered("a", 0, AT, 10.0))
    label(told("0002", a=(30.0,)))
    label(told("0001", a=(20.0,)))
    assert joined(outcomes).mean_loss == 20
    label(told("0003", NOON + 3 * HOUR, a=(10.0,)))
    label(told("0003", NOON + 3 * HOUR, a=(10.0,)))
    assert (joined(outcomes).mean_loss, joined(outcomes).rows) == (0, 1)


def test_within_a_batch_too_the_last_one_counts(outcomes: Outcomes, capture: Capture, label: Label) -> None:
    capture(Answered("a", 0, AT, 10.0))
    batch = told("0001", a=(20.0,))
    again = told("0001", a=(11.0,)).labels
    label(batch.model_copy(update={"labels": batch.labels + again}))
    assert joined(outcomes).mean_loss == 1


def test_labels_may_come_before_their_rows(outcomes: Outcomes, capture: Capture, label: Label) -> None:
    label(told("0001", NOON - 30 * MINUTE, a=(12.0,)))
    first = joined(outcomes)
    assert (first.rows, first.mean_loss, first.unmatched, first.points) == (0, None, 1, ())
    capture(Answered("a", 0, AT, 10.0))
    assert joined(outcomes).mean_loss == 2


def test_another_number_of_values_than_rows_is_counted_and_not_compared(
    outcomes: Outcomes, capture: Capture, label: Label
) -> None:
    capture(Answered("a", 0, AT, 1.0), Answered("b", 0, AT, 1.0), Answered("b", 1, AT, 1.0))
    capture(Answered("c", 1, AT, 1.0), Answered("d", 0, AT, 4.0))
    label(told("0001", a=(1.0, 2.0), b=(1.0,), c=(9.0,), d=(1.0,)))
    found = joined(outcomes)
    assert (found.rows, found.mismatched, found.unmatched, found.mean_loss) == (1, 3, 0, 3)
    assert found.standard_error is None


def test_a_request_that_came_in_parts_is_one(outcomes: Outcomes, capture: Capture, label: Label) -> None:
    capture(Answered("a", 1, AT, 2.0))
    capture(Answered("a", 0, AT, 1.0))
    label(told("0001", a=(1.0, 4.0)))
    assert (joined(outcomes).rows, joined(outcomes).mean_loss) == (2, 1)


def test_rows_of_other_revisions_times_and_deployments_have_no_part(
    outcomes: Outcomes, capture: Capture, label: Label
) -> None:
    capture(Answered("a", 0, AT, 1.0, revision=2))
    capture(Answered("b", 0, AT - 2 * HOUR, 1.0))
    capture(Answered("c", 0, AT, 1.0, deployment="cars"))
    capture(Answered("d", 0, NOON + MINUTE, 1.0))
    label(told("0001", a=(1.0,), b=(1.0,), c=(1.0,), d=(3.0,)))
    found = joined(outcomes)
    assert (found.rows, found.unmatched) == (1, 3)
    assert joined(outcomes, activated_at=NOON + 2 * MINUTE).rows == 0


def test_the_fingerprint_changes_with_the_labels(outcomes: Outcomes, label: Label) -> None:
    seen = watched()
    assert outcomes.fingerprint(seen, NOON) == ""
    label(told("0001", a=(1.0,)))
    first = outcomes.fingerprint(seen, NOON)
    label(told("0002", a=(1.0,)))
    assert len({"", first, outcomes.fingerprint(seen, NOON)}) == 3
    assert outcomes.fingerprint(seen, NOON + DAY) == ""


@pytest.mark.parametrize("store", ["duckdb"], indirect=True)
def test_a_long_time_has_wide_points(outcomes: Outcomes, capture: Capture, label: Label) -> None:
    for day in range(20):
        capture(Answered(f"c{day}", 0, NOON + day * DAY, float(day)))
    label(told("0001", NOON + 21 * DAY, **{f"c{day}": (0.0,) for day in range(20)}))
    points = joined(outcomes).points
    assert [point.value for point in points] == [float(day) for day in range(20)]
    assert points[0].ends_at - points[0].begins_at == DAY
