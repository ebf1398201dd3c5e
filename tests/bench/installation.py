"""The local cloud: up with every stack, again with nothing changed, and how long synthesis takes."""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.config import ROOT
from infra.installation import Installation, synthesized
from tests.bench.measure import Figure, seconds

_RUNS = 3


def run() -> list[Figure]:
    synthesized("local", lambda _: None)
    fresh, unchanged = [], []
    for _ in range(_RUNS):
        with tempfile.TemporaryDirectory() as folder:
            fresh.append(_up(Path(folder)))
            unchanged.append(_up(Path(folder)))
    return [
        Figure("local cloud up, every stack deployed", statistics.median(fresh), "s", 30, _RUNS),
        Figure("started again, nothing changed", statistics.median(unchanged), "s", 3, _RUNS),
        Figure("synth of the stage local", statistics.median(_synth() for _ in range(_RUNS)), "s", 15, _RUNS),
    ]


def _up(folder: Path) -> float:
    installation = Installation(folder, lambda _: None)
    try:
        return seconds(installation.start)
    finally:
        installation.stop()


def _synth() -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "infra.app", "local", folder]
        environment = os.environ | {"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20"}
        return seconds(lambda: subprocess.run(command, cwd=ROOT, env=environment, check=True))
