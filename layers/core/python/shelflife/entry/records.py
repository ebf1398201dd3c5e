"""The log line and the metrics record of observe.py, written by hand.

For the door on whose path the libraries' 100 microseconds per event and 36 milliseconds per cold start
count (docs: performance). What is written has the same fields in the same form: a test compares them.
"""

import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from shelflife.kernel.names import METRICS_NAMESPACE, Metric, Unit

_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode
#: Directives that are kept made; more than a process has variants, less than would be felt.
_KEPT_HEADS = 1024


@dataclass(slots=True)
class Record:
    """What is told of one event; `measures` are metrics beside the three that every event has."""

    door: str
    fields: dict[str, Any]
    failed: bool = False
    measures: dict[tuple[str, str], float] = field(default_factory=dict)
    subject: tuple[str, str] | None = None
    error: Exception | None = None

    def about(self, *, deployment: str, variant: str) -> None:
        """Count the event under its deployment and variant, too.

        Both have to be known to exist: every new pair is a new set of metrics, which costs money.
        """
        self.subject = (deployment, variant)
        self.fields["deployment"] = deployment
        self.fields["variant"] = variant

    def measure(self, name: str, value: float, unit: str = Unit.COUNT) -> None:
        """Tell a metric of the event, also if it is 0; the log line does not have it."""
        self.measures[name, unit] = value

    def count(self, name: str, number: int) -> None:
        """Tell of something that should not happen, in both; what did not happen is not told."""
        if number:
            self.measures[name, Unit.COUNT] = self.fields[name] = number


class Recorder:
    """Writes one log line and one metrics record per event, in one piece.

    `cold` says that whoever calls first waited for this process to start.
    """

    def __init__(self, service: str, level: int, *, cold: bool = False) -> None:
        self._service = service
        self._level = level
        self._cold = cold
        self._embedded: dict[tuple[Any, ...], str] = {}

    def write(self, record: Record, milliseconds: float) -> None:
        if self._cold:
            self._cold = False
            record.count(Metric.COLD_START, 1)
        lines = f"{self._metrics(record, milliseconds)}\n"
        if record.error is not None or self._level <= logging.INFO:
            lines = f"{self._log(record, milliseconds)}\n{lines}"
        # Looked up each time: Lambda's runtime and tests put their own in its place.
        sys.stdout.write(lines)
        sys.stdout.flush()

    def _log(self, record: Record, milliseconds: float) -> str:
        now = time.time()
        line: dict[str, Any] = {
            "level": "ERROR" if record.error is not None else "INFO",
            "location": "records.write",
            "message": "unexpected" if record.error is not None else "done",
            "timestamp": f"{_second(int(now))},{int(now * 1000) % 1000:03d}+0000",
            "service": self._service,
            "door": record.door,
            "milliseconds": round(milliseconds, 3),
            **record.fields,
        }
        if record.error is not None:
            line["exception"] = "".join(traceback.format_exception(record.error))
            line["exception_name"] = type(record.error).__name__
        return _encode(line)

    def _metrics(self, record: Record, milliseconds: float) -> str:
        told = "".join([f',"{name}":[{float(value)!r}]' for (name, _), value in record.measures.items()])
        return (
            f'{{"_aws":{{"Timestamp":{int(time.time() * 1000)},{self._head(record)}'
            f',"Events":[1.0],"Failures":[{int(record.failed)}.0],"Duration":[{milliseconds!r}]{told}}}'
        )

    def _head(self, record: Record) -> str:
        """What is the same in every record of a door about one subject with these metrics."""
        key = (record.door, record.subject, record.failed, *record.measures)
        known = self._embedded.get(key)
        if known is None:
            if len(self._embedded) >= _KEPT_HEADS:
                self._embedded.clear()
            known = self._embedded[key] = self._directive(record)
        return known

    def _directive(self, record: Record) -> str:
        """EMF's directive and the values of its dimensions.

        The service alone is what alarms watch: predictions, whatever failed, and whatever has more to tell;
        health checks would only thin them out.
        """
        sets = [["door", "service"]]
        dimensions = {"door": record.door, "service": self._service}
        if record.failed or record.subject or record.measures:
            sets.append(["service"])
        if record.subject:
            sets.append(["deployment", "variant"])
            dimensions["deployment"], dimensions["variant"] = record.subject
        units = {Metric.EVENTS: Unit.COUNT, Metric.FAILURES: Unit.COUNT, Metric.DURATION: Unit.MILLISECONDS}
        directive = {
            "Namespace": METRICS_NAMESPACE,
            "Dimensions": sets,
            "Metrics": [{"Name": name, "Unit": unit} for name, unit in (*units.items(), *record.measures)],
        }
        return f'"CloudWatchMetrics":[{_encode(directive)}]}},{_encode(dimensions)[1:-1]}'


def recorder(environ: Mapping[str, str] | None = None, *, waited_for: bool = True) -> Recorder:
    """The recorder of this process's service and log level; `waited_for` if somebody waits for its events."""
    known = os.environ if environ is None else environ
    level = logging.getLevelName(known.get("POWERTOOLS_LOG_LEVEL", "INFO").upper())
    return Recorder(
        known.get("POWERTOOLS_SERVICE_NAME", "shelflife"),
        level if isinstance(level, int) else logging.INFO,
        # A provisioned process starts before anybody waits for it.
        cold=waited_for
        and known.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand") != "provisioned-concurrency",
    )


@lru_cache(maxsize=1)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(second))
