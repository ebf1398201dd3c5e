"""The commands that people wait for. Tests are left out: they take what CI shows that they take."""

import json
import statistics
import subprocess

from infra.config import ROOT
from tests.bench.measure import Figure, seconds

_RUNS = 3


def run() -> list[Figure]:
    checks = [seconds(lambda: _make("check")) for _ in range(_RUNS)]
    demo = seconds(lambda: _make("demo"))
    told = json.loads((ROOT / ".build/demo/summary.json").read_text())["seconds"]
    steps = sorted(((took, step) for step, took in told.items() if step != "total"), reverse=True)
    return [
        Figure("make check", statistics.median(checks), "s", 60, _RUNS),
        Figure("make demo, not the first time", demo, "s", 180),
        *(Figure(f"  {step}", took, "s") for took, step in steps),
    ]


def _make(target: str) -> None:
    subprocess.run(["make", target], cwd=ROOT, check=True, capture_output=True)
