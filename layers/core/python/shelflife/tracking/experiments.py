"""Experiments: where runs belong."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from shelflife.kernel.filter_grammar import parse_filter, parse_orders
from shelflife.kernel.filters import sort
from shelflife.kernel.ids import Clock
from shelflife.tracking.errors import (
    ExperimentBusyError,
    ExperimentDeletedError,
    ExperimentExistsError,
    ExperimentNotFoundError,
    ExperimentRemovingError,
    LostRaceError,
    TagNotFoundError,
)
from shelflife.tracking.model import (
    ARTIFACT_ROOT,
    DEFAULT_EXPERIMENT_ID,
    DEFAULT_EXPERIMENT_NAME,
    Experiment,
    Lifecycle,
    View,
)
from shelflife.tracking.ports import Experiments
from shelflife.tracking.searchable import EXPERIMENTS

_ATTEMPTS = 5
_NEWEST_FIRST = ("creation_time DESC", "experiment_id DESC")


@dataclass(frozen=True, slots=True)
class ExperimentSearch:
    filter: str = ""
    order_by: tuple[str, ...] = ()
    view: View = View.ACTIVE_ONLY


@dataclass(frozen=True, slots=True)
class ExperimentBook:
    experiments: Experiments
    now: Clock
    new_number: Callable[[], str]

    def keep_default(self) -> None:
        """See to it that the default experiment is there; doing it again changes nothing."""
        if self.experiments.find(DEFAULT_EXPERIMENT_ID) is not None:
            return
        try:
            self._add(DEFAULT_EXPERIMENT_ID, DEFAULT_EXPERIMENT_NAME, None, {})
        except ExperimentExistsError:
            return  # somebody else was first

    def create(self, name: str, artifact_location: str | None, tags: dict[str, str]) -> Experiment:
        """Make an experiment.

        Raises:
            ExperimentExistsError: the name is taken, be it by a deleted experiment.
        """
        return self._add(self.new_number(), name, artifact_location, tags)

    def get(self, experiment_id: str) -> Experiment:
        """The experiment, deleted or not.

        Raises:
            ExperimentNotFoundError: there is none.
        """
        experiment = self.experiments.find(experiment_id)
        if experiment is None:
            raise ExperimentNotFoundError("id", experiment_id)
        return experiment

    def get_by_name(self, name: str) -> Experiment:
        experiment = self.experiments.find_by_name(name)
        if experiment is None:
            raise ExperimentNotFoundError("name", name)
        return experiment

    def search(self, search: ExperimentSearch) -> list[Experiment]:
        clauses = parse_filter(search.filter, EXPERIMENTS)
        orders = parse_orders((*search.order_by, *_NEWEST_FIRST), EXPERIMENTS)
        found = [
            experiment
            for experiment in self.experiments.every()
            if search.view.shows(experiment.lifecycle)
            and all(clause.matches(experiment) for clause in clauses)
        ]
        return sort(found, orders)

    def rename(self, experiment_id: str, name: str) -> None:
        self._change(experiment_id, lambda known: {"name": name} if active(known) else {})

    def set_tag(self, experiment_id: str, key: str, value: str) -> None:
        self._change(experiment_id, lambda known: {"tags": {**active(known).tags, key: value}})

    def delete_tag(self, experiment_id: str, key: str) -> None:
        def without(known: Experiment) -> dict[str, object]:
            if key not in active(known).tags:
                raise TagNotFoundError(key, f"experiment {experiment_id!r}")
            return {"tags": {kept: value for kept, value in known.tags.items() if kept != key}}

        self._change(experiment_id, without)

    def delete(self, experiment_id: str) -> None:
        """Hide the experiment and its runs; its name stays taken."""
        self._change(experiment_id, lambda _: {"lifecycle": Lifecycle.DELETED})

    def restore(self, experiment_id: str) -> None:
        """Show the experiment again; runs that were deleted by themselves stay deleted.

        Raises:
            ExperimentNotFoundError: there is none.
            ExperimentRemovingError: it is being removed for good.
        """

        def shown(known: Experiment) -> dict[str, object]:
            if known.removing:
                raise ExperimentRemovingError(experiment_id)
            return {"lifecycle": Lifecycle.ACTIVE}

        self._change(experiment_id, shown)

    def _add(
        self, experiment_id: str, name: str, artifact_location: str | None, tags: dict[str, str]
    ) -> Experiment:
        at = self._milliseconds()
        experiment = Experiment(
            experiment_id=experiment_id,
            name=name,
            artifact_location=(artifact_location or f"{ARTIFACT_ROOT}{experiment_id}").rstrip("/"),
            lifecycle=Lifecycle.ACTIVE,
            creation_time=at,
            last_update_time=at,
            tags=tags,
        )
        self.experiments.add(experiment)
        return experiment

    def _change(self, experiment_id: str, change: Callable[[Experiment], dict[str, object]]) -> None:
        for _ in range(_ATTEMPTS):
            known = self.get(experiment_id)
            changed = known.model_copy(update=change(known))
            if changed == known:
                return
            changed = changed.model_copy(update={"last_update_time": self._milliseconds()})
            try:
                self.experiments.replace(changed, former_name=known.name)
            except LostRaceError:
                continue
            return
        raise ExperimentBusyError(experiment_id)

    def _milliseconds(self) -> int:
        return int(self.now().timestamp() * 1000)


def active(experiment: Experiment) -> Experiment:
    """The experiment itself.

    Raises:
        ExperimentDeletedError: it is deleted.
    """
    if experiment.lifecycle is Lifecycle.DELETED:
        raise ExperimentDeletedError(experiment.experiment_id)
    return experiment


def new_number(now: Clock) -> str:
    """An experiment's id: 18 digits that grow with time (MLflow's own tools read it as a number)."""
    return str(int(now().timestamp() * 1000) * 100_000 + secrets.randbelow(100_000))
