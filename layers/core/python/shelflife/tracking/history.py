"""The values of metrics over time, in DynamoDB.

Items:  pk = HISTORY#<run id>#<key>   sk = <first timestamp>#<digest of the points>

What one call logs of a metric is one item, whose points are compressed: a batch of a thousand values of
one metric is one write of a few KB, where an item per value would be a thousand writes to one partition, as
many as it takes in a second. Logging the same again writes the same item again; points that come a second
time in another grouping are told apart when they are read.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from time import sleep
from typing import Any

from shelflife.aws.items import Item, Items, to_item
from shelflife.tracking.errors import HistoryNotWrittenError
from shelflife.tracking.model import Metric
from shelflife.tracking.packing import pack, unpack

#: DynamoDB's limit of a batch.
_BATCH = 25
_ATTEMPTS = 6
_PAUSE_SECONDS = 0.1
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class DynamoMetricHistory:
    items: Items

    def append(self, run_id: str, metrics: Sequence[Metric]) -> None:
        by_key: dict[str, list[Metric]] = defaultdict(list)
        for metric in metrics:
            by_key[metric.key].append(metric)
        chunks = iter([_item(run_id, key, values) for key, values in by_key.items()])
        while batch := list(islice(chunks, _BATCH)):
            self._write(run_id, batch)

    def read(self, run_id: str, key: str) -> list[Metric]:
        points = {
            point for item in self._chunks(_pk(run_id, key)) for point in map(tuple, unpack(item["points"]))
        }
        metrics = [Metric(key, float(value), timestamp, step) for timestamp, step, value in points]
        return sorted(metrics, key=_order)

    def _chunks(self, pk: str) -> Iterator[Item]:
        cursor: str | None = None
        while True:
            found, cursor = self.items.query(pk, limit=_PAGE, cursor=cursor)
            yield from found
            if cursor is None:
                return

    def _write(self, run_id: str, batch: list[Item]) -> None:
        """Put the items; those that DynamoDB leaves over are put again."""
        table = self.items.table_name
        left: Any = {table: [{"PutRequest": {"Item": to_item(item)}} for item in batch]}
        for attempt in range(_ATTEMPTS):
            sleep(_PAUSE_SECONDS * attempt)
            left = self.items.client.batch_write_item(RequestItems=left)["UnprocessedItems"]
            if not left:
                return
        raise HistoryNotWrittenError(run_id, len(left[table]))


def _order(metric: Metric) -> tuple[int, int, float]:
    step, timestamp, value = metric.rank
    return timestamp, step, value


def _pk(run_id: str, key: str) -> str:
    return f"HISTORY#{run_id}#{key}"


def _item(run_id: str, key: str, metrics: Sequence[Metric]) -> Item:
    points = sorted({(metric.timestamp, metric.step, repr(metric.value)) for metric in metrics})
    digest = hashlib.sha256(repr(points).encode()).hexdigest()[:32]
    return {"pk": _pk(run_id, key), "sk": f"{points[0][0]:020}#{digest}", "points": pack(points)}
