from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shelflife.aws.items import Items
from shelflife.kernel.tables import EXPIRY
from shelflife.serving import observed
from shelflife.serving.capture_ports import Loss, WatchedVariant, Windows
from shelflife.serving.dynamo_windows import DynamoWindows
from shelflife.serving.errors import WindowsContendedError
from shelflife.serving.figures import Figures
from shelflife.serving.settings import TABLE
from tests.fakes.captures import MemoryWindows
from tests.harness.cloud import make_table

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STABLE = WatchedVariant("bikes", 3, "v1")
ONE = observed.answer(rows=2, latency_ms=1.5) + observed.numbers([0.1, -1000.25], edges=[0.5])


@pytest.fixture(params=["memory", "dynamo"])
def windows(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryWindows()
    request.getfixturevalue("aws")
    return DynamoWindows(make_table(TABLE))


def between(windows: Windows, since: datetime, until: datetime, whose: WatchedVariant = STABLE) -> Figures:
    return windows.between(*whose, since, until)


def test_a_file_is_added_once(windows: Windows) -> None:
    assert not windows.is_added("file-1")
    assert windows.add("file-1", STABLE, {NOON: ONE}, NOON)
    assert not windows.add("file-1", STABLE, {NOON: ONE}, NOON)
    assert windows.is_added("file-1")
    assert between(windows, NOON, NOON + MINUTE) == ONE


def test_files_add_up_exactly(windows: Windows) -> None:
    for at in range(5):
        windows.add(f"file-{at}", STABLE, {NOON: ONE, NOON + MINUTE: observed.failure()}, NOON)
    found = between(windows, NOON, NOON + 2 * MINUTE)
    assert (found.requests, found.rows, found.failures) == (10, 10, 5)
    assert (found.predictions, found.latency_sum) == (10, 7.5)
    assert found.prediction_squares == pytest.approx(5 * (1000.25**2 + 0.01))


def test_a_file_may_have_every_minute_of_its_hour(windows: Windows) -> None:
    minutes = {NOON + at * MINUTE: ONE for at in range(60)}
    windows.add("file-1", STABLE, minutes, NOON)
    assert [minute for minute, _ in windows.minutes(STABLE, NOON, NOON + 60 * MINUTE)] == list(minutes)
    assert between(windows, NOON, NOON + 60 * MINUTE).requests == 60


def test_a_minute_counts_that_is_partly_within(windows: Windows) -> None:
    windows.add("file-1", STABLE, {NOON + at * MINUTE: ONE for at in range(4)}, NOON)
    second = timedelta(seconds=1)
    assert between(windows, NOON + MINUTE, NOON + 2 * MINUTE).requests == 1
    assert between(windows, NOON + MINUTE - second, NOON + 2 * MINUTE + second).requests == 3
    assert between(windows, NOON + MINUTE, NOON + MINUTE) == Figures()
    assert between(windows, NOON + MINUTE, NOON) == Figures()


def test_variants_revisions_and_deployments_are_kept_apart(windows: Windows) -> None:
    others = [
        STABLE._replace(variant="v10"),
        STABLE._replace(revision=30),
        STABLE._replace(deployment="bikes.v1"),
    ]
    for at, other in enumerate(others):
        windows.add(f"file-{at}", other, {NOON: ONE}, NOON)
    assert between(windows, NOON, NOON + MINUTE) == Figures()
    assert [between(windows, NOON, NOON + MINUTE, other) for other in others] == [ONE] * 3


def test_a_file_without_counted_rows_is_remembered_too(windows: Windows) -> None:
    assert windows.add("file-1", STABLE, {}, NOON)
    assert not windows.add("file-1", STABLE, {NOON: ONE}, NOON)
    assert between(windows, NOON, NOON + MINUTE) == Figures()


def test_times_of_any_zone_are_the_same_minute(windows: Windows) -> None:
    from_elsewhere = (NOON + MINUTE).astimezone(datetime.fromisoformat("2026-11-20T00:00:00+05:30").tzinfo)
    windows.add("file-1", STABLE, {from_elsewhere: ONE}, NOON)
    assert [minute for minute, _ in windows.minutes(STABLE, NOON, NOON + 2 * MINUTE)] == [NOON + MINUTE]


def test_minutes_end_after_their_time(aws: None) -> None:
    table = make_table(TABLE)
    DynamoWindows(table, kept=timedelta(days=2)).add("file-1", STABLE, {NOON: ONE}, NOON)
    item = table.get("WINDOW#bikes#00000003", "v1#2026-11-20T12:00Z")
    assert item is not None
    assert item[EXPIRY] == (NOON + timedelta(days=2)).timestamp()


def contended(table: Items, times: int) -> tuple[Items, Iterator[int]]:
    """A table in which another transaction is in the way that many times, and who is left to be in it."""
    left = iter(range(times))

    class Contended:
        def __getattr__(self, name: str) -> Any:
            return getattr(table.client, name)

        def transact_write_items(self, **asked: Any) -> Any:
            if next(left, None) is None:
                return table.client.transact_write_items(**asked)
            told: Any = {
                "Error": {"Code": "TransactionCanceledException", "Message": ""},
                "CancellationReasons": [{"Code": "TransactionConflict"}],
            }
            raise ClientError(told, "TransactWriteItems")

    client: Any = Contended()
    return replace(table, client=client), left


def test_others_in_the_way_are_waited_for(aws: None) -> None:
    slept: list[float] = []
    table, _ = contended(make_table(TABLE), 3)
    windows = DynamoWindows(table, sleep=slept.append)
    assert windows.add("file-1", STABLE, {NOON: ONE}, NOON)
    assert between(windows, NOON, NOON + MINUTE) == ONE
    assert len(slept) == 3
    assert sum(slept) < 0.35


def test_who_is_in_the_way_for_long_is_not_waited_for(aws: None) -> None:
    table, left = contended(make_table(TABLE), 7)
    windows = DynamoWindows(table, sleep=lambda _: None)
    with pytest.raises(WindowsContendedError, match="file-1"):
        windows.add("file-1", STABLE, {NOON: ONE}, NOON)
    assert not windows.is_added("file-1")
    assert len([*left]) == 1
    assert windows.add("file-1", STABLE, {NOON: ONE}, NOON)


def loss(key: str, value: float, minute: datetime = NOON, whose: WatchedVariant = STABLE) -> Loss:
    return Loss(key, whose, minute, observed.losses([value]))


def test_losses_add_to_what_is_there_and_each_answer_counts_once(windows: Windows) -> None:
    windows.add("file-1", STABLE, {NOON: ONE}, NOON)
    other = WatchedVariant("bikes", 3, "v2")
    told = [loss("a", 1.5), loss("b", 2.0), loss("c", 4.0, whose=other)]
    assert windows.add_losses(told, NOON) == 3
    assert windows.add_losses([loss("b", 9.0), loss("d", 1.0, NOON + MINUTE)], NOON) == 1
    assert windows.add_losses(told, NOON) == 0
    assert windows.add_losses([], NOON) == 0
    assert windows.labelled(["a", "d", "e"]) == {"a", "d"}
    found = between(windows, NOON, NOON + MINUTE)
    assert (found.requests, found.labels, found.loss_sum, found.loss_squares) == (1, 2, 3.5, 6.25)
    assert between(windows, NOON, NOON + MINUTE, other).loss_sum == 4.0
    assert between(windows, NOON, NOON + 2 * MINUTE).labels == 3


def test_more_losses_than_a_transaction_takes_are_added_in_parts(windows: Windows) -> None:
    told = [loss(f"a{at}", 1.0, NOON + (at % 60) * MINUTE) for at in range(130)]
    assert windows.add_losses(told, NOON) == 130
    assert windows.add_losses(told, NOON) == 0
    assert between(windows, NOON, NOON + 60 * MINUTE).labels == 130
