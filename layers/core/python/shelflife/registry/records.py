"""What is kept as items (keys.py), and back.

A candidate is kept as JSON text: it comes back as it was, whatever numbers are in it.
"""

from shelflife.aws.items import Item, Write
from shelflife.contracts.models import Candidate
from shelflife.kernel.paging import encode_cursor
from shelflife.kernel.tables import PARTITION_KEY, SORT_KEY
from shelflife.registry import keys
from shelflife.registry.model import Change, ChangeKind, ModelVersion, RegisteredModel, Tenure

NEW = "attribute_not_exists(pk)"
THERE = "attribute_exists(pk)"


def model_item(model: RegisteredModel) -> Item:
    pk = keys.models_pk(prompts=model.is_prompt)
    return (
        model.model_dump(mode="json")
        | keys.name_key(model.name)
        | keys.listed(pk, model.name)
        | keys.recent(pk, f"{keys.stamp(model.updated_at)}#{model.name}")
    )


def model_of(item: Item) -> RegisteredModel:
    return RegisteredModel.model_validate(
        {field: item[field] for field in RegisteredModel.model_fields if field in item}
    )


def id_item(model: RegisteredModel) -> Item:
    return keys.id_key(model.model_id) | {"name": model.name}


def version_item(version: ModelVersion) -> Item:
    candidate = version.candidate.model_dump_json() if version.candidate else None
    return (
        version.model_dump(mode="json", exclude={"candidate", "model_name"})
        | keys.version_key(version.owner_id, version.version)
        | version_order(version)
        | {"candidate_json": candidate}
    )


def version_order(version: ModelVersion) -> Item:
    """Where the version stands in lists, which changes with every change of it."""
    changed, number = keys.stamp(version.updated_at), keys.digits(version.version)
    pk = keys.versions_pk(prompts=version.is_prompt)
    return keys.listed(pk, f"{changed}#{version.owner_id}#{number}") | keys.recent(
        keys.recent_pk(version.owner_id), f"{changed}#{number}"
    )


def version_of(item: Item, model_name: str) -> ModelVersion:
    fields = {field: item[field] for field in ModelVersion.model_fields if field in item}
    if "candidate_json" in item:
        fields["candidate"] = Candidate.model_validate_json(item["candidate_json"])
    return ModelVersion.model_validate(fields | {"model_name": model_name})


def change_write(change: Change) -> Write:
    item = change.model_dump(mode="json") | keys.change_key(change.owner_id, change.number)
    if change.kind is ChangeKind.ALIAS_MOVED and change.alias is not None:
        moves = keys.moves_pk(change.owner_id, change.alias)
        item |= keys.listed(moves, f"{change.number:010d}")
    return Write(put=item, condition=NEW)


def change_of(item: Item) -> Change:
    return Change.model_validate({field: item[field] for field in Change.model_fields if field in item})


def tenure_writes(
    ended: RegisteredModel | None, begun: RegisteredModel | None, change: Change
) -> list[Write]:
    """A name changes hands: until when it was one's, and since when it is another's."""
    writes: list[Write] = []
    if ended is not None:
        tenure = Tenure(
            name=ended.name, owner_id=ended.model_id, since=ended.named_at, until=change.happened_at
        )
        writes.append(Write(put=_tenure_item(tenure)))
    if begun is not None:
        tenure = Tenure(name=begun.name, owner_id=begun.model_id, since=change.happened_at)
        writes.append(Write(put=_tenure_item(tenure)))
    return writes


def tenure_of(item: Item) -> Tenure:
    return Tenure.model_validate({field: item[field] for field in Tenure.model_fields if field in item})


def cursor_at(item: Item, index: tuple[str, str, str] | None) -> str:
    """The cursor of a list that goes on behind this item."""
    names = (PARTITION_KEY, SORT_KEY, *(index[1:] if index else ()))
    return encode_cursor({name: item[name] for name in names}) or ""


def _tenure_item(tenure: Tenure) -> Item:
    return tenure.model_dump(mode="json") | keys.tenure_key(tenure.name, tenure.since, tenure.owner_id)
