"""Registered models in DynamoDB (keys.py)."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, Write, is_contended, is_lost_condition
from shelflife.kernel.ids import Moment
from shelflife.kernel.paging import Page
from shelflife.kernel.tables import PARTITION_KEY, SORT_KEY
from shelflife.registry.errors import (
    RegisteredModelChangedError,
    RegisteredModelExistsError,
    RegisteredModelKeptError,
    RegisteredModelNotFoundError,
)
from shelflife.registry.keys import ALL_MODELS, INDEX, listed, model_key, model_pk, place, version_key
from shelflife.registry.model import RegisteredModel

#: DynamoDB's limit of a transaction is 100; one write makes sure that no newer version exists.
_MOST_ITEMS = 99


@dataclass(frozen=True, slots=True)
class DynamoRegisteredModels:
    items: Items

    def add(self, model: RegisteredModel) -> None:
        item = model.model_dump(mode="json") | model_key(model.name) | listed(ALL_MODELS, model.name)
        try:
            self.items.put(item, "attribute_not_exists(pk)")
        except ClientError as error:
            if is_lost_condition(error):
                raise RegisteredModelExistsError(model.name) from error
            raise

    def find(self, name: str) -> RegisteredModel | None:
        item = self.items.get(*place(model_key(name)))
        return _model(item) if item else None

    def page(self, limit: int, cursor: str | None) -> Page[RegisteredModel]:
        found, following = self.items.query(ALL_MODELS, limit=limit, cursor=cursor, index=INDEX)
        return Page(items=tuple(_model(item) for item in found), next_cursor=following)

    def describe(self, name: str, description: str, at: Moment) -> RegisteredModel:
        return self._update(name, "SET description = :d, updated_at = :t", at, {":d": description})

    def tag(self, name: str, key: str, value: str | None, at: Moment) -> RegisteredModel:
        expression, values = tag_update(value)
        return self._update(name, expression, at, values, {"#k": key})

    def remove(self, name: str, newest_version: int) -> None:
        found, more = self.items.query(model_pk(name), limit=_MOST_ITEMS + 1)
        if more or len(found) > _MOST_ITEMS:
            raise RegisteredModelKeptError(name, f"it has more than {_MOST_ITEMS} versions and aliases")
        keys = [{PARTITION_KEY: item[PARTITION_KEY], SORT_KEY: item[SORT_KEY]} for item in found]
        newer = version_key(name, newest_version + 1)
        if model_key(name) not in keys or newer in keys:
            raise RegisteredModelChangedError(name)
        free = Write(check=newer, condition="attribute_not_exists(pk)")
        try:
            self.items.transact(
                [free, *(Write(delete=key, condition="attribute_exists(pk)") for key in keys)]
            )
        except ClientError as error:
            if is_lost_condition(error) or is_contended(error):
                raise RegisteredModelChangedError(name) from error
            raise

    def _update(
        self,
        name: str,
        expression: str,
        at: Moment,
        values: dict[str, Any],
        names: dict[str, str] | None = None,
    ) -> RegisteredModel:
        try:
            item = self.items.update(
                place(model_key(name)),
                expression,
                values=values | {":t": at.isoformat()},
                names=names,
                condition="attribute_exists(pk)",
            )
        except ClientError as error:
            if is_lost_condition(error):
                raise RegisteredModelNotFoundError(name) from error
            raise
        return _model(item)


def tag_update(value: str | None) -> tuple[str, dict[str, Any]]:
    """The expression that sets or removes the tag #k, and its values."""
    if value is None:
        return "SET updated_at = :t REMOVE tags.#k", {}
    return "SET updated_at = :t, tags.#k = :v", {":v": value}


def _model(item: Item) -> RegisteredModel:
    return RegisteredModel.model_validate(
        {field: item[field] for field in RegisteredModel.model_fields if field in item}
    )
