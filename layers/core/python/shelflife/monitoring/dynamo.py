"""Monitors and reports in DynamoDB.

Items:  pk = MONITOR#<deployment>   sk = MONITOR     (index `listed`: list_pk = MONITORS, list_sk = its name)
        pk = REPORTS#<deployment>   sk = <report id>

A monitor's item has several writers, and each changes its own attributes: `watched` (activations), `policy`
(people), `last_scan` and `announced` (scans).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, Write, is_contended, is_lost_condition
from shelflife.aws.outbox import news_write
from shelflife.contracts.monitoring import DriftDetected, LabelsReceived
from shelflife.kernel.paging import Page
from shelflife.monitoring.errors import MonitorNotFoundError, ScanOvertakenError
from shelflife.monitoring.model import Announcement, Monitor, ReportRecord, Scan, Watched
from shelflife.monitoring.policy import Policy
from shelflife.monitoring.settings import LISTED

_SORT_KEY = "MONITOR"
_LIST = "MONITORS"
_EXISTS = "attribute_exists(pk)"


@dataclass(frozen=True, slots=True)
class DynamoMonitors:
    items: Items

    def follow(self, watched: Watched) -> None:
        try:
            self.items.update(
                _key(watched.deployment),
                "SET watched = :w, activation = :a, list_pk = :p, list_sk = :s REMOVE last_scan, announced",
                values={
                    ":w": watched.model_dump(mode="json"),
                    ":a": _activation(watched),
                    ":p": _LIST,
                    ":s": watched.deployment,
                },
                condition="attribute_not_exists(pk) OR activation < :a",
            )
        except ClientError as error:
            if not is_lost_condition(error):
                raise

    def find(self, deployment: str) -> Monitor | None:
        item = self.items.get(*_key(deployment))
        return _monitor(item) if item else None

    def page(self, limit: int, cursor: str | None) -> Page[Monitor]:
        index = (LISTED.name, LISTED.partition_key, LISTED.sort_key)
        found, following = self.items.query(_LIST, limit=limit, cursor=cursor, index=index)
        return Page(items=tuple(_monitor(item) for item in found), next_cursor=following)

    def set_policy(self, deployment: str, policy: Policy) -> Monitor:
        values = {":p": policy.model_dump(mode="json")}
        try:
            item = self.items.update(_key(deployment), "SET policy = :p", values=values, condition=_EXISTS)
        except ClientError as error:
            if is_lost_condition(error):
                raise MonitorNotFoundError(deployment) from error
            raise
        return _monitor(item)

    def remove(self, deployment: str) -> None:
        try:
            self.items.delete(*_key(deployment), _EXISTS)
        except ClientError as error:
            if is_lost_condition(error):
                raise MonitorNotFoundError(deployment) from error
            raise

    def note(self, monitor: Monitor, scan: Scan) -> None:
        self._write(monitor, scan, [_scanned(monitor, scan, None)])

    def record(
        self, monitor: Monitor, scan: Scan, record: ReportRecord, news: DriftDetected | None = None
    ) -> None:
        announcement = (
            Announcement(report_id=record.report_id, announced_at=news.happened_at) if news else None
        )
        report = Write(
            put=record.model_dump(mode="json") | _report_key(record.deployment, record.report_id),
            condition="attribute_not_exists(pk)",
        )
        writes = [_scanned(monitor, scan, announcement), report]
        self._write(monitor, scan, writes + ([news_write(news)] if news else []))

    def tell(self, news: LabelsReceived) -> None:
        self.items.transact([news_write(news)])

    def report(self, deployment: str, report_id: str) -> ReportRecord | None:
        key = _report_key(deployment, report_id)
        item = self.items.get(key["pk"], key["sk"])
        return _record(item) if item else None

    def reports(self, deployment: str, limit: int, cursor: str | None) -> Page[ReportRecord]:
        found, following = self.items.query(
            _report_key(deployment, "")["pk"], limit=limit, cursor=cursor, newest_first=True
        )
        return Page(items=tuple(_record(item) for item in found), next_cursor=following)

    def _write(self, monitor: Monitor, scan: Scan, writes: Sequence[Write]) -> None:
        try:
            self.items.transact(writes)
        except ClientError as error:
            if is_lost_condition(error) or is_contended(error):
                raise ScanOvertakenError(monitor.deployment, scan.scan_id) from error
            raise


def _scanned(monitor: Monitor, scan: Scan, announcement: Announcement | None) -> Write:
    """The monitor's part: only while it still watches what was scanned, and nobody else announced."""
    set_to, condition = "SET last_scan = :s", "activation = :a"
    values: dict[str, Any] = {":s": scan.model_dump(mode="json"), ":a": _activation(monitor.watched)}
    if announcement:
        set_to += ", announced = :n"
        values[":n"] = announcement.model_dump(mode="json")
        condition += " AND attribute_not_exists(announced)"
        if monitor.announced:
            condition = "activation = :a AND announced.report_id = :r"
            values[":r"] = monitor.announced.report_id
    pk, sk = _key(monitor.deployment)
    return Write(key={"pk": pk, "sk": sk}, update=set_to, condition=condition, values=values)


def _key(deployment: str) -> tuple[str, str]:
    return f"MONITOR#{deployment}", _SORT_KEY


def _report_key(deployment: str, report_id: str) -> dict[str, str]:
    return {"pk": f"REPORTS#{deployment}", "sk": report_id}


def _activation(watched: Watched) -> str:
    """Text that sorts by time: always with microseconds, which the model's own text leaves out when zero."""
    return watched.activated_at.astimezone(UTC).isoformat(timespec="microseconds")


def _monitor(item: Item) -> Monitor:
    return Monitor.model_validate({name: item[name] for name in Monitor.model_fields if name in item})


def _record(item: Item) -> ReportRecord:
    return ReportRecord.model_validate({name: item[name] for name in ReportRecord.model_fields})
