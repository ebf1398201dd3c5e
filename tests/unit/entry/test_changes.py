from typing import Any

from shelflife.entry.changes import follower
from tests.harness.events import LambdaContext


def change(number: int, pk: str, image: dict[str, Any] | None = None) -> dict[str, Any]:
    keys = {"pk": {"S": pk}, "sk": {"S": "MILK"}}
    told = {"Keys": keys, "SequenceNumber": str(number), "NewImage": keys if image is None else image}
    return {"eventID": str(number), "eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": told}


def test_an_item_is_told_once_a_batch_and_what_fails_comes_again_from_its_first_change() -> None:
    told: list[str] = []

    @follower("milk")
    def handler(key: str) -> None:
        told.append(key)
        if key == "sour":
            raise RuntimeError(key)

    batch = [change(1, "fresh"), change(2, "sour"), change(3, "fresh"), change(4, "sour"), change(5, "old")]
    assert handler({"Records": batch}, LambdaContext()) == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert told == ["fresh", "sour", "old"]


def test_an_item_that_is_gone_is_passed_over() -> None:
    told: list[str] = []
    handler = follower("milk")(told.append)
    assert handler({"Records": [change(1, "gone", {})]}, LambdaContext()) == {"batchItemFailures": []}
    assert told == []
