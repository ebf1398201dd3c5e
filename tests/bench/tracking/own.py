"""What of a search is the handler's: it runs in this process, its tables in the emulator's.

It reads as functions do in Lambda, without botocore; requests are counted by botocore, in a call apart.
"""

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from functions.tracking.api.handler import handler as api
from infra.config import ROOT
from tests.bench.measure import Figure
from tests.bench.tracking.asking import API, FILTER, ORDER, PAGE
from tests.bench.tracking.counts import _ask
from tests.harness.cloud import forget_wiring
from tests.harness.counting import Counted, counting


@dataclass(frozen=True, slots=True)
class Own:
    """Medians of a search: all of it, and the processor's time in it. The rest is waiting for the tables."""

    seconds: float
    processor_seconds: float
    turns: int
    counted: Counted

    def figures(self, name: str) -> list[Figure]:
        return [
            Figure(f"{name}: the handler", self.seconds * 1000, "ms", None, self.turns),
            Figure(f"{name}: its own processor time", self.processor_seconds * 1000, "ms", None, self.turns),
            Figure(f"{name}: requests", self.counted.requests, ""),
            Figure(f"{name}: items read", self.counted.items, ""),
            Figure(f"{name}: read units", self.counted.reads, ""),
        ]


def searches(experiments: Sequence[str], turns: int) -> list[Own]:
    """The first page of each experiment, by turns."""
    taken: dict[str, list[tuple[float, float]]] = {experiment: [] for experiment in experiments}
    with _as_in_lambda():
        for turn in range(turns + 1):
            for experiment, found in taken.items():
                took = _searched(experiment)
                if turn:
                    found.append(took)
    counted = [_counted(experiment) for experiment in experiments]
    return [_own(found, counts) for found, counts in zip(taken.values(), counted, strict=True)]


def _own(taken: Sequence[tuple[float, float]], counted: Counted) -> Own:
    whole, worked = zip(*taken, strict=True)
    return Own(statistics.median(whole), statistics.median(worked), len(taken), counted)


def _searched(experiment: str) -> tuple[float, float]:
    body: dict[str, Any] = {
        "experiment_ids": [experiment],
        "filter": FILTER,
        "order_by": [ORDER],
        "max_results": PAGE,
    }
    began, worked = time.perf_counter(), time.process_time()
    found = _ask(api, "POST", f"{API}/runs/search", body)
    took = time.perf_counter() - began, time.process_time() - worked
    if len(found["runs"]) != PAGE:
        raise RuntimeError(f"{len(found['runs'])} runs were found")
    return took


def _counted(experiment: str) -> Counted:
    _searched(experiment)
    with counting() as counted:
        _searched(experiment)
    return counted


@contextmanager
def _as_in_lambda() -> Iterator[None]:
    os.environ["LAMBDA_TASK_ROOT"] = str(ROOT)
    forget_wiring()
    try:
        yield
    finally:
        del os.environ["LAMBDA_TASK_ROOT"]
        forget_wiring()
