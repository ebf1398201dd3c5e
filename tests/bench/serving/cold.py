"""From the start of a process to its first answer: the model's record and file come over loopback HTTP.

The interpreter is isolated and sees the function's folder, its layers with their bytecode and boto3. There is
no Extensions API, so the answer waits for its capture to be sent, too. What it is compared with does less: it
loads no model, and answers nothing.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import Figure, repeated
from tests.bench.serving.asking import as_matrix, event
from tests.bench.serving.cloud import cloud
from tests.bench.serving.models import model
from tests.bench.serving.places import FUNCTION, PROGRAMS, built, layer_path, predict_path, runtime_path
from tests.bench.serving.quiet import quiet
from tests.bench.serving.servers import peak_kb, python_of, started
from tests.bench.serving.the_peers import seed

_RUNS = repeated(9)
_SHARE = 0.75
_FASTER = 5.0
_MEMORY_MB = 130.0


@dataclass(frozen=True, slots=True)
class Birth:
    """Seconds until a process said that it is there, and its peak memory until then."""

    seconds: float
    peak_mb: float


def run() -> list[Figure]:
    built()
    trees = model("trees")
    with quiet(), cloud(trees) as behind, tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "event.json"
        asked.write_text(json.dumps(event("trees", as_matrix(trees, 1))))
        environ = behind.environment(FUNCTION)
        ours = _isolated("cold_predict.py", [asked, *predict_path()], environ)
        naive = _isolated("cold_naive.py", [*layer_path(), *runtime_path()], environ)
        cases: dict[str, Callable[[], Birth]] = {"ours": ours, "naive": naive}
        if python_of("seed") is not None:
            cases["seed"] = _seed
        births: dict[str, list[Birth]] = {name: [] for name in cases}
        for _ in range(_RUNS):
            for name, birth in cases.items():
                births[name].append(birth())
    return _figures(births)


def _isolated(program: str, arguments: Sequence[Path], environ: Mapping[str, str]) -> Callable[[], Birth]:
    command = [sys.executable, "-I", "-S", str(PROGRAMS / program), *map(str, arguments)]

    def birth() -> Birth:
        began = time.perf_counter()
        with subprocess.Popen(
            command,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stderr is not None
            told = process.stderr.readline()
            took = time.perf_counter() - began
            if told != b"answered\n":
                raise RuntimeError((told + process.stderr.read()).decode())
            # It waits for the end of its input, so it is there still.
            return Birth(took, peak_kb(process.pid) / 1024)

    return birth


def _seed() -> Birth:
    with started(seed()) as server:
        return Birth(server.seconds, peak_kb(server.process.pid) / 1024)


def _figures(births: Mapping[str, Sequence[Birth]]) -> list[Figure]:
    seconds = {name: [birth.seconds for birth in its] for name, its in births.items()}
    share = _ratio(seconds["ours"], seconds["naive"])
    figures = [
        Figure("onnxruntime, then boto3 with two clients", _ms(seconds["naive"]), "ms", runs=_RUNS),
        Figure("serving/predict, to its first answer", _ms(seconds["ours"]), "ms", runs=_RUNS),
        Figure("  as a share of the former", share, "x", _SHARE, _RUNS),
        Figure("  peak memory", max(birth.peak_mb for birth in births["ours"]), "MB", _MEMORY_MB, _RUNS),
    ]
    if "seed" in seconds:
        share = _ratio(seconds["ours"], seconds["seed"])
        figures += [
            Figure("FastAPI and joblib, to its first answer", _ms(seconds["seed"]), "ms", runs=_RUNS),
            Figure("  serving/predict, as a share of it", share, "x", 1 / _FASTER, _RUNS),
        ]
    return figures


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Of runs that followed each other, so that both had the same machine."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def _ms(seconds: Sequence[float]) -> float:
    return statistics.median(seconds) * 1000
