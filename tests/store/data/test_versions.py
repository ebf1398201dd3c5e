from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shelflife.data.dynamo import DynamoVersions
from shelflife.data.errors import VersionTakenError
from shelflife.data.model import DatasetVersion
from shelflife.data.ports import Versions
from shelflife.data.settings import TABLE
from shelflife.kernel.paging import InvalidCursorError
from tests.fakes.data import MemoryVersions
from tests.harness.cloud import make_table

NOON = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)


def version(number: int, content: str = "", name: str = "bikes") -> DatasetVersion:
    return DatasetVersion(
        name=name,
        version=number,
        content=(content or f"{number:x}") * 64,
        row_count=3,
        description="hourly rents",
        ingestion_id=f"i{number}",
        created_at=NOON + timedelta(hours=number),
        created_by=f"user {number}",
    )


@pytest.fixture(params=["memory", "dynamo"])
def versions(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryVersions()
    request.getfixturevalue("aws")
    return DynamoVersions(make_table(TABLE))


def ready(versions: Versions, *numbers: int, name: str = "bikes") -> None:
    for number in numbers:
        versions.claim(version(number, name=name))
        versions.publish(version(number, name=name))


def test_numbers_are_given_one_by_one(versions: Versions) -> None:
    assert versions.last_number("bikes") == 0
    versions.claim(version(1))
    versions.claim(version(2))
    assert versions.last_number("bikes") == 2
    assert versions.last_number("boats") == 0


@pytest.mark.parametrize("number", [1, 3])
def test_only_the_next_number_can_be_claimed(versions: Versions, number: int) -> None:
    versions.claim(version(1, "a"))
    with pytest.raises(VersionTakenError):
        versions.claim(version(number, "b"))
    assert versions.last_number("bikes") == 1
    assert versions.find_content("bikes", "b" * 64) is None


def test_content_has_one_version(versions: Versions) -> None:
    versions.claim(version(1, "a"))
    with pytest.raises(VersionTakenError):
        versions.claim(version(2, "a"))
    assert versions.last_number("bikes") == 1
    assert versions.find_content("bikes", "a" * 64) == version(1, "a")
    versions.claim(version(1, "a", name="boats"))


def test_a_claimed_version_is_not_there_until_it_is_ready(versions: Versions) -> None:
    versions.claim(version(1))
    assert versions.find("bikes", 1) is None
    assert versions.find_dataset("bikes") is None
    assert versions.page("bikes", 10, None).items == ()
    versions.publish(version(1))
    assert versions.find("bikes", 1) == version(1).model_copy(update={"ready": True})
    assert [v.version for v in versions.page("bikes", 10, None).items] == [1]


def test_the_latest_version_is_the_highest_that_is_ready(versions: Versions) -> None:
    for number in (1, 2, 3):
        versions.claim(version(number))
    for number in (2, 1, 2, 3, 1):
        versions.publish(version(number))
    dataset = versions.find_dataset("bikes")
    assert dataset is not None
    assert (dataset.latest_version, dataset.created_by) == (3, "user 2")
    assert (dataset.created_at, dataset.updated_at) == (version(2).created_at, version(3).created_at)


def test_pages_hold_every_version_once_newest_first(versions: Versions) -> None:
    ready(versions, 1, 2, 3, 4, 5)
    first = versions.page("bikes", 2, None)
    second = versions.page("bikes", 2, first.next_cursor)
    third = versions.page("bikes", 2, second.next_cursor)
    assert [v.version for page in (first, second, third) for v in page.items] == [5, 4, 3, 2, 1]
    assert third.next_cursor is None


def test_pages_hold_every_dataset_once_by_name(versions: Versions) -> None:
    for name in ("cars", "bikes", "boats"):
        ready(versions, 1, 2, name=name)
    first = versions.page_datasets(2, None)
    second = versions.page_datasets(2, first.next_cursor)
    assert [d.name for page in (first, second) for d in page.items] == ["bikes", "boats", "cars"]
    assert {d.latest_version for d in first.items} == {2}


def test_a_foreign_cursor_is_refused(versions: Versions) -> None:
    with pytest.raises(InvalidCursorError):
        versions.page("bikes", 2, "nonsense")


class Conflicting:
    """A table at which another transaction is at work."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def transact(self, writes: object) -> None:
        error: Any = {
            "Error": {"Code": "TransactionCanceledException", "Message": ""},
            "CancellationReasons": [{"Code": "None"}, {"Code": self.reason}],
        }
        raise ClientError(error, "TransactWriteItems")


def test_a_transaction_in_conflict_is_a_lost_race() -> None:
    raced: Any = Conflicting("TransactionConflict")
    with pytest.raises(VersionTakenError):
        DynamoVersions(raced).claim(version(1))
    throttled: Any = Conflicting("ThrottlingError")
    with pytest.raises(ClientError):
        DynamoVersions(throttled).claim(version(1))
