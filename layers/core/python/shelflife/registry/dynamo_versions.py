"""Model versions in DynamoDB (keys.py).

A candidate is kept as JSON text: it comes back as it was, whatever numbers are in it.
"""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, Write, is_contended, is_lost_condition
from shelflife.aws.outbox import news_write
from shelflife.contracts.models import Candidate
from shelflife.contracts.registry import ModelVersionRegistered
from shelflife.kernel.ids import Moment
from shelflife.kernel.paging import Page
from shelflife.registry.dynamo_models import tag_update
from shelflife.registry.errors import (
    ModelVersionExistsError,
    ModelVersionNotFoundError,
    RegisteredModelNotFoundError,
)
from shelflife.registry.keys import (
    ALL_VERSIONS,
    INDEX,
    VERSIONS,
    job_key,
    listed,
    model_key,
    model_pk,
    place,
    version_key,
)
from shelflife.registry.model import ModelVersion

_NEW = "attribute_not_exists(pk)"


@dataclass(frozen=True, slots=True)
class DynamoModelVersions:
    items: Items

    def newest(self, model_name: str) -> int:
        found = self.page(model_name, 1, None).items
        return found[0].version if found else 0

    def add(self, version: ModelVersion, news: ModelVersionRegistered | None = None) -> None:
        writes = [
            Write(check=model_key(version.model_name), condition="attribute_exists(pk)"),
            Write(put=_item(version), condition=_NEW),
        ]
        if version.job_id is not None:
            led_to = job_key(version.model_name, version.job_id) | {"version": version.version}
            writes.append(Write(put=led_to, condition=_NEW))
        if news is not None:
            writes.append(news_write(news))
        try:
            self.items.transact(writes)
        except ClientError as error:
            if not (is_lost_condition(error) or is_contended(error)):
                raise
            if self.items.get(*place(model_key(version.model_name))) is None:
                raise RegisteredModelNotFoundError(version.model_name) from error
            raise ModelVersionExistsError(version.model_name, version.version) from error

    def find(self, model_name: str, version: int) -> ModelVersion | None:
        item = self.items.get(*place(version_key(model_name, version)))
        return _version(item) if item else None

    def of_job(self, model_name: str, job_id: str) -> ModelVersion | None:
        led_to = self.items.get(*place(job_key(model_name, job_id)))
        return self.find(model_name, led_to["version"]) if led_to else None

    def page(self, model_name: str, limit: int, cursor: str | None) -> Page[ModelVersion]:
        found, following = self.items.query(
            model_pk(model_name), prefix=VERSIONS, limit=limit, cursor=cursor, newest_first=True
        )
        return Page(items=tuple(_version(item) for item in found), next_cursor=following)

    def page_of_all(self, limit: int, cursor: str | None) -> Page[ModelVersion]:
        found, following = self.items.query(
            ALL_VERSIONS, limit=limit, cursor=cursor, newest_first=True, index=INDEX
        )
        return Page(items=tuple(_version(item) for item in found), next_cursor=following)

    def describe(self, model_name: str, version: int, description: str, at: Moment) -> ModelVersion:
        expression = "SET description = :d, updated_at = :t"
        return self._update((model_name, version), expression, at, {":d": description})

    def tag(self, model_name: str, version: int, tag: tuple[str, str | None], at: Moment) -> ModelVersion:
        expression, values = tag_update(tag[1])
        return self._update((model_name, version), expression, at, values, {"#k": tag[0]})

    def _update(
        self,
        of: tuple[str, int],
        expression: str,
        at: Moment,
        values: dict[str, Any],
        names: dict[str, str] | None = None,
    ) -> ModelVersion:
        try:
            item = self.items.update(
                place(version_key(*of)),
                expression,
                values=values | {":t": at.isoformat()},
                names=names,
                condition="attribute_exists(pk)",
            )
        except ClientError as error:
            if is_lost_condition(error):
                raise ModelVersionNotFoundError(*of) from error
            raise
        return _version(item)


def _item(version: ModelVersion) -> Item:
    order = f"{version.created_at.isoformat()}#{version.model_name}#{version.version:08d}"
    candidate = version.candidate.model_dump_json() if version.candidate else None
    return (
        version.model_dump(mode="json", exclude={"candidate"})
        | version_key(version.model_name, version.version)
        | listed(ALL_VERSIONS, order)
        | {"candidate_json": candidate}
    )


def _version(item: Item) -> ModelVersion:
    fields = {field: item[field] for field in ModelVersion.model_fields if field in item}
    if "candidate_json" in item:
        fields["candidate"] = Candidate.model_validate_json(item["candidate_json"])
    return ModelVersion.model_validate(fields)
