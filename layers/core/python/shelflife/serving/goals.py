"""Goals: what became of predictions, told afterwards, is counted for who answered them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from pydantic import Field

from shelflife.kernel.ids import Clock, Name
from shelflife.kernel.model import Model
from shelflife.serving.capture_ports import Claims
from shelflife.serving.captures import claim_key_of
from shelflife.serving.errors import DeploymentNotFoundError, GoalRefusedError
from shelflife.serving.experiment import Experiment
from shelflife.serving.experiment_ports import Experiments
from shelflife.serving.model import is_name
from shelflife.serving.ports import Deployments

MOST_GOALS = 1000
#: Values are counted in whole millionths, which add up without drift: a hundred million squares of the
#: largest one fit into DynamoDB's 38 digits.
MILLION = 1_000_000
_LARGEST = 1e9


class ToldGoal(Model):
    """What became of a prediction; `value` counts in millionths. Without a `goal` it is the experiment's."""

    prediction_id: str = Field(min_length=1, max_length=256)
    value: float = Field(ge=-_LARGEST, le=_LARGEST, allow_inf_nan=False)
    goal: Name | None = None

    @property
    def millionths(self) -> int:
        return round(Decimal(repr(self.value)) * MILLION)


class CountedGoal(NamedTuple):
    """A sample of a variant."""

    prediction_id: str
    variant: str
    millionths: int


class Told(Model):
    """Ids of predictions, each once, by what was done with their goals.

    Accepted ones count from now on, duplicates counted before. Of unknown ones no capture is stored, or not
    yet: tell them again later. Ignored ones never count: no experiment with that goal is running, or the
    prediction is none of its samples.
    """

    accepted: tuple[str, ...] = ()
    duplicate: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Goals:
    deployments: Deployments
    experiments: Experiments
    claims: Claims
    now: Clock

    def tell(self, name: str, goals: Sequence[ToldGoal]) -> Told:
        """Count the goals for the experiment that is running; told again, each of them counts once.

        Of two goals of one prediction the first one counts.

        Raises:
            DeploymentNotFoundError: there is no such deployment.
            GoalRefusedError: a proportion is told by another value than 0 or 1; nothing is counted.
            GoalsContendedError: others keep counting at the same time; tell all of them again.
        """
        first = {goal.prediction_id: goal for goal in reversed(goals)}
        ids = tuple(dict.fromkeys(goal.prediction_id for goal in goals))
        experiment = self._running(name)
        if experiment is None:
            return Told(ignored=ids)
        _check(experiment, goals)
        asked = [id for id in ids if first[id].goal in (None, experiment.goal.name)]
        keys = {id: claim_key_of(name, id) for id in asked}
        answered = self.claims.answered([*keys.values()])
        counted = [
            CountedGoal(id, answered[keys[id]].variant, first[id].millionths)
            for id in asked
            if keys[id] in answered and experiment.counts(answered[keys[id]])
        ]
        before = self.experiments.count(experiment.experiment_id, counted, self.now()) if counted else ()
        accepted = tuple(goal.prediction_id for goal in counted if goal.prediction_id not in before)
        unknown = tuple(id for id in asked if keys[id] not in answered)
        others = {*accepted, *before, *unknown}
        return Told(
            accepted=accepted,
            duplicate=tuple(id for id in ids if id in before),
            unknown=unknown,
            ignored=tuple(id for id in ids if id not in others),
        )

    def _running(self, name: str) -> Experiment | None:
        deployment = self.deployments.find(name) if is_name(name) else None
        if deployment is None:
            raise DeploymentNotFoundError(name)
        if deployment.experiment_id is None:
            return None
        return self.experiments.find(name, deployment.experiment_id)


def _check(experiment: Experiment, goals: Sequence[ToldGoal]) -> None:
    if experiment.goal.kind != "proportion":
        return
    for at, goal in enumerate(goals):
        if goal.goal in (None, experiment.goal.name) and goal.value not in (0, 1):
            raise GoalRefusedError(at, f"{experiment.goal.name!r} is a proportion: expected 0 or 1")
