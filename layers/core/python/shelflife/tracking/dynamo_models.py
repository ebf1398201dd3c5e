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

from shelflife.aws.items import Item, Items, Write, is_lost_condition
from shelflife.tracking.dynamo_runs import run_pk
from shelflife.tracking.errors import LoggedModelTooLargeError, LostRaceError
from shelflife.tracking.index_entries import SEPARATOR, inverted
from shelflife.tracking.logged_model import LoggedModel, LoggedModelStatus, Measured
from shelflife.tracking.model import Metric
from shelflife.tracking.packing import pack, unpack

_MODEL = "MODEL"
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
        listed = {"pk": _list_pk(model.experiment_id, model.part), "sk": _list_sk(model)}
        writes = [
            Write(put=_item(model, model.revision), condition="attribute_not_exists(pk)"),
            Write(put=listed),
        ]
        if model.source_run_id:
            writes.append(Write(put={"pk": run_pk(model.source_run_id), "sk": f"{_MODEL}#{model.model_id}"}))
        self.items.transact(writes)

    def find(self, model_id: str) -> LoggedModel | None:
        item = self.items.get(_pk(model_id), _MODEL)
        return _model(item) if item else None

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
        return self._found(_list_pk(experiment_id, part), "", SEPARATOR)

    def of_run(self, run_id: str) -> Iterator[LoggedModel]:
        return self._found(run_pk(run_id), f"{_MODEL}#", "#")

    def _found(self, pk: str, prefix: str, before_id: str) -> Iterator[LoggedModel]:
        cursor: str | None = None
        while True:
            found, cursor = self.items.query(pk, prefix=prefix, limit=_PAGE, cursor=cursor)
            ids = [item["sk"].partition(before_id)[2] for item in found]
            items = self.items.get_many([(_pk(model_id), _MODEL) for model_id in ids])
            by_id = {item["model_id"]: item for item in items}
            yield from (_model(by_id[model_id]) for model_id in ids if model_id in by_id)
            if cursor is None:
                return


def _pk(model_id: str) -> str:
    return f"{_MODEL}#{model_id}"


def _list_pk(experiment_id: str, part: int) -> str:
    return f"MODELS#{experiment_id}#{part}"


def _list_sk(model: LoggedModel) -> str:
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
    keys = {"pk": _pk(model.model_id), "sk": _MODEL}
    return {**keys, **plain, "revision": revision, "status": model.status.value, "data": data}


def _model(item: Item) -> LoggedModel:
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
