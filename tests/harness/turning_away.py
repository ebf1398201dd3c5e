"""A table that turns calls away, as DynamoDB does."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from shelflife.aws.items import Items


class TurningAway:
    """DynamoDB, which turns the first calls away."""

    def __init__(self, items: Items, times: int, refused: Callable[[dict[str, Any]], Any]) -> None:
        self._client = items.client
        self._times = times
        self._refused = refused

    def __getattr__(self, name: str) -> Any:
        def call(**asked: Any) -> Any:
            if not self._times:
                return getattr(self._client, name)(**asked)
            self._times -= 1
            return self._refused(asked)

        return call


def turning_away(items: Items, times: int, refused: Callable[[dict[str, Any]], Any]) -> Items:
    known: Any = TurningAway(items, times, refused)
    return replace(items, client=known)


def told(code: str, *reasons: str) -> Callable[..., Any]:
    def refused(*_: Any) -> Any:
        answer: Any = {"Error": {"Code": code, "Message": "not now"}}
        if reasons:
            answer["CancellationReasons"] = [{"Code": reason} for reason in reasons]
        raise ClientError(answer, "PutItem")

    return refused


def contended(items: Items) -> Items:
    """The table while somebody else's transaction is under way with what the next one writes."""
    refused = told("TransactionCanceledException", "None", "TransactionConflict")
    return Items(_Contended(items, refused), items.table_name)  # type: ignore[arg-type]  # a client in part


class _Contended:
    def __init__(self, items: Items, refused: Callable[..., Any]) -> None:
        self._client = items.client
        self.transact_write_items = lambda **_: refused()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
