from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shelflife.kernel.paging import Page, decode_cursor, encode_cursor
from shelflife.serving.errors import ExperimentChangedError
from shelflife.serving.experiment import Experiment
from shelflife.serving.goals import MILLION, CountedGoal
from shelflife.serving.sequential import Sums


@dataclass
class MemoryExperiments:
    kept: dict[tuple[str, str], Experiment] = field(default_factory=dict)
    goals: dict[tuple[str, str], CountedGoal] = field(default_factory=dict)

    def find(self, deployment: str, experiment_id: str) -> Experiment | None:
        return self.kept.get((deployment, experiment_id))

    def page(self, deployment: str, limit: int, cursor: str | None) -> Page[Experiment]:
        before = (decode_cursor(cursor) or {}).get("before", "~")
        ids = sorted((found for name, found in self.kept if name == deployment), reverse=True)
        left = [self.kept[deployment, found] for found in ids if found < before]
        more = encode_cursor({"before": left[limit - 1].experiment_id}) if len(left) > limit else None
        return Page(items=tuple(left[:limit]), next_cursor=more)

    def lost(self, experiment: Experiment) -> bool:
        kept = self.find(experiment.deployment, experiment.experiment_id)
        return (kept.change if kept else 0) != experiment.change

    def change(self, experiment: Experiment) -> Experiment:
        if self.lost(experiment):
            raise ExperimentChangedError(experiment.deployment, experiment.experiment_id)
        self.kept[experiment.deployment, experiment.experiment_id] = experiment.written
        return experiment.written

    def count(self, experiment_id: str, goals: Sequence[CountedGoal], at: datetime) -> frozenset[str]:
        del at  # nothing expires here
        told = {(experiment_id, goal.prediction_id): goal for goal in goals}
        before = frozenset(prediction for of, prediction in told if (of, prediction) in self.goals)
        self.goals = told | self.goals
        return before

    def tally(self, experiment_id: str) -> Mapping[str, Sums]:
        counted = [goal for (of, _), goal in self.goals.items() if of == experiment_id]
        return {
            variant: _sums([goal for goal in counted if goal.variant == variant])
            for variant in {goal.variant for goal in counted}
        }


def _sums(goals: Sequence[CountedGoal]) -> Sums:
    return Sums(
        count=len(goals),
        total=sum(goal.millionths for goal in goals) / MILLION,
        squares=sum(goal.millionths**2 for goal in goals) / MILLION**2,
    )
