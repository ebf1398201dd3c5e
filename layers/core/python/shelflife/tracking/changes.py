"""What logging does to a run, as functions from a run to a run."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from shelflife.tracking.errors import ParamChangedError, TagNotFoundError
from shelflife.tracking.model import (
    MODEL_HISTORY_TAG,
    RUN_NAME_TAG,
    DatasetInput,
    Entries,
    Metric,
    ModelOutput,
    Run,
)


def logged(run: Run, entries: Entries) -> Run:
    """The run after these entries; entries that are there already change nothing.

    Raises:
        ParamChangedError: a param has another value already.
    """
    tags = {**run.tags, **dict(entries.tags)}
    metrics = _latest(run, entries.metrics)
    return replace(
        run,
        params=_params(run, entries.params),
        tags=tags,
        run_name=tags.get(RUN_NAME_TAG, run.run_name),
        metrics=metrics,
        points=run.points + (len(entries.metrics) if metrics != run.metrics else 0),
    )


def with_inputs(run: Run, inputs: Iterable[DatasetInput], model_ids: Iterable[str]) -> Run:
    """The run after it read these; what it read already stays as it is."""
    known = {(one.dataset.name, one.dataset.digest) for one in run.inputs}
    new = {(one.dataset.name, one.dataset.digest): one for one in inputs}
    return replace(
        run,
        inputs=(*run.inputs, *(one for name, one in new.items() if name not in known)),
        model_inputs=tuple(dict.fromkeys((*run.model_inputs, *model_ids))),
    )


def with_outputs(run: Run, outputs: Iterable[ModelOutput]) -> Run:
    return replace(run, model_outputs=tuple(dict.fromkeys((*run.model_outputs, *outputs))))


def with_model(run: Run, model: dict[str, Any]) -> Run:
    """The run with the model in the tag that old clients read."""
    known = json.loads(run.tags.get(MODEL_HISTORY_TAG, "[]"))
    told = json.dumps([*(one for one in known if one != model), model])
    return replace(run, tags={**run.tags, MODEL_HISTORY_TAG: told})


def renamed(run: Run, run_name: str) -> Run:
    return replace(run, run_name=run_name, tags={**run.tags, RUN_NAME_TAG: run_name})


def without_tag(run: Run, key: str) -> Run:
    """The run without that tag.

    Raises:
        TagNotFoundError: it has none.
    """
    if key not in run.tags:
        raise TagNotFoundError(key, f"run {run.run_id!r}")
    return replace(run, tags={kept: value for kept, value in run.tags.items() if kept != key})


def _params(run: Run, params: Iterable[tuple[str, str]]) -> dict[str, str]:
    known = dict(run.params)
    for key, value in params:
        if known.setdefault(key, value) != value:
            raise ParamChangedError(run.run_id, key, known[key], value)
    return known


def _latest(run: Run, metrics: Iterable[Metric]) -> dict[str, Metric]:
    known = dict(run.metrics)
    for metric in metrics:
        latest = known.get(metric.key)
        if latest is None or metric.rank > latest.rank:
            known[metric.key] = Metric(*metric[:4])
    return known
