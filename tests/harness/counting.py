"""What a process asks of DynamoDB: requests, items, and capacity units as the answers tell them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from shelflife.aws.clients import client

_READS: Final = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"})
_COUNTED: Final = _READS | {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}


@dataclass
class Counted:
    """Requests, items that came back, and capacity units of reads and writes."""

    requests: int = 0
    items: int = 0
    reads: float = 0
    writes: float = 0
    by_name: dict[str, int] = field(default_factory=dict)

    def note(self, name: str, answer: Any) -> None:
        self.requests += 1
        self.by_name[name] = self.by_name.get(name, 0) + 1
        self.items += len(answer.get("Items", ())) + ("Item" in answer)
        self.items += sum(len(found) for found in answer.get("Responses", {}).values() if name in _READS)
        told = answer.get("ConsumedCapacity") or []
        units = sum(one["CapacityUnits"] for one in (told if isinstance(told, list) else [told]))
        if name == "BatchGetItem":
            # Each item by itself, by DynamoDB's rule; the emulator adds their bytes up first.
            units = sum(_read_units(item) for found in answer["Responses"].values() for item in found)
        if name in _READS:
            self.reads += units
        else:
            self.writes += units


def _read_units(item: Any) -> int:
    """One for every 4 KB that are begun, read consistently; bytes count about as they are shown."""
    return len(json.dumps(item, default=str)) // 4096 + 1


@contextmanager
def counting() -> Iterator[Counted]:
    """What is asked of DynamoDB meanwhile, by this process's client."""
    counted, events = Counted(), client("dynamodb").meta.events

    def ask(params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name in _COUNTED:
            params["ReturnConsumedCapacity"] = "TOTAL"

    def note(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name in _COUNTED:
            counted.note(model.name, parsed)

    events.register("provide-client-params.dynamodb", ask)
    events.register("after-call.dynamodb", note)
    try:
        yield counted
    finally:
        events.unregister("provide-client-params.dynamodb", ask)
        events.unregister("after-call.dynamodb", note)
