from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shelflife.kernel.paging import Page
    from shelflife.serving.experiment import Experiment
    from shelflife.serving.goals import CountedGoal
    from shelflife.serving.sequential import Sums


class Experiments(Protocol):
    """Experiments and what was counted for them; those that begin and end are written by `Deployments`."""

    def find(self, deployment: str, experiment_id: str) -> "Experiment | None": ...

    def page(self, deployment: str, limit: int, cursor: str | None) -> "Page[Experiment]":
        """Experiments of a deployment, newest first."""

    def change(self, experiment: "Experiment") -> "Experiment":
        """Write the experiment as it is to be; it comes back as it was written.

        Raises:
            ExperimentChangedError: somebody wrote it since it was read.
        """

    def count(self, experiment_id: str, goals: "Sequence[CountedGoal]", at: datetime) -> frozenset[str]:
        """Count each prediction's goal once, whoever tells it how often; ids of those counted before.

        No prediction may be among them twice.

        Raises:
            GoalsContendedError: others keep counting at the same time; some are counted, told again all are.
        """

    def tally(self, experiment_id: str) -> "Mapping[str, Sums]":
        """What was counted by now, by variant; without those for whom nothing was."""
