"""A search of 100,000 runs beside one of 10,000: the handler's own time and requests, in the emulator.

Runs are put into the table as the store puts them, with their index entries: logging each would take an hour.
"""

import os
import statistics
import time
from collections.abc import Iterator
from typing import Any

from functions.tracking.api.handler import handler as api
from shelflife.aws.items import Item
from shelflife.tracking.dynamo_index import place_pk
from shelflife.tracking.dynamo_runs import _run_item
from shelflife.tracking.index_entries import entries_of, sort_key
from shelflife.tracking.model import Metric, Run, RunStatus
from shelflife.tracking.wiring import _items
from tests.bench.measure import Figure, repeated
from tests.bench.serving.quiet import quiet
from tests.bench.tracking.asking import API, FILTER, ORDER, PAGE
from tests.bench.tracking.counts import _ask
from tests.bench.tracking.tables import tables
from tests.harness.counting import counting

_LARGE = int(os.environ.get("BENCH_GROWN_RUNS", str(100_000)))
_SMALL = _LARGE // 10
_TURNS = repeated(30)
_SHARE = 1.3
_CHUNK = 2500


def run() -> list[Figure]:
    with quiet(), tables():
        small, large = (_filled(runs) for runs in (_SMALL, _LARGE))
        taken: dict[str, list[float]] = {small: [], large: []}
        for turn in range(_TURNS + 1):
            for experiment, found in taken.items():
                took = _searched(experiment)
                if turn:
                    found.append(took)
        with counting() as counted:
            _searched(large)
    medians = {name: statistics.median(found) for name, found in taken.items()}
    return [
        Figure(f"search of {_SMALL} runs, the handler", medians[small] * 1000, "ms", None, _TURNS),
        Figure(f"search of {_LARGE} runs, the handler", medians[large] * 1000, "ms", None, _TURNS),
        Figure("  of the smaller one's time", medians[large] / medians[small], "", _SHARE),
        Figure(f"search of {_LARGE} runs: requests", counted.requests, ""),
        Figure(f"search of {_LARGE} runs: items read", counted.items, ""),
        Figure(f"search of {_LARGE} runs: read units", counted.reads, ""),
    ]


def _searched(experiment: str) -> float:
    body: dict[str, Any] = {
        "experiment_ids": [experiment],
        "filter": FILTER,
        "order_by": [ORDER],
        "max_results": PAGE,
    }
    began = time.perf_counter()
    found = _ask(api, "POST", f"{API}/runs/search", body)
    took = time.perf_counter() - began
    if len(found["runs"]) != PAGE:
        raise RuntimeError(f"{len(found['runs'])} runs were found")
    return took


def _filled(runs: int) -> str:
    """An experiment with so many runs, whose accuracies are even between 0 and 1."""
    made = _ask(api, "POST", f"{API}/experiments/create", {"name": f"grown {runs}"})
    experiment: str = made["experiment_id"]
    items: list[Item] = []
    for number in range(runs):
        items += _items_of(experiment, number, number / runs)
        if len(items) >= _CHUNK:
            _items().write_many(puts=items)
            items = []
    _items().write_many(puts=items)
    return experiment


def _items_of(experiment: str, number: int, accuracy: float) -> Iterator[Item]:
    run_id = f"{experiment}x{number:08}"
    made = Run(
        run_id=run_id,
        experiment_id=experiment,
        run_name=f"run {number}",
        user_id="bench",
        status=RunStatus.FINISHED,
        start_time=1_795_161_600_000 + number,
        artifact_uri=f"mlflow-artifacts:/{experiment}/{run_id}/artifacts",
        metrics={"accuracy": Metric("accuracy", accuracy, 1, 0)},
        settled=True,
    )
    yield _run_item(made)
    for entry in entries_of(made):
        yield {"pk": place_pk(made.segment, entry.place), "sk": sort_key(entry)}
