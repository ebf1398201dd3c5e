"""Experiments: the live variants of one traffic rule are compared by a goal, for as long as it lasts."""

from enum import StrEnum

from shelflife.kernel.ids import Moment, Name
from shelflife.kernel.model import Model
from shelflife.serving.captures import Answered
from shelflife.serving.sequential import Goal


class ExperimentState(StrEnum):
    RUNNING = "running"
    #: It was ended with a winner, who answers everything from then on.
    DECIDED = "decided"
    #: It was ended without one.
    STOPPED = "stopped"

    @property
    def is_over(self) -> bool:
        return self is not ExperimentState.RUNNING


class GoalMetric(Goal):
    """What is told of predictions, by its name, and what of it makes a variant the better one."""

    name: Name


class Experiment(Model):
    """What was asked of the variants of one revision of a deployment, the control (the stable one) first.

    `change` is that of the record as it was read, counted up with every write.
    """

    experiment_id: str
    deployment: Name
    model_name: Name
    revision: int
    variants: tuple[Name, ...]
    goal: GoalMetric
    started_at: Moment
    started_by: str
    reason: str
    state: ExperimentState = ExperimentState.RUNNING
    ended_at: Moment | None = None
    ended_by: str | None = None
    outcome: str | None = None
    winner: Name | None = None
    change: int = 0

    @property
    def control(self) -> str:
        return self.variants[0]

    @property
    def written(self) -> "Experiment":
        """What is kept of it: the next state of its record."""
        return self.model_copy(update={"change": self.change + 1})

    def counts(self, answered: Answered) -> bool:
        """Whether a goal of that prediction is one of this experiment's samples.

        Only what the traffic rule assigned, and since it began: what was known before might be why.
        """
        return (
            answered.assigned
            and answered.revision == self.revision
            and answered.variant in self.variants
            and answered.captured_at >= self.started_at
        )

    def ended(self, by: str, outcome: str, at: Moment, winner: str | None) -> "Experiment":
        return self.model_copy(
            update={
                "state": ExperimentState.STOPPED if winner is None else ExperimentState.DECIDED,
                "ended_at": at,
                "ended_by": by,
                "outcome": outcome,
                "winner": winner,
            }
        )
