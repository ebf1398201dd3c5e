"""What a removed model leaves behind in DynamoDB (keys.py), cleared away piece by piece."""

from collections.abc import Iterator
from dataclasses import dataclass

from shelflife.aws.items import Item, Items, Write
from shelflife.registry import keys

#: A version takes up to three of a transaction's hundred writes.
_AT_ONCE = 33


@dataclass(frozen=True, slots=True)
class DynamoLeftovers:
    items: Items

    def clear(self, model_id: str) -> None:
        if self.items.get(*keys.place(keys.id_key(model_id))) is not None:
            return
        while True:
            found, _ = self.items.query(keys.model_pk(model_id), limit=_AT_ONCE)
            if not found:
                return
            self.items.transact([write for item in found for write in _removal(item, model_id)])


def _removal(item: Item, model_id: str) -> Iterator[Write]:
    """What leads to a version goes with it, in one transaction: a cut leaves nothing that nobody finds."""
    pk, sk = keys.place(item)
    yield Write(delete={"pk": pk, "sk": sk})
    if sk.startswith(keys.VERSIONS):
        if item.get("run_id"):
            yield Write(delete=keys.run_key(item["run_id"], model_id, item["version"]))
        if item.get("job_id"):
            yield Write(delete=keys.job_key(model_id, item["job_id"]))
