"""Model versions in DynamoDB (keys.py); what changes a model with them is written by dynamo_commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, is_lost_condition
from shelflife.kernel.ids import Moment
from shelflife.kernel.paging import Page
from shelflife.registry import keys
from shelflife.registry.dynamo_commits import is_too_large
from shelflife.registry.errors import ModelRecordTooLargeError, ModelVersionNotFoundError
from shelflife.registry.model import ModelVersion, RegisteredModel, Stage
from shelflife.registry.ports import VersionOrder
from shelflife.registry.records import THERE, cursor_at, version_item, version_of, version_order

_INDEX = {
    VersionOrder.NUMBER: None,
    VersionOrder.AGE: keys.BY_AGE,
    VersionOrder.AGE_OF_ALL: keys.BY_NAME,
}


@dataclass(frozen=True, slots=True)
class DynamoModelVersions:
    items: Items

    def find(self, model: RegisteredModel, version: int) -> ModelVersion | None:
        item = self.items.get(*keys.place(keys.version_key(model.model_id, version)))
        return version_of(item, model.name) if item else None

    def find_many(self, model: RegisteredModel, numbers: Sequence[int]) -> list[ModelVersion]:
        return self.find_all([(model, number) for number in sorted(numbers)])

    def find_all(self, wanted: Sequence[tuple[RegisteredModel, int]]) -> list[ModelVersion]:
        places = [keys.place(keys.version_key(model.model_id, number)) for model, number in wanted]
        there = {keys.place(item): item for item in self.items.get_many(places)}
        return [
            version_of(there[place], model.name)
            for (model, _), place in zip(wanted, places, strict=True)
            if place in there
        ]

    def of_job(self, model: RegisteredModel, job_id: str) -> ModelVersion | None:
        led_to = self.items.get(*keys.place(keys.job_key(model.model_id, job_id)))
        return self.find(model, led_to["version"]) if led_to else None

    def of_run(self, run_id: str, limit: int, cursor: str | None) -> Page[tuple[str, int]]:
        found, following = self.items.query(keys.run_pk(run_id), limit=limit, cursor=cursor)
        pairs = (item["sk"].split("#") for item in found)
        return Page(items=tuple((owner, int(number)) for owner, number in pairs), next_cursor=following)

    def page(
        self, model: RegisteredModel, limit: int, cursor: str | None, *, backwards: bool = True
    ) -> Page[ModelVersion]:
        found, following = self.items.query(
            keys.model_pk(model.model_id),
            prefix=keys.VERSIONS,
            limit=limit,
            cursor=cursor,
            newest_first=backwards,
        )
        return _page(found, following, model.name)

    def page_by_age(
        self, model: RegisteredModel, limit: int, cursor: str | None, *, backwards: bool = True
    ) -> Page[ModelVersion]:
        found, following = self.items.query(
            keys.recent_pk(model.model_id),
            limit=limit,
            cursor=cursor,
            newest_first=backwards,
            index=keys.BY_AGE,
        )
        return _page(found, following, model.name)

    def page_of_all(self, limit: int, cursor: str | None, *, prompts: bool = False) -> Page[ModelVersion]:
        found, following = self.items.query(
            keys.versions_pk(prompts=prompts),
            limit=limit,
            cursor=cursor,
            newest_first=True,
            index=keys.BY_NAME,
        )
        return _page(found, following, "?")

    def after(self, version: ModelVersion, order: VersionOrder) -> str:
        return cursor_at(version_item(version), _INDEX[order])

    def staged(self, model: RegisteredModel, stage: Stage, limit: int) -> list[int]:
        prefix = keys.stage_prefix(stage)
        found, _ = self.items.query(
            keys.model_pk(model.model_id), prefix=prefix, limit=limit, newest_first=True
        )
        return [int(item["sk"].removeprefix(prefix)) for item in found]

    def describe(self, version: ModelVersion, description: str, at: Moment) -> ModelVersion:
        order = version_order(version.model_copy(update={"updated_at": at}))
        values = {f":{name}": value for name, value in order.items()}
        sets = ", ".join(f"{name} = :{name}" for name in order)
        expression = f"SET description = :d, updated_at = :t, {sets}"
        return self._update(version, expression, values | {":d": description, ":t": at.isoformat()})

    def tag(self, version: ModelVersion, key: str, value: str | None) -> ModelVersion:
        if value is None:
            return self._update(version, "REMOVE tags.#k", {}, {"#k": key})
        return self._update(version, "SET tags.#k = :v", {":v": value}, {"#k": key})

    def _update(
        self,
        version: ModelVersion,
        expression: str,
        values: dict[str, Any],
        names: dict[str, str] | None = None,
    ) -> ModelVersion:
        key = keys.place(keys.version_key(version.owner_id, version.version))
        try:
            item = self.items.update(key, expression, values=values, names=names, condition=THERE)
        except ClientError as error:
            if is_lost_condition(error):
                raise ModelVersionNotFoundError(version.model_name, version.version) from error
            if is_too_large(error):
                raise ModelRecordTooLargeError(version.model_name) from error
            raise
        return version_of(item, version.model_name)


def _page(found: list[Item], following: str | None, name: str) -> Page[ModelVersion]:
    return Page(items=tuple(version_of(item, name) for item in found), next_cursor=following)
