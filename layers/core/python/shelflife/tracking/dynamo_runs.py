"""Runs in DynamoDB; everything is read consistently, so that what was just logged is found.

Items:  pk = RUN#<run id>                sk = RUN              the run; with `removing`, nobody finds it
        pk = PENDING#<segment>           sk = <run id>         its entries are still to be written
        pk = SEGMENTS#<experiment id>    sk = SEGMENTS         how many there are

A run is one item: its params, tags and latest metrics are one compressed document in `data`, so that a
hundred runs are one request, and long params fit. A change writes the whole item under the condition that
its `revision` is the one that was read; the change that makes the index untrue says so in the same
transaction. An experiment's runs are in segments of bounded size, `<experiment id>#<number>`: no partition
grows with it.
"""

import secrets
import time
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, Write, is_contended, is_lost_condition
from shelflife.tracking.errors import LostRaceError, RunExistsError, RunTooLargeError
from shelflife.tracking.model import (
    Dataset,
    DatasetInput,
    Lifecycle,
    Metric,
    ModelOutput,
    Run,
    RunStatus,
    Segment,
)
from shelflife.tracking.packing import pack, unpack

RUN = "RUN"
#: Of what is being removed for good: it stays until all that is its is gone.
REMOVING = "removing"
#: DynamoDB's limit of an item is 400 KB; the rest of the item has room beside.
_LARGEST = 380_000
#: Runs of a segment, about: it is counted in steps, by chance, so that counting costs next to nothing.
SEGMENT_RUNS = 100_000
_STEP = 100
SEGMENTS = "SEGMENTS"
_KEPT_SECONDS = 60
_UNCHANGED = "revision = :revision AND settled = :settled"
_NEW = "attribute_not_exists(pk)"


@dataclass(frozen=True, slots=True)
class DynamoRuns:
    items: Items

    def add(self, run: Run) -> None:
        try:
            self.items.transact([Write(put=_run_item(run), condition=_NEW), Write(put=pending_item(run))])
        except ClientError as error:
            if is_lost_condition(error) or is_contended(error):
                raise RunExistsError(run.run_id) from error
            raise

    def find(self, run_id: str) -> Run | None:
        item = self.items.get(run_pk(run_id), RUN)
        return run_of(item) if item and REMOVING not in item else None

    def replace(self, run: Run) -> None:
        item = _run_item(replace(run, revision=run.revision + 1, settled=False))
        known: dict[str, Any] = {":revision": run.revision, ":settled": run.settled}
        try:
            if run.settled:
                put = Write(put=item, condition=_UNCHANGED, values=known)
                self.items.transact([put, Write(put=pending_item(run))])
            else:
                self.items.put(item, _UNCHANGED, values=known)
        except ClientError as error:
            if is_lost_condition(error) or is_contended(error):
                raise LostRaceError(f"run {run.run_id!r} was changed") from error
            raise


@dataclass(frozen=True, slots=True)
class DynamoSegments:
    """Which segment is open is remembered for a minute: one that is left late is only a little larger."""

    items: Items
    size: int = SEGMENT_RUNS
    _known: dict[str, tuple[float, int]] = field(default_factory=dict)

    def open(self, experiment_id: str) -> Segment:
        at, number = self._known.get(experiment_id, (0.0, 0))
        if time.monotonic() - at > _KEPT_SECONDS or at == 0:
            number = self._last(experiment_id)
            self.remember(experiment_id, number)
        if secrets.randbelow(_STEP) == 0:
            self._count(experiment_id, number)
        return Segment(experiment_id, number)

    def all(self, experiment_id: str) -> list[Segment]:
        last = self._last(experiment_id)
        return [Segment(experiment_id, number) for number in range(last, -1, -1)]

    def remember(self, experiment_id: str, number: int) -> None:
        self._known[experiment_id] = time.monotonic(), number

    def _last(self, experiment_id: str) -> int:
        item = self.items.get(segments_pk(experiment_id), SEGMENTS)
        return int(item["last"]) if item else 0

    def _count(self, experiment_id: str, number: int) -> None:
        key = segments_pk(experiment_id), SEGMENTS
        try:
            kept = self.items.update(
                key,
                "SET #last = :number ADD runs :step",
                values={":number": number, ":step": _STEP},
                names={"#last": "last"},
                condition="attribute_not_exists(pk) OR #last = :number",
            )
            if kept["runs"] >= self.size:
                self.items.update(
                    key,
                    "SET #last = :next, runs = :none",
                    values={":next": number + 1, ":none": 0, ":number": number},
                    names={"#last": "last"},
                    condition="#last = :number",
                )
        except ClientError as error:
            if not is_lost_condition(error):
                raise
        # Whoever lost was too late: the segment is closed already.
        self._known.pop(experiment_id, None)


def run_pk(run_id: str) -> str:
    return f"RUN#{run_id}"


def run_id_at(pk: str) -> str:
    return pk.removeprefix("RUN#")


def segment_name(segment: Segment) -> str:
    return f"{segment.experiment_id}#{segment.number}"


def pending_pk(segment: Segment) -> str:
    return f"PENDING#{segment_name(segment)}"


def pending_item(run: Run) -> Item:
    return {"pk": pending_pk(run.segment), "sk": run.run_id}


def segments_pk(experiment_id: str) -> str:
    return f"SEGMENTS#{experiment_id}"


def _run_item(run: Run) -> Item:
    metrics = {key: [repr(m.value), m.timestamp, m.step] for key, m in run.metrics.items()}
    data = pack([dict(run.params), dict(run.tags), metrics, run.inputs, run.model_inputs, run.model_outputs])
    if len(data) > _LARGEST:
        raise RunTooLargeError(run.run_id, len(data), _LARGEST)
    return {
        "pk": run_pk(run.run_id),
        "sk": RUN,
        "run_id": run.run_id,
        "experiment_id": run.experiment_id,
        "part": run.part,
        "run_name": run.run_name,
        "user_id": run.user_id,
        "status": run.status.value,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "lifecycle": run.lifecycle.value,
        "deleted_at": run.deleted_at,
        "artifact_uri": run.artifact_uri,
        "points": run.points,
        "revision": run.revision,
        "settled": run.settled,
        "data": data,
    }


def run_of(item: Item) -> Run:
    params, tags, metrics, inputs, model_inputs, model_outputs = unpack(item["data"])
    return Run(
        run_id=item["run_id"],
        experiment_id=item["experiment_id"],
        part=item["part"],
        run_name=item["run_name"],
        user_id=item["user_id"],
        status=RunStatus(item["status"]),
        start_time=item["start_time"],
        end_time=item.get("end_time"),
        lifecycle=Lifecycle(item["lifecycle"]),
        deleted_at=item.get("deleted_at"),
        artifact_uri=item["artifact_uri"],
        points=item["points"],
        revision=item["revision"],
        settled=item["settled"],
        inputs=tuple(
            DatasetInput(Dataset(*dataset), tuple((key, value) for key, value in tags))
            for dataset, tags in inputs
        ),
        model_inputs=tuple(model_inputs),
        model_outputs=tuple(ModelOutput(*output) for output in model_outputs),
        params=params,
        tags=tags,
        metrics={key: Metric(key, float(value), at, step) for key, (value, at, step) in metrics.items()},
    )
