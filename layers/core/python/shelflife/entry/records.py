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

from shelflife.kernel.names import METRICS_NAMESPACE

_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


@dataclass(slots=True)
class Record:
    """What is told of one event; `counts` are metrics beside the three that every event has."""

    door: str
    fields: dict[str, Any]
    failed: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    error: Exception | None = None

    def count(self, name: str, number: int) -> None:
        """Tell of something that should not happen, in both; what did not happen is not told."""
        if number:
            self.counts[name] = self.fields[name] = number


class Recorder:
    """Writes one log line and one metrics record per event, in one piece."""

    def __init__(self, service: str, level: int) -> None:
        self._service = service
        self._level = level
        self._embedded: dict[tuple[str, tuple[str, ...]], str] = {}

    def write(self, record: Record, milliseconds: float) -> None:
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
        counts = "".join(f',"{name}":[{count}.0]' for name, count in record.counts.items())
        return (
            f'{{"_aws":{{"Timestamp":{int(time.time() * 1000)},{self._head(record)}'
            f',"Events":[1.0],"Failures":[{int(record.failed)}.0],"Duration":[{milliseconds!r}]{counts}}}'
        )

    def _head(self, record: Record) -> str:
        """What is the same in every record of a door with these counts (EMF's directive)."""
        key = (record.door, tuple(record.counts))
        known = self._embedded.get(key)
        if known is None:
            units = {"Events": "Count", "Failures": "Count", "Duration": "Milliseconds"}
            units |= dict.fromkeys(record.counts, "Count")
            directive = {
                "Namespace": METRICS_NAMESPACE,
                "Dimensions": [["door", "service"]],
                "Metrics": [{"Name": name, "Unit": unit} for name, unit in units.items()],
            }
            dimensions = _encode({"door": record.door, "service": self._service})
            known = f'"CloudWatchMetrics":[{_encode(directive)}]}},{dimensions[1:-1]}'
            self._embedded[key] = known
        return known


def recorder(environ: Mapping[str, str] | None = None) -> Recorder:
    """The recorder of this process's service and log level."""
    known = os.environ if environ is None else environ
    level = logging.getLevelName(known.get("POWERTOOLS_LOG_LEVEL", "INFO").upper())
    service = known.get("POWERTOOLS_SERVICE_NAME", "shelflife")
    return Recorder(service, level if isinstance(level, int) else logging.INFO)


@lru_cache(maxsize=1)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(second))
