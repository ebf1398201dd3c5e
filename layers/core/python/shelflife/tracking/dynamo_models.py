"""Logged models in DynamoDB, read consistently.

Items:  pk = MODEL#<model id>                  sk = MODEL                 the model
        pk = MODELS#<experiment id>#<part>     sk = <inverted time> <id>  the listing, newest first
        pk = RUN#<run id>                      sk = MODEL#<model id>      what a run made

Listing and run are written with the model, in one transaction, and never change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, Write, is_contended, is_lost_condition
from shelflife.tracking.dynamo_runs import REMOVING, run_pk
from shelflife.tracking.errors import LoggedModelBusyError, LoggedModelTooLargeError, LostRaceError
from shelflife.tracking.index_entries import SEPARATOR, inverted
from shelflife.tracking.logged_model import LoggedModel, LoggedModelStatus, Measured
from shelflife.tracking.model import Metric
from shelflife.tracking.packing import pack, unpack

MODEL = "MODEL"
_LARGEST = 380_000
_PAGE = 100
_PLAIN = (
    "model_id",
    "experiment_id",
    "name",
    "artifact_uri",
    "creation_time",
    "last_update_time",
    "model_type",
    "source_run_id",
    "status_message",
    "deleted_at",
    "part",
    "revision",
)


@dataclass(frozen=True, slots=True)
class DynamoLoggedModels:
    items: Items

    def add(self, model: LoggedModel) -> None:
        listed = {"pk": list_pk(model.experiment_id, model.part), "sk": list_sk(model)}
        writes = [
            Write(put=_item(model, model.revision), condition="attribute_not_exists(pk)"),
            Write(put=listed),
        ]
        if model.source_run_id:
            writes.append(Write(put={"pk": run_pk(model.source_run_id), "sk": f"{MODEL}#{model.model_id}"}))
        try:
            self.items.transact(writes)
        except ClientError as error:
            # Ids are new, but for those of another server, which two may take in, or one remove.
            if is_lost_condition(error) or is_contended(error):
                raise LoggedModelBusyError(model.model_id) from error
            raise

    def find(self, model_id: str) -> LoggedModel | None:
        item = self.items.get(model_pk(model_id), MODEL)
        return model_of(item) if item and REMOVING not in item else None

    def replace(self, model: LoggedModel) -> None:
        try:
            self.items.put(
                _item(model, model.revision + 1), "revision = :revision", values={":revision": model.revision}
            )
        except ClientError as error:
            if is_lost_condition(error):
                raise LostRaceError(f"logged model {model.model_id!r} was changed") from error
            raise

    def of(self, experiment_id: str, part: int) -> Iterator[LoggedModel]:
        return self._found(list_pk(experiment_id, part), "", SEPARATOR)

    def of_run(self, run_id: str) -> Iterator[LoggedModel]:
        return self._found(run_pk(run_id), f"{MODEL}#", "#")

    def _found(self, pk: str, prefix: str, before_id: str) -> Iterator[LoggedModel]:
        cursor: str | None = None
        while True:
            found, cursor = self.items.query(pk, prefix=prefix, limit=_PAGE, cursor=cursor)
            ids = [item["sk"].partition(before_id)[2] for item in found]
            items = self.items.get_many([(model_pk(model_id), MODEL) for model_id in ids])
            by_id = {item["model_id"]: item for item in items if REMOVING not in item}
            yield from (model_of(by_id[model_id]) for model_id in ids if model_id in by_id)
            if cursor is None:
                return


def model_pk(model_id: str) -> str:
    return f"{MODEL}#{model_id}"


def list_pk(experiment_id: str, part: int) -> str:
    return f"MODELS#{experiment_id}#{part}"


def list_sk(model: LoggedModel) -> str:
    return f"{inverted(model.creation_time)}{SEPARATOR}{model.model_id}"


def _item(model: LoggedModel, revision: int) -> Item:
    measured = [
        [
            one.run_id,
            [one.metric.key, repr(one.metric.value), one.metric.timestamp, one.metric.step],
            *one[2:],
        ]
        for one in model.measured
    ]
    data = pack([dict(model.params), dict(model.tags), measured])
    if len(data) > _LARGEST:
        raise LoggedModelTooLargeError(model.model_id, len(data), _LARGEST)
    plain = {name: getattr(model, name) for name in _PLAIN}
    keys = {"pk": model_pk(model.model_id), "sk": MODEL}
    return {**keys, **plain, "revision": revision, "status": model.status.value, "data": data}


def model_of(item: Item) -> LoggedModel:
    params, tags, measured = unpack(item["data"])
    plain: dict[str, Any] = {name: item.get(name) for name in _PLAIN}
    return LoggedModel(
        **plain,
        status=LoggedModelStatus(item["status"]),
        params=params,
        tags=tags,
        measured=tuple(
            Measured(run_id, Metric(key, float(value), at, step), *on)
            for run_id, (key, value, at, step), *on in measured
        ),
    )
