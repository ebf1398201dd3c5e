"""Experiments and runs in DynamoDB; everything is read consistently, so a search sees what was just logged.

Items:  pk = EXPERIMENTS           sk = <experiment id>
        pk = EXPERIMENT_NAME#<name> sk = NAME                    which experiment has the name
        pk = EXPERIMENT#<id>       sk = RUN#<start time>#<run id>   so that runs list by start time
        pk = RUN#<run id>          sk = RUN                      where the run is; never changes

A run is one item: its params, tags and latest metrics are one compressed document in `data`, so that a search
reads thousands of runs per request, and long params fit. A change writes the whole item under the condition
that its `revision` is the one that was read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, Write, is_contended, is_lost_condition
from shelflife.tracking.errors import (
    ExperimentBusyError,
    ExperimentExistsError,
    LostRaceError,
    RunTooLargeError,
)
from shelflife.tracking.model import Experiment, Lifecycle, Metric, Run, RunStatus
from shelflife.tracking.packing import pack, unpack

_EXPERIMENTS = "EXPERIMENTS"
_NAME = "NAME"
_RUN = "RUN"
_PAGE = 1000
#: DynamoDB's limit of an item is 400 KB; the rest of the item has room beside.
_LARGEST = 380_000
_SAME_REVISION = "revision = :revision"
_NEW = "attribute_not_exists(pk)"


@dataclass(frozen=True, slots=True)
class DynamoExperiments:
    items: Items

    def add(self, experiment: Experiment) -> None:
        try:
            self.items.transact(
                [Write(put=_experiment_item(experiment), condition=_NEW), _name_taken_by(experiment)]
            )
        except ClientError as error:
            if is_lost_condition(error):
                raise ExperimentExistsError(experiment.name) from error
            if is_contended(error):
                raise ExperimentBusyError(experiment.name) from error
            raise

    def find(self, experiment_id: str) -> Experiment | None:
        item = self.items.get(_EXPERIMENTS, experiment_id)
        return _experiment(item) if item else None

    def find_by_name(self, name: str) -> Experiment | None:
        item = self.items.get(_name_pk(name), _NAME)
        return self.find(item["experiment_id"]) if item else None

    def replace(self, experiment: Experiment, *, former_name: str) -> None:
        put = Write(
            put=_experiment_item(experiment) | {"revision": experiment.revision + 1},
            condition=_SAME_REVISION,
            values={":revision": experiment.revision},
        )
        names = (
            [Write(delete={"pk": _name_pk(former_name), "sk": _NAME}), _name_taken_by(experiment)]
            if experiment.name != former_name
            else []
        )
        try:
            self.items.transact([put, *names])
        except ClientError as error:
            if not (is_lost_condition(error) or is_contended(error)):
                raise
            if names and self.items.get(_name_pk(experiment.name), _NAME):
                raise ExperimentExistsError(experiment.name) from error
            raise LostRaceError(f"experiment {experiment.experiment_id!r} was changed") from error

    def every(self) -> Iterator[Experiment]:
        cursor: str | None = None
        while True:
            found, cursor = self.items.query(_EXPERIMENTS, limit=_PAGE, cursor=cursor)
            yield from map(_experiment, found)
            if cursor is None:
                return


@dataclass(frozen=True, slots=True)
class DynamoRuns:
    items: Items

    def add(self, run: Run) -> None:
        key = _run_key(run)
        pointer = {"pk": _pointer_pk(run.run_id), "sk": _RUN, "run_pk": key[0], "run_sk": key[1]}
        self.items.transact(
            [Write(put=_run_item(run), condition=_NEW), Write(put=pointer, condition=_NEW)],
        )

    def find(self, run_id: str) -> Run | None:
        key = _place(self.items, run_id)
        item = self.items.get(*key) if key else None
        return _run(item) if item else None

    def replace(self, run: Run) -> None:
        try:
            self.items.put(
                _run_item(replace(run, revision=run.revision + 1)),
                _SAME_REVISION,
                values={":revision": run.revision},
            )
        except ClientError as error:
            if is_lost_condition(error):
                raise LostRaceError(f"run {run.run_id!r} was changed") from error
            raise

    def of(self, experiment_id: str) -> Iterator[Run]:
        cursor: str | None = None
        while True:
            found, cursor = self.items.query(
                _experiment_pk(experiment_id),
                prefix=f"{_RUN}#",
                limit=_PAGE,
                cursor=cursor,
                newest_first=True,
            )
            yield from map(_run, found)
            if cursor is None:
                return


@lru_cache(maxsize=10_000)
def _known_place(items: Items, run_id: str) -> tuple[str, str]:
    pointer = items.get(_pointer_pk(run_id), _RUN)
    if pointer is None:
        raise LookupError(run_id)
    return pointer["run_pk"], pointer["run_sk"]


def _place(items: Items, run_id: str) -> tuple[str, str] | None:
    """Where the run is; remembered, since a place never changes (that there is none is not)."""
    try:
        return _known_place(items, run_id)
    except LookupError:
        return None


def _name_pk(name: str) -> str:
    return f"EXPERIMENT_NAME#{name}"


def _experiment_pk(experiment_id: str) -> str:
    return f"EXPERIMENT#{experiment_id}"


def _pointer_pk(run_id: str) -> str:
    return f"RUN#{run_id}"


def _run_key(run: Run) -> tuple[str, str]:
    return _experiment_pk(run.experiment_id), f"{_RUN}#{run.start_time:020}#{run.run_id}"


def _name_taken_by(experiment: Experiment) -> Write:
    item = {"pk": _name_pk(experiment.name), "sk": _NAME, "experiment_id": experiment.experiment_id}
    return Write(put=item, condition=_NEW)


def _experiment_item(experiment: Experiment) -> Item:
    return experiment.model_dump(mode="json") | {"pk": _EXPERIMENTS, "sk": experiment.experiment_id}


def _experiment(item: Item) -> Experiment:
    return Experiment.model_validate({name: item[name] for name in Experiment.model_fields})


def _run_item(run: Run) -> Item:
    pk, sk = _run_key(run)
    metrics = {key: [repr(m.value), m.timestamp, m.step] for key, m in run.metrics.items()}
    data = pack([dict(run.params), dict(run.tags), metrics])
    if len(data) > _LARGEST:
        raise RunTooLargeError(run.run_id, len(data), _LARGEST)
    return {
        "pk": pk,
        "sk": sk,
        "run_id": run.run_id,
        "experiment_id": run.experiment_id,
        "run_name": run.run_name,
        "user_id": run.user_id,
        "status": run.status.value,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "lifecycle": run.lifecycle.value,
        "artifact_uri": run.artifact_uri,
        "revision": run.revision,
        "data": data,
    }


def _run(item: Item) -> Run:
    params, tags, metrics = unpack(item["data"])
    return Run(
        run_id=item["run_id"],
        experiment_id=item["experiment_id"],
        run_name=item["run_name"],
        user_id=item["user_id"],
        status=RunStatus(item["status"]),
        start_time=item["start_time"],
        end_time=item.get("end_time"),
        lifecycle=Lifecycle(item["lifecycle"]),
        artifact_uri=item["artifact_uri"],
        revision=item["revision"],
        params=params,
        tags=tags,
        metrics={key: Metric(key, float(value), at, step) for key, (value, at, step) in metrics.items()},
    )
