"""A commit as the writes of one transaction (keys.py)."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from shelflife.aws.items import Write
from shelflife.aws.outbox import news_write
from shelflife.registry import keys
from shelflife.registry.model import ModelVersion, RegisteredModel, Stage
from shelflife.registry.ports import Commit
from shelflife.registry.records import NEW, THERE, change_write, model_item, version_item, version_order

_UNSETTLED = "attribute_not_exists(candidate_json) AND attribute_not_exists(status_message)"


def written_by(commit: Commit) -> list[Write]:
    """Every write; the model's comes first, and holds only if nobody wrote the model since it was read."""
    writes = [_model_write(commit.model)]
    if commit.change is not None:
        writes.append(change_write(commit.change))
    if commit.added is not None:
        writes += _added(commit.added)
    for version, stage in commit.moved:
        writes += _moved(version, stage, commit.model)
    if commit.settled is not None:
        writes += _settled(commit.settled)
    if commit.removed is not None:
        writes += _removed(commit.removed)
    return writes + [news_write(one) for one in commit.news]


def is_too_large(error: ClientError) -> bool:
    """Whether an item would grow over DynamoDB's limit."""
    reasons = error.response.get("CancellationReasons", [])
    told = [error.response["Error"].get("Message", ""), *(reason.get("Message") or "" for reason in reasons)]
    return any("size" in text.lower() and "exceeded" in text.lower() for text in told)


def _model_write(model: RegisteredModel) -> Write:
    return Write(
        put=model_item(model),
        condition="revision = :seen AND model_id = :id",
        values={":seen": model.revision - 1, ":id": model.model_id},
    )


def _added(version: ModelVersion) -> Iterator[Write]:
    owner, number = version.owner_id, version.version
    yield Write(put=version_item(version), condition=NEW)
    yield Write(put=keys.stage_key(owner, version.stage, number))
    if version.run_id:
        yield Write(put=keys.run_key(version.run_id, owner, number))
    if version.job_id is not None:
        yield Write(put=keys.job_key(owner, version.job_id) | {"version": number}, condition=NEW)


def _moved(before: ModelVersion, stage: Stage, model: RegisteredModel) -> Iterator[Write]:
    owner, number = before.owner_id, before.version
    after = before.model_copy(update={"stage": stage, "updated_at": model.updated_at})
    order = version_order(after)
    values = {f":{name}": value for name, value in order.items()}
    sets = ", ".join(f"{name} = :{name}" for name in order)
    yield Write(
        key=keys.version_key(owner, number),
        update=f"SET #stage = :stage, updated_at = :at, {sets}",
        condition=f"{THERE} AND #stage = :before",
        names={"#stage": "stage"},
        values=values | {":stage": stage, ":at": model.updated_at.isoformat(), ":before": before.stage},
    )
    if stage is not before.stage:
        yield Write(delete=keys.stage_key(owner, before.stage, number))
        yield Write(put=keys.stage_key(owner, stage, number))


def _settled(version: ModelVersion) -> Iterator[Write]:
    owner, number = version.owner_id, version.version
    told = {
        "candidate_json": version.candidate.model_dump_json() if version.candidate else None,
        "status_message": version.status_message,
        "location": version.location,
        "run_id": version.run_id,
    }
    known = {name: value for name, value in told.items() if value is not None}
    yield Write(
        key=keys.version_key(owner, number),
        update="SET " + ", ".join(f"#{name} = :{name}" for name in known),
        condition=f"{THERE} AND {_UNSETTLED}",
        values={f":{name}": value for name, value in known.items()},
        names={f"#{name}": name for name in known},
    )
    if version.run_id:
        yield Write(put=keys.run_key(version.run_id, owner, number))


def _removed(version: ModelVersion) -> Iterator[Write]:
    owner, number = version.owner_id, version.version
    yield Write(delete=keys.version_key(owner, number), condition=THERE)
    yield Write(delete=keys.stage_key(owner, version.stage, number))
    if version.run_id:
        yield Write(delete=keys.run_key(version.run_id, owner, number))
