"""What a function does before its first event, in Lambda's init phase: it can fail, and the start cannot."""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from shelflife.entry.records import Record, recorder
from shelflife.kernel.names import Context

#: A step answers fields of its log line; `failed`, if it is there and true, is told as a failure.
Step = Callable[[], Mapping[str, Any]]


def initialize(context: Context, steps: Callable[[], Mapping[str, Step]]) -> None:
    """Take the steps, each with a log line and a metrics record of its own; an error ends only its own."""
    known: Mapping[str, Step] = {}
    record = Record(f"{context}/init", {})
    try:
        known = steps()
    except Exception as error:  # noqa: BLE001 - events are answered without what was to be prepared, only later
        record.error, record.failed = error, True
        recorder(waited_for=False).write(record, 0.0)
    for name, step in known.items():
        _take(Record(f"{context}/init", {"step": name}), step)


def _take(record: Record, step: Step) -> None:
    began = perf_counter()
    try:
        record.fields |= step()
        record.failed = bool(record.fields.get("failed"))
    except Exception as error:  # noqa: BLE001 - as above
        record.error, record.failed = error, True
    recorder(waited_for=False).write(record, (perf_counter() - began) * 1000)
