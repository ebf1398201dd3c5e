"""A query reads what it answers, as DynamoDB's do.

Stock sorts the whole partition at every query and looks at each of its items, so that a query of ten items
takes as long as the partition is large. Here the sort keys of a partition are kept in order, and stock is
shown only the stretch that a page can come from; the answer is stock's own. It also checks a condition's
grammar once, where stock does so for every item.
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ministack.services import dynamodb

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.patches import Cloud

#: Below this, stock's way is as good.
_SMALL: Final = 64
_NAME: Final = r"([#\w]+)"
_PARTITION: Final = re.compile(rf"\s*{_NAME}\s*=\s*(:\w+)\s*")
_PREFIX: Final = re.compile(rf"\s*begins_with\s*\(\s*{_NAME}\s*,\s*(:\w+)\s*\)\s*", re.IGNORECASE)
_BETWEEN: Final = re.compile(rf"\s*{_NAME}\s+BETWEEN\s+(:\w+)\s+AND\s+(:\w+)\s*", re.IGNORECASE)
_AND: Final = re.compile(r"\s+AND\s+", re.IGNORECASE)

Bucket = dict[str, Any]
#: The sort keys of partitions in order, by table and partition key, with the partition that they are of.
_shown: ContextVar[tuple[Any, Any] | None] = ContextVar("shown", default=None)
_ordered: dict[tuple[int, str], tuple[Bucket, list[str]]] = {}


def apply(_cloud: Cloud) -> None:
    kind = type(dynamodb._tables)
    # The tables' own methods are read-only, and others hold this very object.
    dynamodb._tables.__class__ = type(kind.__name__, (kind,), {"__slots__": (), "get": _looking_up(kind.get)})
    dynamodb._query = _querying(dynamodb._query)
    dynamodb._set_item = _setting(dynamodb._set_item)
    dynamodb._remove_item = _removing(dynamodb._remove_item)
    dynamodb._condition_syntax_error = lru_cache(maxsize=1024)(dynamodb._condition_syntax_error)


def _querying(stock: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def query(data: dict[str, Any]) -> Any:
        found = _stretch(data)
        if found is None:
            return stock(data)
        table, pk, stretch = found
        # A copy, which this query alone sees: expiry and state machines write to the table in other threads.
        token = _shown.set((table, {**table, "items": {pk: stretch}}))
        try:
            return stock(data)
        finally:
            _shown.reset(token)

    return query


def _looking_up(stock: Callable[..., Any]) -> Callable[..., Any]:
    def get(tables: Any, name: Any, default: Any = None) -> Any:
        table, shown = stock(tables, name, default), _shown.get()
        return shown[1] if shown is not None and table is shown[0] else table

    return get


def _setting(stock: Callable[..., Any]) -> Callable[..., Any]:
    def set_item(table: dict[str, Any], pk: Any, sk: Any, item: Any) -> Any:
        kept = _kept(table, pk)
        new = kept is not None and sk not in kept[0]
        old = stock(table, pk, sk, item)
        if kept is not None and new:
            insort(kept[1], sk)
        return old

    return set_item


def _removing(stock: Callable[..., Any]) -> Callable[..., Any]:
    def remove_item(table: dict[str, Any], pk: Any, sk: Any) -> Any:
        kept = _kept(table, pk)
        old = stock(table, pk, sk)
        if kept is not None and old is not None:
            del kept[1][bisect_left(kept[1], sk)]
            if not kept[1]:
                del _ordered[id(table), pk]
        return old

    return remove_item


def _stretch(data: dict[str, Any]) -> tuple[dict[str, Any], str, Bucket] | None:
    """The table, which one is asked, and what of it the page comes from; or stock does it."""
    table = dynamodb._tables.get(data.get("TableName"))
    if table is None or data.get("IndexName") or not data.get("Limit"):
        return None
    asked = _asked(data, table)
    if asked is None:
        return None
    pk, low, high = asked
    bucket = table["items"].get(pk)
    if bucket is None or len(bucket) < _SMALL:
        return None
    keys = _keys(table, pk, bucket)
    first = bisect_left(keys, low)
    last = len(keys) if high is None else bisect_right(keys, high)
    start = data.get("ExclusiveStartKey")
    most = int(data["Limit"]) + 1
    if data.get("ScanIndexForward", True):
        first = max(first, bisect_right(keys, start[table["sk_name"]]["S"])) if start else first
        chosen = keys[first : min(last, first + most)]
    else:
        last = min(last, bisect_left(keys, start[table["sk_name"]]["S"])) if start else last
        chosen = keys[max(first, last - most) : last]
    return table, pk, {key: bucket[key] for key in chosen}


def _asked(data: dict[str, Any], table: dict[str, Any]) -> tuple[str, str, str | None] | None:
    """Partition, and the lowest and highest sort key; nothing if it is asked for in another way."""
    names, values = data.get("ExpressionAttributeNames") or {}, data.get("ExpressionAttributeValues") or {}
    first, *rest = _AND.split(data.get("KeyConditionExpression") or "", maxsplit=1)
    found = _PARTITION.fullmatch(first)
    pk = _text(values, found[2]) if found and _is(found[1], table["pk_name"], names) else None
    # Numbers and bytes have an order of their own.
    if pk is None or dynamodb._get_attr_type(table, table.get("sk_name")) != "S" or not _starts(data, table):
        return None
    if not rest:
        return pk, "", None
    between, prefix = _BETWEEN.fullmatch(rest[0]), _PREFIX.fullmatch(rest[0])
    if between and _is(between[1], table["sk_name"], names):
        low, high = _text(values, between[2]), _text(values, between[3])
        return None if low is None or high is None else (pk, low, high)
    if prefix and _is(prefix[1], table["sk_name"], names):
        low = _text(values, prefix[2])
        return None if low is None else (pk, low, low + "\U0010ffff")
    return None


def _starts(data: dict[str, Any], table: dict[str, Any]) -> bool:
    """Whether the page's start is one that can be looked up, or none."""
    start = data.get("ExclusiveStartKey")
    return start is None or (isinstance(start, dict) and _text(start, table["sk_name"]) is not None)


def _is(said: str, name: str, names: dict[str, str]) -> bool:
    return bool(names.get(said, said) == name)


def _text(values: dict[str, Any], name: str) -> str | None:
    value = values.get(name)
    text = value.get("S") if isinstance(value, dict) else None
    return text if isinstance(text, str) else None


def _keys(table: dict[str, Any], pk: str, bucket: Bucket) -> list[str]:
    kept = _kept(table, pk)
    # What came in by another way shows in the size.
    if kept is None or len(kept[1]) != len(bucket):
        kept = bucket, sorted(bucket)
        _ordered[id(table), pk] = kept
    return kept[1]


def _kept(table: dict[str, Any], pk: Any) -> tuple[Bucket, list[str]] | None:
    """The partition's keys in order, unless they are of a partition that is gone."""
    kept = _ordered.get((id(table), pk))
    if kept is not None and kept[0] is not table["items"].get(pk):
        del _ordered[id(table), pk]
        return None
    return kept
