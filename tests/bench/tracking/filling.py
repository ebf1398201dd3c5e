"""An experiment whose runs are put into the table as the store puts them, with their index entries.

Logging each would take an hour, and what is searched is the same.
"""

from collections.abc import Iterator

from functions.tracking.api.handler import handler as api
from shelflife.aws.items import Item
from shelflife.tracking.dynamo_index import place_pk
from shelflife.tracking.dynamo_runs import _run_item
from shelflife.tracking.index_entries import entries_of, sort_key
from shelflife.tracking.model import RUN_NAME_TAG, Metric, Run, RunStatus
from shelflife.tracking.wiring import _items
from tests.bench.tracking.asking import API, BEGAN
from tests.bench.tracking.counts import _ask

_CHUNK = 2500


def filled(runs: int) -> str:
    """An experiment with so many runs, whose accuracies are even between 0 and 1."""
    made = _ask(api, "POST", f"{API}/experiments/create", {"name": f"filled with {runs}"})
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
    """As of a run that was created, and had a metric and a param logged."""
    run_id = f"{experiment}x{number:08}"
    name = f"run {number}"
    made = Run(
        run_id=run_id,
        experiment_id=experiment,
        run_name=name,
        user_id="bench",
        status=RunStatus.RUNNING,
        start_time=BEGAN + number,
        artifact_uri=f"mlflow-artifacts:/{experiment}/{run_id}/artifacts",
        metrics={"accuracy": Metric("accuracy", accuracy, BEGAN, 0)},
        params={"depth": str(number % 10)},
        tags={RUN_NAME_TAG: name},
        settled=True,
    )
    yield _run_item(made)
    for entry in entries_of(made):
        yield {"pk": place_pk(made.segment, entry.place), "sk": sort_key(entry)}
