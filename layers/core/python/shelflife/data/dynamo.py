"""Datasets and their versions in DynamoDB.

Items:  pk = DATASET#<name>   sk = DATASET     (index `listed`: list_pk = DATASETS, list_sk = <name>)
        pk = DATASET#<name>   sk = COUNTER     the highest number given
        pk = DATASET#<name>   sk = VERSION#<zero-padded number>
        pk = DATASET#<name>   sk = CONTENT#<sha256>   the number that the content was given
"""

from dataclasses import dataclass
from typing import TypeVar

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, Write, is_contended, is_lost_condition
from shelflife.data.errors import VersionTakenError
from shelflife.data.model import Dataset, DatasetVersion
from shelflife.data.settings import LISTED
from shelflife.kernel.model import Model
from shelflife.kernel.paging import Page

_DATASET = "DATASET"
_COUNTER = "COUNTER"
_VERSION = "VERSION#"
_LIST = "DATASETS"
_ABSENT = "attribute_not_exists(pk)"

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class DynamoVersions:
    items: Items

    def last_number(self, name: str) -> int:
        item = self.items.get(_pk(name), _COUNTER)
        return int(item["given"]) if item else 0

    def find_content(self, name: str, content: str) -> DatasetVersion | None:
        item = self.items.get(_pk(name), _content(content))
        found = self.items.get(_pk(name), _version(item["version"])) if item else None
        return _as(DatasetVersion, found) if found else None

    def claim(self, version: DatasetVersion) -> None:
        pk, number = _pk(version.name), version.version
        counter = Write(
            put={"pk": pk, "sk": _COUNTER, "given": number},
            condition="given = :before" if number > 1 else _ABSENT,
            values={":before": number - 1} if number > 1 else None,
        )
        content = {"pk": pk, "sk": _content(version.content), "version": number}
        try:
            self.items.transact(
                [
                    counter,
                    Write(put=content, condition=_ABSENT),
                    Write(put=_item(version), condition=_ABSENT),
                ]
            )
        except ClientError as error:
            if is_lost_condition(error) or is_contended(error):
                raise VersionTakenError(version.name, number) from error
            raise

    def publish(self, version: DatasetVersion) -> None:
        self.items.put(_item(version.model_copy(update={"ready": True})))
        try:
            self.items.update(
                (_pk(version.name), _DATASET),
                "SET #name = :name, latest_version = :version, updated_at = :at,"
                " list_pk = :list, list_sk = :name,"
                " created_at = if_not_exists(created_at, :at), created_by = if_not_exists(created_by, :by)",
                values={
                    ":name": version.name,
                    ":version": version.version,
                    ":at": version.created_at.isoformat(),
                    ":by": version.created_by,
                    ":list": _LIST,
                },
                names={"#name": "name"},
                condition="attribute_not_exists(pk) OR latest_version <= :version",
            )
        except ClientError as error:
            # A higher version was ready before: it stays the latest.
            if not is_lost_condition(error):
                raise

    def find(self, name: str, version: int) -> DatasetVersion | None:
        item = self.items.get(_pk(name), _version(version))
        return _as(DatasetVersion, item) if item and item["ready"] else None

    def find_dataset(self, name: str) -> Dataset | None:
        item = self.items.get(_pk(name), _DATASET)
        return _as(Dataset, item) if item else None

    def page(self, name: str, limit: int, cursor: str | None) -> Page[DatasetVersion]:
        found, following = self.items.query(
            _pk(name), prefix=_VERSION, limit=limit, cursor=cursor, newest_first=True
        )
        ready = tuple(_as(DatasetVersion, item) for item in found if item["ready"])
        return Page(items=ready, next_cursor=following)

    def page_datasets(self, limit: int, cursor: str | None) -> Page[Dataset]:
        index = (LISTED.name, LISTED.partition_key, LISTED.sort_key)
        found, following = self.items.query(_LIST, limit=limit, cursor=cursor, index=index)
        return Page(items=tuple(_as(Dataset, item) for item in found), next_cursor=following)


def _pk(name: str) -> str:
    return f"DATASET#{name}"


def _version(number: int) -> str:
    return f"{_VERSION}{number:08d}"


def _content(content: str) -> str:
    return f"CONTENT#{content}"


def _item(version: DatasetVersion) -> Item:
    return version.model_dump(mode="json") | {"pk": _pk(version.name), "sk": _version(version.version)}


def _as(kind: type[M], item: Item) -> M:
    return kind.model_validate({name: item[name] for name in kind.model_fields if name in item})
