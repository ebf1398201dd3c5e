"""The values of metrics over time, in DynamoDB.

Items:  pk = HISTORY#<run id>#<era>#<key>        sk = <first timestamp>#<digest>   one metric's points
        pk = HISTORY#<run id>#<era>#<shelf>      sk = <first timestamp>#<digest>   points of several metrics

What one call logs of a metric is one item, whose points are compressed: a thousand values of one metric
are one write of a few KB, where an item per value would be a thousand. A call that logs many metrics puts
them together on a few shelves, by their keys, so that it is a single request. Logging the same again
writes the same items again; points that come a second time in another grouping are told apart when they
are read. A run's points are in eras of bounded size: no partition grows with the run.
"""

import hashlib
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan

from shelflife.aws.items import Item, Items
from shelflife.tracking.model import Metric, Run
from shelflife.tracking.packing import pack, unpack

#: Metrics of one call that get an item each; more go on shelves. Together one request.
_ALONE = 20
_SHELVES = 16
#: Begins the names of shelves; no metric's name has it.
_SHELF = "\x01"
#: Points of a run in one era, about.
ERA_POINTS = 250_000
_PAGE = 1000
#: [key, timestamp, step, value]
Point = tuple[str, int, int, str]


@dataclass(frozen=True, slots=True)
class DynamoMetricHistory:
    items: Items
    era_points: int = ERA_POINTS

    def append(self, run: Run, metrics: Sequence[Metric]) -> None:
        by_key: dict[str, list[Metric]] = defaultdict(list)
        for metric in metrics:
            by_key[metric.key].append(metric)
        groups: dict[str, list[Metric]] = defaultdict(list)
        for key, values in by_key.items():
            groups[key if len(by_key) <= _ALONE else _shelf(key)] += values
        era = self._era(run.points)
        chunks = [_item(_pk(run.run_id, era, group), values) for group, values in groups.items()]
        self.items.write_many(puts=chunks)

    def read(self, run: Run, key: str) -> list[Metric]:
        points = {
            tuple(point)
            for era in range(self._era(run.points) + 1)
            for group in (key, _shelf(key))
            for item in self._chunks(_pk(run.run_id, era, group))
            for point in unpack(item["points"])
            if point[0] == key
        }
        metrics = [Metric(key, float(value), timestamp, step) for _, timestamp, step, value in points]
        return sorted(metrics, key=_order)

    def forget(self, run: Run) -> None:
        """Remove all values of the run, which nobody logs to any more."""
        shelves = [f"{_SHELF}{number}" for number in range(_SHELVES)] if len(run.metrics) > _ALONE else []
        for era in range(self._era(run.points) + 1):
            for group in (*run.metrics, *shelves):
                self._forget(_pk(run.run_id, era, group))

    def _forget(self, pk: str) -> None:
        while found := self.items.query(pk, limit=_PAGE)[0]:
            self.items.write_many(deletes=[(item["pk"], item["sk"]) for item in found])

    def _era(self, points: int) -> int:
        return points // self.era_points

    def _chunks(self, pk: str) -> Iterator[Item]:
        cursor: str | None = None
        while True:
            found, cursor = self.items.query(pk, limit=_PAGE, cursor=cursor)
            yield from found
            if cursor is None:
                return


def _order(metric: Metric) -> tuple[int, int, float]:
    value = metric.value
    return metric.timestamp, metric.step, 0.0 if isnan(value) else value


def _shelf(key: str) -> str:
    """The shelf that a metric is on; no metric has such a name."""
    return f"{_SHELF}{zlib.crc32(key.encode()) % _SHELVES}"


def _pk(run_id: str, era: int, group: str) -> str:
    return f"HISTORY#{run_id}#{era}#{group}"


def _item(pk: str, metrics: Sequence[Metric]) -> Item:
    points = sorted({(m.key, m.timestamp, m.step, repr(m.value)) for m in metrics})
    first = min(metric.timestamp for metric in metrics)
    digest = hashlib.sha256(repr(points).encode()).hexdigest()[:32]
    return {"pk": pk, "sk": f"{first:020}#{digest}", "points": pack(points)}
