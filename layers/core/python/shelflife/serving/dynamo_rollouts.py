"""Rollouts and strategies in DynamoDB.

Items:  pk = DEPLOYMENT#<name>     sk = ROLLOUT#<rollout id>     ids sort by time
        pk = DEPLOYMENT#<name>     sk = STRATEGY
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shelflife.aws.items import Items, Write, is_contended, is_lost_condition
from shelflife.kernel.paging import Page
from shelflife.serving.errors import RolloutChangedError

if TYPE_CHECKING:
    from shelflife.serving.rollout import Rollout
    from shelflife.serving.strategy import Strategy

# ruff: noqa: PLC0415 - `predict` reads deployments and no rollouts: it does not load what they are made of

_ROLLOUT = "ROLLOUT#"
_STRATEGY = "STRATEGY"


@dataclass(frozen=True, slots=True)
class DynamoRollouts:
    items: Items

    def find(self, deployment: str, rollout_id: str) -> "Rollout | None":
        item = self.items.get(_pk(deployment), f"{_ROLLOUT}{rollout_id}")
        return _rollout(item["rollout"]) if item else None

    def page(self, deployment: str, limit: int, cursor: str | None) -> "Page[Rollout]":
        found, following = self.items.query(
            _pk(deployment), prefix=_ROLLOUT, limit=limit, cursor=cursor, newest_first=True
        )
        return Page(items=tuple(_rollout(item["rollout"]) for item in found), next_cursor=following)

    def change(self, rollout: "Rollout") -> "Rollout":
        try:
            self.items.transact([rollout_write(rollout)])
        except ClientError as error:
            if is_lost_condition(error) or is_contended(error):
                raise RolloutChangedError(rollout.deployment, rollout.rollout_id) from error
            raise
        return rollout.written

    def strategy(self, deployment: str) -> "Strategy":
        from shelflife.serving.strategy import AT_ONCE, read

        item = self.items.get(_pk(deployment), _STRATEGY)
        return read(item["strategy"]) if item else AT_ONCE

    def set_strategy(self, deployment: str, strategy: "Strategy") -> None:
        key = {"pk": _pk(deployment), "sk": _STRATEGY}
        self.items.put(key | {"strategy": strategy.model_dump_json()})


def rollout_write(rollout: "Rollout") -> Write:
    """The write that keeps the rollout, if nobody wrote it since it was read."""
    written = rollout.written
    item = {
        "pk": _pk(rollout.deployment),
        "sk": f"{_ROLLOUT}{rollout.rollout_id}",
        "change": written.change,
        "rollout": written.model_dump_json(),
    }
    if not rollout.change:
        return Write(put=item, condition="attribute_not_exists(pk)")
    return Write(
        put=item,
        condition="#change = :before",
        values={":before": rollout.change},
        names={"#change": "change"},
    )


def _pk(deployment: str) -> str:
    return f"DEPLOYMENT#{deployment}"


def _rollout(text: str) -> "Rollout":
    from shelflife.serving.rollout import Rollout

    return Rollout.model_validate_json(text)
