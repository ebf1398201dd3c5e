"""Training jobs in DynamoDB.

Items:  pk = JOB#<job id>        sk = JOB         (index `listed`: list_pk = JOBS, list_sk = <time>#<job id>)
        pk = MODEL#<model name>  sk = REGISTERED  the job that led to the highest version
        pk = MODEL#<model name>  sk = RETRAINING  the last job that drift has led to

A job is one JSON text: DynamoDB's numbers would not give back which of a plan's were whole.
"""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, Write, is_lost_condition
from shelflife.kernel.paging import Page
from shelflife.training.errors import (
    RetrainingRunningError,
    TrainingJobChangedError,
    TrainingJobExistsError,
)
from shelflife.training.model import TrainingJob
from shelflife.training.settings import LISTED

_SORT_KEY = "JOB"
_LIST = "JOBS"
_REGISTERED = "REGISTERED"
_RETRAINING = "RETRAINING"
_ABSENT = "attribute_not_exists(pk)"


@dataclass(frozen=True, slots=True)
class DynamoJobs:
    items: Items

    def add(self, job: TrainingJob) -> None:
        try:
            self.items.put(_item(job), _ABSENT)
        except ClientError as error:
            if is_lost_condition(error):
                raise TrainingJobExistsError(job.job_id) from error
            raise

    def add_retraining(self, job: TrainingJob, *, after: str | None) -> None:
        model_name = job.plan.model_name
        pointer = Write(
            put={"pk": _model(model_name), "sk": _RETRAINING, "job_id": job.job_id},
            condition="job_id = :after" if after else _ABSENT,
            values={":after": after} if after else None,
        )
        try:
            self.items.transact([Write(put=_item(job), condition=_ABSENT), pointer])
        except ClientError as error:
            if not is_lost_condition(error):
                raise
            if self.find(job.job_id) is not None:
                raise TrainingJobExistsError(job.job_id) from error
            raise RetrainingRunningError(model_name, self.retraining_of(model_name) or "") from error

    def change(self, job: TrainingJob) -> TrainingJob:
        following = job.model_copy(update={"revision": job.revision + 1})
        try:
            self.items.put(_item(following), "revision = :read", values={":read": job.revision})
        except ClientError as error:
            if is_lost_condition(error):
                raise TrainingJobChangedError(job.job_id, f"at revision {job.revision}") from error
            raise
        return following

    def find(self, job_id: str) -> TrainingJob | None:
        item = self.items.get(_job(job_id), _SORT_KEY)
        return _read(item) if item else None

    def retraining_of(self, model_name: str) -> str | None:
        return self._pointer(model_name, _RETRAINING)

    def note_registered(self, model_name: str, version: int, job_id: str) -> None:
        pointer = {"pk": _model(model_name), "sk": _REGISTERED, "version": version, "job_id": job_id}
        try:
            self.items.put(
                pointer,
                f"{_ABSENT} OR #version < :version",
                values={":version": version},
                names={"#version": "version"},
            )
        except ClientError as error:
            if not is_lost_condition(error):
                raise

    def registered_of(self, model_name: str) -> str | None:
        return self._pointer(model_name, _REGISTERED)

    def page(self, limit: int, cursor: str | None) -> Page[TrainingJob]:
        index = (LISTED.name, LISTED.partition_key, LISTED.sort_key)
        found, following = self.items.query(_LIST, limit=limit, cursor=cursor, newest_first=True, index=index)
        return Page(items=tuple(_read(item) for item in found), next_cursor=following)

    def _pointer(self, model_name: str, sort_key: str) -> str | None:
        item = self.items.get(_model(model_name), sort_key)
        return str(item["job_id"]) if item else None


def _job(job_id: str) -> str:
    return f"JOB#{job_id}"


def _model(model_name: str) -> str:
    return f"MODEL#{model_name}"


def _item(job: TrainingJob) -> dict[str, Any]:
    return {
        "pk": _job(job.job_id),
        "sk": _SORT_KEY,
        LISTED.partition_key: _LIST,
        LISTED.sort_key: f"{job.requested_at.isoformat()}#{job.job_id}",
        "revision": job.revision,
        # For people who look into the table; the job's own text is what is read.
        "state": job.state,
        "model_name": job.plan.model_name,
        "job": job.model_dump_json(),
    }


def _read(item: Item) -> TrainingJob:
    return TrainingJob.model_validate_json(item["job"])
