"""Aliases and their history in DynamoDB (keys.py)."""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, Write, is_contended, is_lost_condition
from shelflife.aws.outbox import news_write
from shelflife.contracts.registry import ModelVersionPromoted
from shelflife.kernel.paging import MAX_LIMIT, Page
from shelflife.registry.errors import AliasMovedError
from shelflife.registry.keys import ALIASES, alias_key, model_pk, move_key, moves_prefix, place
from shelflife.registry.model import Alias, AliasMove, after

_NEW = "attribute_not_exists(pk)"


@dataclass(frozen=True, slots=True)
class DynamoAliases:
    items: Items

    def find(self, model_name: str, alias: str) -> Alias | None:
        item = self.items.get(*place(alias_key(model_name, alias)))
        return _alias(item) if item else None

    def of_model(self, model_name: str) -> tuple[Alias, ...]:
        found, _ = self.items.query(model_pk(model_name), prefix=ALIASES, limit=MAX_LIMIT)
        aliases = (_alias(item) for item in found)
        return tuple(alias for alias in aliases if alias.version is not None)

    def move(self, move: AliasMove, news: ModelVersionPromoted | None) -> None:
        alias = after(move).model_dump(mode="json") | alias_key(move.model_name, move.alias)
        history = move.model_dump(mode="json") | move_key(move.model_name, move.alias, move.number)
        first = move.number == 1
        writes = [
            Write(put=alias, condition=_NEW)
            if first
            else Write(put=alias, condition="moves = :seen", values={":seen": move.number - 1}),
            Write(put=history, condition=_NEW),
        ]
        if news is not None:
            writes.append(news_write(news))
        try:
            self.items.transact(writes)
        except ClientError as error:
            if is_lost_condition(error) or is_contended(error):
                raise AliasMovedError(move.model_name, move.alias) from error
            raise

    def history(self, model_name: str, alias: str, limit: int, cursor: str | None) -> Page[AliasMove]:
        found, following = self.items.query(
            model_pk(model_name), prefix=moves_prefix(alias), limit=limit, cursor=cursor, newest_first=True
        )
        return Page(items=tuple(_move(item) for item in found), next_cursor=following)


def _alias(item: Item) -> Alias:
    return Alias.model_validate({field: item[field] for field in Alias.model_fields if field in item})


def _move(item: Item) -> AliasMove:
    return AliasMove.model_validate({field: item[field] for field in AliasMove.model_fields if field in item})
