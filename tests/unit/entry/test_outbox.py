from typing import Any

import pytest

from shelflife.entry.outbox import publish
from tests.harness.events import LambdaContext


class Bus:
    """EventBridge's answers: it takes what it is given but for some, of which it says why."""

    def __init__(self, refused: set[str] | None = None) -> None:
        self.refused = refused or set()
        self.taken: list[dict[str, Any]] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        (entry,) = Entries
        if entry["Detail"] in self.refused:
            error = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
            return {"FailedEntryCount": 1, "Entries": [error]}
        self.taken.append(entry)
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}


def record(number: int, image: dict[str, Any] | None, name: str = "INSERT") -> dict[str, Any]:
    change: dict[str, Any] = {"SequenceNumber": str(number), "Keys": {"pk": {"S": "x"}}}
    if image is not None:
        change["NewImage"] = image
    return {"eventID": str(number), "eventName": name, "eventSource": "aws:dynamodb", "dynamodb": change}


def news(number: int, detail: str) -> dict[str, Any]:
    image = {"pk": {"S": f"NEWS#{number}"}, "detail_type": {"S": "milk.delivered"}, "detail": {"S": detail}}
    return record(number, image)


def published(bus: Bus, *records: dict[str, Any]) -> list[str]:
    event = {"Records": list(records)}
    answer = publish(event, LambdaContext(), bus_name="bus", put_events=bus.put_events)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_news_goes_onto_the_bus_in_order() -> None:
    bus = Bus()
    assert published(bus, news(1, "a"), news(2, "b")) == []
    assert bus.taken[0] == {
        "EventBusName": "bus",
        "Source": "shelflife",
        "DetailType": "milk.delivered",
        "Detail": "a",
    }
    assert [entry["Detail"] for entry in bus.taken] == ["a", "b"]


def test_items_that_are_no_news_are_passed_over() -> None:
    bus = Bus()
    item = record(1, {"pk": {"S": "MODEL#x"}, "version": {"N": "1"}})
    assert published(bus, item, record(2, None, "REMOVE"), record(3, {})) == []
    assert bus.taken == []


def test_what_the_bus_does_not_take_comes_again_alone(caplog: pytest.LogCaptureFixture) -> None:
    bus = Bus(refused={"b"})
    assert published(bus, news(1, "a"), news(2, "b"), news(3, "c")) == ["2"]
    assert [entry["Detail"] for entry in bus.taken] == ["a", "c"]
    (reason,) = [record.__dict__["reason"] for record in caplog.records if "reason" in record.__dict__]
    assert reason == "news 'NEWS#2' was not taken by the bus: slow down"


def test_a_batch_of_which_nothing_is_taken_comes_again_whole() -> None:
    assert published(Bus(refused={"a", "b"}), news(1, "a"), news(2, "b")) == ["1", "2"]


def test_a_bus_that_cannot_be_reached_loses_nothing() -> None:
    def unreachable(**_: object) -> dict[str, Any]:
        message = "no route to host"
        raise ConnectionError(message)

    event = {"Records": [news(1, "a"), record(2, {})]}
    answer = publish(event, LambdaContext(), bus_name="bus", put_events=unreachable)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
