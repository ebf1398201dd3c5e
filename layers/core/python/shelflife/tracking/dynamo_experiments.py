"""Experiments in DynamoDB, read consistently.

Items:  pk = EXPERIMENTS            sk = <experiment id>
        pk = EXPERIMENT_NAME#<name>  sk = NAME           which experiment has the name
"""

from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, Write, is_contended, is_lost_condition
from shelflife.tracking.errors import ExperimentBusyError, ExperimentExistsError, LostRaceError
from shelflife.tracking.model import Experiment

EXPERIMENTS = "EXPERIMENTS"
NAME = "NAME"
_PAGE = 1000
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
        item = self.items.get(EXPERIMENTS, experiment_id)
        return experiment_of(item) if item else None

    def find_by_name(self, name: str) -> Experiment | None:
        item = self.items.get(name_pk(name), NAME)
        return self.find(item["experiment_id"]) if item else None

    def replace(self, experiment: Experiment, *, former_name: str) -> None:
        put = Write(
            put=_experiment_item(experiment) | {"revision": experiment.revision + 1},
            condition=_SAME_REVISION,
            values={":revision": experiment.revision},
        )
        names = (
            [Write(delete={"pk": name_pk(former_name), "sk": NAME}), _name_taken_by(experiment)]
            if experiment.name != former_name
            else []
        )
        try:
            self.items.transact([put, *names])
        except ClientError as error:
            if not (is_lost_condition(error) or is_contended(error)):
                raise
            if names and self.items.get(name_pk(experiment.name), NAME):
                raise ExperimentExistsError(experiment.name) from error
            raise LostRaceError(f"experiment {experiment.experiment_id!r} was changed") from error

    def every(self) -> Iterator[Experiment]:
        cursor: str | None = None
        while True:
            found, cursor = self.items.query(EXPERIMENTS, limit=_PAGE, cursor=cursor)
            yield from map(experiment_of, found)
            if cursor is None:
                return


def name_pk(name: str) -> str:
    return f"EXPERIMENT_NAME#{name}"


def _name_taken_by(experiment: Experiment) -> Write:
    item = {"pk": name_pk(experiment.name), "sk": NAME, "experiment_id": experiment.experiment_id}
    return Write(put=item, condition=_NEW)


def _experiment_item(experiment: Experiment) -> Item:
    return experiment.model_dump(mode="json") | {"pk": EXPERIMENTS, "sk": experiment.experiment_id}


def experiment_of(item: Item) -> Experiment:
    known = {name: item[name] for name in Experiment.model_fields if name in item}
    return Experiment.model_validate(known)
