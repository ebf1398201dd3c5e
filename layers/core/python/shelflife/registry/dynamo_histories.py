"""What happened to models, in DynamoDB (keys.py)."""

from dataclasses import dataclass

from shelflife.aws.items import Items
from shelflife.kernel.ids import Moment
from shelflife.kernel.paging import Page
from shelflife.registry import keys
from shelflife.registry.model import Change, Tenure
from shelflife.registry.records import change_of, tenure_of


@dataclass(frozen=True, slots=True)
class DynamoHistories:
    items: Items

    def page(self, model_id: str, limit: int, cursor: str | None, *, backwards: bool = True) -> Page[Change]:
        found, following = self.items.query(
            keys.history_pk(model_id), limit=limit, cursor=cursor, newest_first=backwards
        )
        return Page(items=tuple(change_of(item) for item in found), next_cursor=following)

    def of_alias(self, model_id: str, alias: str, limit: int, cursor: str | None) -> Page[Change]:
        found, following = self.items.query(
            keys.moves_pk(model_id, alias), limit=limit, cursor=cursor, newest_first=True, index=keys.BY_NAME
        )
        return Page(items=tuple(change_of(item) for item in found), next_cursor=following)

    def tenures(self, name: str, limit: int, cursor: str | None) -> Page[Tenure]:
        found, following = self.items.query(
            keys.tenure_pk(name), limit=limit, cursor=cursor, newest_first=True
        )
        return Page(items=tuple(tenure_of(item) for item in found), next_cursor=following)

    def tenure_at(self, name: str, at: Moment) -> Tenure | None:
        found, _ = self.items.query(
            keys.tenure_pk(name), between=("0", f"{keys.stamp(at)}#~"), limit=1, newest_first=True
        )
        tenure = tenure_of(found[0]) if found else None
        return tenure if tenure and (tenure.until is None or at < tenure.until) else None
