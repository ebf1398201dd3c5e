"""One log line and one metrics record per event, whatever the door; never payloads, never predictions."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cache
from time import perf_counter
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from shelflife.kernel.names import METRICS_NAMESPACE

_SERVICE_VARIABLE = "POWERTOOLS_SERVICE_NAME"


@cache
def logger() -> Logger:
    return Logger(service=os.environ.get(_SERVICE_VARIABLE, "shelflife"), utc=True)


@cache
def metrics() -> Metrics:
    return Metrics(namespace=METRICS_NAMESPACE, service=os.environ.get(_SERVICE_VARIABLE, "shelflife"))


class Outcome:
    """What a door learns while it works; logged when it is done."""

    def __init__(self, door: str) -> None:
        self.door = door
        self.failed = False
        self.fields: dict[str, Any] = {}

    def note(self, **fields: Any) -> None:
        self.fields.update(fields)


@contextmanager
def observed(door: str, context: Any, fields: Mapping[str, Any] | None = None) -> Generator[Outcome]:
    """Time an event and say how it ended; an exception is logged with its trace and rises on."""
    outcome = Outcome(door)
    outcome.note(request_id=getattr(context, "aws_request_id", ""), **(fields or {}))
    began = perf_counter()
    try:
        yield outcome
    except Exception:
        outcome.failed = True
        logger().exception("failed", extra={"door": outcome.door, **outcome.fields})
        raise
    else:
        elapsed = round((perf_counter() - began) * 1000, 3)
        logger().info("done", extra={"door": outcome.door, "milliseconds": elapsed, **outcome.fields})
    finally:
        _count(outcome, (perf_counter() - began) * 1000)


def _count(outcome: Outcome, milliseconds: float) -> None:
    record = metrics()
    record.add_dimension(name="door", value=outcome.door)
    record.add_metric(name="Events", unit=MetricUnit.Count, value=1)
    record.add_metric(name="Failures", unit=MetricUnit.Count, value=int(outcome.failed))
    record.add_metric(name="Duration", unit=MetricUnit.Milliseconds, value=milliseconds)
    record.flush_metrics()
