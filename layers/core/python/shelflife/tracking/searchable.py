"""What of experiments and runs the search language may name."""

from typing import Any

from shelflife.tracking.model import Experiment, Run
from shelflife.tracking.search import Language


def _of_run(run: Run, kind: str, key: str) -> Any:
    if kind == "metric":
        metric = run.metrics.get(key)
        return metric.value if metric else None
    if kind == "param":
        return run.params.get(key)
    return run.tags.get(key) if kind == "tag" else getattr(run, key)


def _of_experiment(experiment: Experiment, kind: str, key: str) -> Any:
    return experiment.tags.get(key) if kind == "tag" else getattr(experiment, key)


RUNS = Language(
    kinds=frozenset({"metric", "param", "tag"}),
    attributes={
        "run_id": str,
        "run_name": str,
        "user_id": str,
        "status": str,
        "artifact_uri": str,
        "start_time": int,
        "end_time": int,
    },
    aliases={
        "created": "start_time",
        "Created": "start_time",
        "run name": "run_name",
        "Run name": "run_name",
        "Run Name": "run_name",
    },
    look=_of_run,
)
EXPERIMENTS = Language(
    kinds=frozenset({"tag"}),
    attributes={"name": str, "experiment_id": str, "creation_time": int, "last_update_time": int},
    aliases={},
    look=_of_experiment,
)
