"""What of experiments and runs the search language may name."""

from typing import Any

from shelflife.kernel.filters import ATTRIBUTE, ENTRY, NUMBER, TEXT, Language
from shelflife.tracking.model import DatasetInput, Experiment, Run


def _of_run(run: Run, kind: str, key: str) -> Any:
    if kind == "metric":
        metric = run.metrics.get(key)
        return metric.value if metric else None
    if kind == "dataset":
        return tuple(value for one in run.inputs if (value := _of_input(one, key)) is not None)
    if kind == "param":
        return run.params.get(key)
    return run.tags.get(key) if kind == "tag" else getattr(run, key)


def _of_input(one: DatasetInput, key: str) -> str | None:
    return one.context if key == "context" else str(getattr(one.dataset, key))


def _of_experiment(experiment: Experiment, kind: str, key: str) -> Any:
    return experiment.tags.get(key) if kind == "tag" else getattr(experiment, key)


_SPELLINGS = {
    "datasets": "dataset",
    "metrics": "metric",
    "params": "param",
    "parameter": "param",
    "parameters": "param",
    "tags": "tag",
}
RUNS = Language(
    look=_of_run,
    attributes={
        "run_id": TEXT,
        "run_name": TEXT,
        "user_id": TEXT,
        "status": TEXT,
        "artifact_uri": TEXT,
        "start_time": NUMBER,
        "end_time": NUMBER,
    },
    kinds={"metric": NUMBER, "param": ENTRY, "tag": ENTRY, "dataset": TEXT},
    keys={"dataset": frozenset({"name", "digest", "context"})},
    spellings=_SPELLINGS,
    aliases={
        "created": "start_time",
        "Created": "start_time",
        "run name": "run_name",
        "Run name": "run_name",
        "Run Name": "run_name",
    },
    orders=frozenset({ATTRIBUTE, "metric", "param", "tag"}),
)
EXPERIMENTS = Language(
    look=_of_experiment,
    attributes={"name": TEXT, "experiment_id": TEXT, "creation_time": NUMBER, "last_update_time": NUMBER},
    kinds={"tag": ENTRY},
    spellings=_SPELLINGS,
)
