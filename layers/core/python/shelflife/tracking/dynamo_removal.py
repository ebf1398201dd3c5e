"""What is being removed for good, in DynamoDB: marked first, and gone with all that is its.

A run or logged model with the attribute `removing` is found by nobody but a removal. Its own item goes last,
so that a removal that was cut off finds what it left.

Items:  pk = REMOVAL#<removal id>   sk = <page>   what became of some things; it expires
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, Write, is_contended, is_lost_condition
from shelflife.kernel.paging import Page
from shelflife.kernel.tables import EXPIRY
from shelflife.tracking.dynamo_datasets import datasets_pk
from shelflife.tracking.dynamo_experiments import EXPERIMENTS, NAME, experiment_of, name_pk
from shelflife.tracking.dynamo_index import DynamoRunIndex, place_pk
from shelflife.tracking.dynamo_models import MODEL, list_pk, list_sk, model_of, model_pk
from shelflife.tracking.dynamo_runs import (
    REMOVING,
    RUN,
    SEGMENTS,
    DynamoSegments,
    pending_pk,
    run_of,
    run_pk,
    segments_pk,
)
from shelflife.tracking.errors import LostRaceError
from shelflife.tracking.history import DynamoMetricHistory
from shelflife.tracking.index_entries import DELETED_LISTING, LISTING, SEPARATOR
from shelflife.tracking.logged_model import LoggedModel
from shelflife.tracking.logged_models import models_of
from shelflife.tracking.model import Experiment, Lifecycle, Run
from shelflife.tracking.packing import pack, unpack
from shelflife.tracking.removal_model import Kind, Tally, ToldThing
from shelflife.tracking.removal_ports import Marked, Part

_PAGE = 1000
#: As long as Step Functions knows an execution.
_KEPT = timedelta(days=90)
_UNMARKED = f"revision = :revision AND attribute_not_exists({REMOVING})"
_MARKED = f"revision = :revision AND attribute_exists({REMOVING})"


@dataclass(frozen=True, slots=True)
class DynamoRemovable:
    items: Items

    def next_experiment(self, after: str) -> Experiment | None:
        found, _ = self.items.query(EXPERIMENTS, between=(f"{after}\x00", "~"), limit=1)
        return experiment_of(found[0]) if found else None

    def parts(self, experiment_id: str) -> list[Part]:
        segments = DynamoSegments(self.items)
        found: list[Part] = []
        for segment in reversed(segments.all(experiment_id)):
            found += [
                Part(Kind.RUN, pending_pk(segment)),
                Part(Kind.RUN, place_pk(segment, DELETED_LISTING), Lifecycle.DELETED),
                Part(Kind.RUN, place_pk(segment, LISTING), Lifecycle.ACTIVE),
            ]
        for segment in reversed(segments.all(models_of(experiment_id))):
            found.append(Part(Kind.LOGGED_MODEL, list_pk(experiment_id, segment.number)))
        return found

    def page(self, part: Part, limit: int, cursor: str | None) -> Page[str]:
        found, following = self.items.query(part.partition, limit=limit, cursor=cursor)
        ids = (item["sk"].rpartition(SEPARATOR)[2] for item in found)
        return Page(items=tuple(ids), next_cursor=following)

    def runs(self, run_ids: Sequence[str]) -> "list[Marked[Run]]":
        found = self.items.get_many([(run_pk(run_id), RUN) for run_id in dict.fromkeys(run_ids)])
        return [Marked(run_of(item), removing=REMOVING in item) for item in found]

    def models(self, model_ids: Sequence[str]) -> "list[Marked[LoggedModel]]":
        found = self.items.get_many([(model_pk(model_id), MODEL) for model_id in dict.fromkeys(model_ids)])
        return [Marked(model_of(item), removing=REMOVING in item) for item in found]

    def mark(self, thing: Run | LoggedModel) -> None:
        self._change(thing, f"SET {REMOVING} = :yes, revision = revision + :one", _UNMARKED, {":yes": True})

    def release(self, thing: Run | LoggedModel) -> None:
        self._change(thing, f"REMOVE {REMOVING} SET revision = revision + :one", _MARKED, {})

    def remove_run(self, run: Run) -> None:
        DynamoMetricHistory(self.items).forget(run)
        DynamoRunIndex(self.items).forget(run)
        writes = [
            Write(delete=_key(run_pk(run.run_id), RUN), condition=_MARKED, values=_revision(run)),
            Write(delete=_key(pending_pk(run.segment), run.run_id)),
        ]
        self._transact(writes, run.run_id)

    def remove_model(self, model: LoggedModel) -> None:
        writes = [
            Write(delete=_key(model_pk(model.model_id), MODEL), condition=_MARKED, values=_revision(model)),
            Write(delete=_key(list_pk(model.experiment_id, model.part), list_sk(model))),
        ]
        if model.source_run_id:
            writes.append(Write(delete=_key(run_pk(model.source_run_id), f"{MODEL}#{model.model_id}")))
        self._transact(writes, model.model_id)

    def is_empty(self, experiment_id: str) -> bool:
        return not any(self.page(part, 1, None).items for part in self.parts(experiment_id))

    def remove_experiment(self, experiment: Experiment) -> None:
        self._clear(datasets_pk(experiment.experiment_id))
        for owner in (experiment.experiment_id, models_of(experiment.experiment_id)):
            self.items.delete(segments_pk(owner), SEGMENTS)
        removed = Write(
            delete=_key(EXPERIMENTS, experiment.experiment_id),
            condition=f"revision = :revision AND {REMOVING} = :yes",
            values={":revision": experiment.revision, ":yes": True},
        )
        self._transact(
            [removed, Write(delete=_key(name_pk(experiment.name), NAME))], experiment.experiment_id
        )

    def _clear(self, pk: str) -> None:
        while found := self.items.query(pk, limit=_PAGE)[0]:
            self.items.write_many(deletes=[(item["pk"], item["sk"]) for item in found])

    def _change(self, thing: Run | LoggedModel, expression: str, condition: str, values: Item) -> None:
        key = (run_pk(thing.run_id), RUN) if isinstance(thing, Run) else (model_pk(thing.model_id), MODEL)
        known = {":one": 1, **_revision(thing), **values}
        try:
            self.items.update(key, expression, values=known, condition=condition)
        except ClientError as error:
            if is_lost_condition(error):
                raise LostRaceError(f"{key[0]} was changed") from error
            raise

    def _transact(self, writes: Sequence[Write], id: str) -> None:
        try:
            self.items.transact(writes)
        except ClientError as error:
            if is_lost_condition(error) or is_contended(error):
                raise LostRaceError(f"{id!r} was changed") from error
            raise


@dataclass(frozen=True, slots=True)
class DynamoRemovalReports:
    items: Items

    def keep(self, removal_id: str, page: int, told: Sequence[ToldThing], tally: Tally, at: datetime) -> None:
        item = _key(_report_pk(removal_id), f"{page:08}") | {
            "things": pack([one.model_dump(mode="json") for one in told]),
            "tally": tally.model_dump(mode="json"),
            EXPIRY: int((at + _KEPT).timestamp()),
        }
        self.items.put(item)

    def tally(self, removal_id: str) -> Tally:
        found, _ = self.items.query(_report_pk(removal_id), limit=1, newest_first=True)
        return Tally.model_validate(found[0]["tally"]) if found else Tally()

    def page(self, removal_id: str, limit: int, cursor: str | None) -> Page[ToldThing]:
        found, following = self.items.query(_report_pk(removal_id), limit=limit, cursor=cursor)
        return Page(items=tuple(_told(found)), next_cursor=following)


def _told(items: Sequence[Item]) -> Iterator[ToldThing]:
    for item in items:
        yield from map(ToldThing.model_validate, unpack(item["things"]))


def _report_pk(removal_id: str) -> str:
    return f"REMOVAL#{removal_id}"


def _key(pk: str, sk: str) -> Item:
    return {"pk": pk, "sk": sk}


def _revision(thing: Run | LoggedModel) -> Item:
    return {":revision": thing.revision}
