"""How things are measured: medians of a few runs, and a budget where one was promised."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Figure:
    """One measured value; `budget` is the most that it may be."""

    name: str
    value: float
    unit: str
    budget: float | None = None
    runs: int = 1

    @property
    def missed(self) -> bool:
        return self.budget is not None and self.value > self.budget

    def told(self) -> str:
        limit = "" if self.budget is None else f"  (budget {self.budget:g} {self.unit})"
        verdict = "  MISSED" if self.missed else ""
        of = f", median of {self.runs}" if self.runs > 1 else ""
        return f"{self.name:<46} {self.value:10.3f} {self.unit}{of}{limit}{verdict}"


def repeated(times: int) -> int:
    """How often something is measured: a third as often with `BENCH_QUICK` in the environment."""
    return max(1, times // 3) if os.environ.get("BENCH_QUICK") else times


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median(work: Callable[[], object], runs: int) -> float:
    """Median seconds of some runs, after one that does not count."""
    work()
    return statistics.median(seconds(work) for _ in range(runs))
