"""Contract: queries of a partition answer as DynamoDB does, and read no more than they answer."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from ministack.services import dynamodb

from infra.local.patches import table_queries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.local.account import Account

_LETTERS = "ab#/~é"
_STRINGS = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]


class Table:
    """A table and, beside it, what it should hold."""

    def __init__(self, aws: Account) -> None:
        self.client = aws.client("dynamodb")
        self.name = aws.name("queried")
        self.client.create_table(
            TableName=self.name,
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=_STRINGS,
            BillingMode="PAY_PER_REQUEST",
        )
        self.held: dict[str, str] = {}

    def put(self, key: str, value: str) -> None:
        item = {"pk": {"S": "p"}, "sk": {"S": key}, "value": {"S": value}}
        self.client.put_item(TableName=self.name, Item=item)
        self.held[key] = value

    def delete(self, key: str) -> None:
        self.client.delete_item(TableName=self.name, Key={"pk": {"S": "p"}, "sk": {"S": key}})
        self.held.pop(key, None)

    def transact(self, put: str, delete: str) -> None:
        item = {"pk": {"S": "p"}, "sk": {"S": put}, "value": {"S": "t"}}
        key = {"pk": {"S": "p"}, "sk": {"S": delete}}
        self.client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": self.name, "Item": item}},
                {"Delete": {"TableName": self.name, "Key": key}},
            ]
        )
        self.held[put] = "t"
        self.held.pop(delete, None)

    def pages(self, condition: str, values: dict[str, str], *, limit: int, forward: bool) -> list[list[str]]:
        """The sort keys of every page, with values looked at."""
        asked: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": f"#p = :p{condition}",
            "ExpressionAttributeNames": {"#p": "pk"} | ({"#s": "sk"} if condition else {}),
            "ExpressionAttributeValues": {":p": {"S": "p"}} | {k: {"S": v} for k, v in values.items()},
            "Limit": limit,
            "ScanIndexForward": forward,
        }
        pages = []
        while True:
            answer = self.client.query(**asked)
            assert all(item["value"]["S"] == self.held[item["sk"]["S"]] for item in answer["Items"])
            pages.append([item["sk"]["S"] for item in answer["Items"]])
            if "LastEvaluatedKey" not in answer:
                return pages
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


@pytest.fixture
def table(aws: Account) -> Iterator[Table]:
    made = Table(aws)
    yield made
    made.client.delete_table(TableName=made.name)


def key(chance: random.Random) -> str:
    return "".join(chance.choice(_LETTERS) for _ in range(chance.randint(1, 5)))


@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_written_and_asked_the_answer_is_right(table: Table, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same each time
    for _ in range(150):
        table.put(key(chance), "first")
    for _ in range(60):
        change = chance.random()
        if change < 0.4:
            table.put(key(chance), "second")
        elif change < 0.7:
            table.delete(chance.choice(sorted(table.held)))
        else:
            gone = chance.choice(sorted(table.held))
            table.transact(f"{gone}+", gone)
        low, high = sorted((key(chance), key(chance)))
        limit, forward = chance.randint(1, 40), chance.random() < 0.5
        for condition, values, wanted in (
            ("", {}, sorted(table.held)),
            (" AND begins_with(#s, :s)", {":s": low}, [k for k in sorted(table.held) if k.startswith(low)]),
            (
                " AND #s BETWEEN :a AND :b",
                {":a": low, ":b": high},
                [k for k in sorted(table.held) if low <= k <= high],
            ),
        ):
            pages = table.pages(condition, values, limit=limit, forward=forward)
            found = [one for page in pages for one in page]
            assert found == (wanted if forward else wanted[::-1])
            assert all(len(page) <= limit for page in pages)


def test_a_condition_that_is_none_is_refused_each_time(table: Table) -> None:
    table.put("a", "first")
    for _ in range(2):
        with pytest.raises(ClientError, match="Syntax error"):
            table.pages(" AND #s BETWEEN :a OR :b", {":a": "a", ":b": "b"}, limit=1, forward=True)
        assert table.pages(" AND #s BETWEEN :a AND :b", {":a": "a", ":b": "b"}, limit=2, forward=True) == [
            ["a"]
        ]


def test_stock_is_shown_no_more_than_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    items = {f"{number:03}": {"sk": {"S": f"{number:03}"}} for number in range(300)}
    held = {"pk_name": "pk", "sk_name": "sk", "items": {"p": items}, "AttributeDefinitions": _STRINGS}
    monkeypatch.setattr(dynamodb, "_tables", {"held": held})
    asked = {
        "TableName": "held",
        "KeyConditionExpression": "#p = :p AND #s BETWEEN :a AND :b",
        "ExpressionAttributeNames": {"#p": "pk", "#s": "sk"},
        "ExpressionAttributeValues": {":p": {"S": "p"}, ":a": {"S": "100"}, ":b": {"S": "199"}},
        "Limit": 10,
    }

    def shown(**more: Any) -> list[str]:
        found = table_queries._stretch(asked | more)
        assert found is not None
        return list(found[2])

    # Numbers have an order of their own, which is stock's to know.
    numbers = held | {"AttributeDefinitions": [{"AttributeName": "sk", "AttributeType": "N"}]}
    monkeypatch.setattr(dynamodb, "_tables", {"held": numbers})
    assert table_queries._stretch(asked) is None
    monkeypatch.setattr(dynamodb, "_tables", {"held": held})
    # One more than the page, so that stock knows whether it goes on.
    assert shown() == [f"{number}" for number in range(100, 111)]
    assert shown(ScanIndexForward=False) == [f"{number}" for number in range(189, 200)]
    start = {"pk": {"S": "p"}, "sk": {"S": "195"}}
    assert shown(ExclusiveStartKey=start) == ["196", "197", "198", "199"]


def test_keys_of_a_partition_that_was_replaced_are_forgotten() -> None:
    """Stock gives up a transaction by putting all partitions back."""

    def stock(table: dict[str, Any], pk: str, sk: str, *_: Any) -> Any:
        return table["items"][pk].pop(sk, None)

    held: dict[str, Any] = {"items": {"p": {f"{number:03}": {} for number in range(100)}}}
    assert len(table_queries._keys(held, "p", held["items"]["p"])) == 100
    held["items"] = {"p": {"new": {}}}
    assert table_queries._removing(stock)(held, "p", "new") == {}
    assert table_queries._keys(held, "p", held["items"]["p"]) == []
