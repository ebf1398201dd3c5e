"""What deployments need of models, in DynamoDB (keys.py).

News comes in any order, so each part of an item remembers when it was told, and older news is passed over; a
removed deployment leaves its times behind for a week, so that nothing late brings it back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from shelflife.aws.items import Items, is_lost_condition
from shelflife.kernel.ids import Moment
from shelflife.kernel.tables import EXPIRY
from shelflife.registry import keys
from shelflife.registry.ports import Use

_PAGE = 500
_KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class DynamoUses:
    items: Items

    def of_model(self, model_name: str) -> list[Use]:
        found, cursor = self.items.query(keys.uses_pk(model_name), limit=_PAGE)
        while cursor:
            more, cursor = self.items.query(keys.uses_pk(model_name), limit=_PAGE, cursor=cursor)
            found += more
        return [
            Use(item["sk"], item.get("alias"), frozenset(item.get("served", ())))
            for item in found
            if "alias" in item or "served" in item
        ]

    def follow(self, model_name: str, deployment: str, alias: str, at: Moment) -> None:
        self._note(model_name, deployment, "followed_at", {"alias": alias}, at)

    def serve(self, model_name: str, deployment: str, versions: Sequence[int], at: Moment) -> None:
        self._note(model_name, deployment, "served_at", {"served": list(versions)}, at)

    def end(self, model_name: str, deployment: str, at: Moment) -> None:
        newest = "(attribute_not_exists({0}) OR {0} <= :at)"
        self._update(
            (keys.uses_pk(model_name), deployment),
            f"SET followed_at = :at, served_at = :at, {EXPIRY} = :end REMOVE alias, served",
            {":at": keys.stamp(at), ":end": int((at + _KEPT).timestamp())},
            " AND ".join(newest.format(name) for name in ("followed_at", "served_at")),
        )

    def _note(
        self, model_name: str, deployment: str, clock: str, told: Mapping[str, Any], at: Moment
    ) -> None:
        sets = ", ".join(f"{name} = :{name}" for name in told)
        self._update(
            (keys.uses_pk(model_name), deployment),
            f"SET {clock} = :at, {sets} REMOVE {EXPIRY}",
            {":at": keys.stamp(at)} | {f":{name}": value for name, value in told.items()},
            f"attribute_not_exists({clock}) OR {clock} < :at",
        )

    def _update(
        self, key: tuple[str, str], expression: str, values: Mapping[str, Any], condition: str
    ) -> None:
        try:
            self.items.update(key, expression, values=values, condition=condition)
        except ClientError as error:
            if not is_lost_condition(error):
                raise
