"""A search of 100,000 runs beside one of 10,000: the handler's own time and requests, in the emulator."""

import os

from tests.bench.measure import Figure, repeated
from tests.bench.serving.quiet import quiet
from tests.bench.tracking.filling import filled
from tests.bench.tracking.own import Own, searches
from tests.bench.tracking.tables import tables

_LARGE = int(os.environ.get("BENCH_GROWN_RUNS", str(100_000)))
_SMALL = _LARGE // 10
_TURNS = repeated(30)
_SHARE = 1.3


def run() -> list[Figure]:
    with quiet(), tables():
        small, large = searches([filled(runs) for runs in (_SMALL, _LARGE)], _TURNS)
    return [
        *_told(_SMALL, small),
        *_told(_LARGE, large),
        Figure("the larger one's time, of the smaller one's", large.seconds / small.seconds, "", _SHARE),
    ]


def _told(runs: int, own: Own) -> list[Figure]:
    return own.figures(f"search of {runs} runs")
