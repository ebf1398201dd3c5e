"""Experiments in DynamoDB.

Items:  pk = DEPLOYMENT#<name>                          sk = EXPERIMENT#<experiment id>    ids sort by time
        pk = EXPERIMENT#<experiment id>                 sk = <variant>#<part>              counters
        pk = GOAL#<experiment id>#<SHA-256 of the id>   sk = GOAL                          this one counted

Goals and what they add to the counters are one transaction, so that each counts once, whoever tells it how
often. A variant's counters are in several parts, so that those who count at the same time seldom clash.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, Write, is_contended, is_lost_condition
from shelflife.kernel.paging import Page
from shelflife.kernel.tables import EXPIRY
from shelflife.serving.counting import count_once
from shelflife.serving.errors import ExperimentChangedError, GoalsContendedError

if TYPE_CHECKING:
    from shelflife.serving.experiment import Experiment
    from shelflife.serving.goals import CountedGoal
    from shelflife.serving.sequential import Sums

# ruff: noqa: PLC0415 - `predict` reads deployments and no experiments: it does not load what they are made of

_EXPERIMENT = "EXPERIMENT#"
_GOAL = "GOAL"
_PARTS = 8
#: A transaction takes 100 writes: these, and the counters of up to 20 variants.
_TOGETHER = 80
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class DynamoExperiments:
    items: Items
    sleep: Callable[[float], None] = time.sleep

    def find(self, deployment: str, experiment_id: str) -> "Experiment | None":
        item = self.items.get(_pk(deployment), f"{_EXPERIMENT}{experiment_id}")
        return _experiment(item["experiment"]) if item else None

    def page(self, deployment: str, limit: int, cursor: str | None) -> "Page[Experiment]":
        found, following = self.items.query(
            _pk(deployment), prefix=_EXPERIMENT, limit=limit, cursor=cursor, newest_first=True
        )
        return Page(items=tuple(_experiment(item["experiment"]) for item in found), next_cursor=following)

    def change(self, experiment: "Experiment") -> "Experiment":
        try:
            self.items.transact([experiment_write(experiment)])
        except ClientError as error:
            if is_lost_condition(error) or is_contended(error):
                raise ExperimentChangedError(experiment.deployment, experiment.experiment_id) from error
            raise
        return experiment.written

    def count(self, experiment_id: str, goals: "Sequence[CountedGoal]", at: datetime) -> frozenset[str]:
        before: set[str] = set()
        for first in range(0, len(goals), _TOGETHER):
            before |= self._count(experiment_id, goals[first : first + _TOGETHER], at)
        return frozenset(before)

    def tally(self, experiment_id: str) -> "Mapping[str, Sums]":
        parts: dict[str, list[Item]] = {}
        cursor: str | None = None
        while True:
            found, cursor = self.items.query(f"{_EXPERIMENT}{experiment_id}", limit=_PAGE, cursor=cursor)
            for item in found:
                parts.setdefault(item["sk"].rpartition("#")[0], []).append(item)
            if cursor is None:
                return {variant: _sums(items) for variant, items in parts.items()}

    def _count(self, experiment_id: str, goals: "Sequence[CountedGoal]", at: datetime) -> set[str]:
        before = count_once(
            self.items,
            goals,
            lambda left: _writes(experiment_id, left, at),
            GoalsContendedError(experiment_id),
            self.sleep,
        )
        return {goal.prediction_id for goal in before}


def experiment_write(experiment: "Experiment") -> Write:
    """The write that keeps the experiment, if nobody wrote it since it was read."""
    written = experiment.written
    item = {
        "pk": _pk(experiment.deployment),
        "sk": f"{_EXPERIMENT}{experiment.experiment_id}",
        "change": written.change,
        "experiment": written.model_dump_json(),
    }
    if not experiment.change:
        return Write(put=item, condition="attribute_not_exists(pk)")
    return Write(
        put=item,
        condition="#change = :before",
        values={":before": experiment.change},
        names={"#change": "change"},
    )


def _writes(experiment_id: str, goals: "Sequence[CountedGoal]", at: datetime) -> list[Write]:
    """The goals first, in their order: a refusal names them by place."""
    from shelflife.serving.captures import digest_of
    from shelflife.serving.claims import CLAIM_KEPT

    # As long as its capture is known, whose claim is older, a goal could be told again.
    expiry = int((at + CLAIM_KEPT).timestamp())
    part = random.randrange(_PARTS)  # noqa: S311 - any part will do
    values: dict[str, list[int]] = {}
    for goal in goals:
        values.setdefault(goal.variant, []).append(goal.millionths)
    return [
        *(
            Write(
                put={
                    "pk": f"GOAL#{experiment_id}#{digest_of(goal.prediction_id)}",
                    "sk": _GOAL,
                    "variant": goal.variant,
                    "goal_millionths": goal.millionths,
                    EXPIRY: expiry,
                },
                condition="attribute_not_exists(pk)",
            )
            for goal in goals
        ),
        *(_adding(f"{_EXPERIMENT}{experiment_id}", f"{name}#{part}", of) for name, of in values.items()),
    ]


def _adding(pk: str, sk: str, values: Sequence[int]) -> Write:
    return Write(
        key={"pk": pk, "sk": sk},
        update="ADD goal_count :count, goal_total :total, goal_squares :squares",
        values={
            ":count": len(values),
            ":total": sum(values),
            ":squares": sum(value * value for value in values),
        },
    )


def _sums(parts: Sequence[Item]) -> "Sums":
    from shelflife.serving.goals import MILLION
    from shelflife.serving.sequential import Sums

    return Sums(
        count=sum(part["goal_count"] for part in parts),
        total=sum(part["goal_total"] for part in parts) / MILLION,
        squares=sum(part["goal_squares"] for part in parts) / MILLION**2,
    )


def _pk(deployment: str) -> str:
    return f"DEPLOYMENT#{deployment}"


def _experiment(text: str) -> "Experiment":
    from shelflife.serving.experiment import Experiment

    return Experiment.model_validate_json(text)
