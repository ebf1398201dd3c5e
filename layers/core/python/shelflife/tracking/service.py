"""Runs: what MLflow's clients create, log to, and search."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from heapq import merge
from itertools import chain, islice
from math import ceil
from typing import Any

from shelflife.kernel.filter_grammar import parse_filter, parse_orders
from shelflife.kernel.filters import Order
from shelflife.kernel.ids import Clock, NewId
from shelflife.tracking.changes import logged, renamed, with_inputs, with_model, with_outputs, without_tag
from shelflife.tracking.errors import (
    ExperimentNotFoundError,
    LostRaceError,
    RunBusyError,
    RunDeletedError,
    RunNameConflictError,
    RunNotFoundError,
)
from shelflife.tracking.experiments import ExperimentBook, active
from shelflife.tracking.logged_models import LoggedModels
from shelflife.tracking.model import (
    RUN_NAME_TAG,
    DatasetInput,
    DatasetSummary,
    Entries,
    Lifecycle,
    Metric,
    ModelOutput,
    Run,
    RunStatus,
    Segment,
    View,
)
from shelflife.tracking.ports import Datasets, MetricHistory, RunIndex, Runs, Segments
from shelflife.tracking.run_order import key_of, position_at, position_of, token_of
from shelflife.tracking.run_search import SegmentSearch
from shelflife.tracking.sampling import sampled
from shelflife.tracking.searchable import RUNS

#: One of the callers that race for a run always wins, so this many must fail at once to lose them all.
_ATTEMPTS = 20
#: Datasets that are told of experiments; a chooser shows no more.
MAX_DATASETS = 1000


@dataclass(frozen=True, slots=True)
class RunSearch:
    experiment_ids: tuple[str, ...]
    filter: str = ""
    order_by: tuple[str, ...] = ()
    view: View = View.ACTIVE_ONLY
    page_token: str | None = None
    #: How many will be looked at, about: so many are read at first.
    expected: int = 101


@dataclass(frozen=True, slots=True)
class Tracking:
    experiments: ExperimentBook
    runs: Runs
    segments: Segments
    index: RunIndex
    datasets: Datasets
    history: MetricHistory
    models: LoggedModels
    now: Clock
    new_id: NewId
    new_name: Callable[[], str]

    def create_run(
        self,
        experiment_id: str,
        *,
        run_name: str | None,
        user_id: str,
        start_time: int | None,
        tags: dict[str, str],
    ) -> Run:
        """Begin a run.

        Raises:
            ExperimentNotFoundError: there is no such experiment.
            ExperimentDeletedError: it is deleted.
            RunNameConflictError: the name is not the one in the tags.
        """
        experiment = active(self.experiments.get(experiment_id))
        tagged = tags.get(RUN_NAME_TAG)
        if run_name and tagged and run_name != tagged:
            raise RunNameConflictError(run_name, tagged)
        run_id = self.new_id()
        name = run_name or tagged or self.new_name()
        run = Run(
            run_id=run_id,
            experiment_id=experiment_id,
            run_name=name,
            user_id=user_id,
            status=RunStatus.RUNNING,
            start_time=int(self.now().timestamp() * 1000) if start_time is None else start_time,
            artifact_uri=f"{experiment.artifact_location}/{run_id}/artifacts",
            tags={**tags, RUN_NAME_TAG: name},
            part=self.segments.open(experiment_id).number,
        )
        self.runs.add(run)
        return run

    def get_run(self, run_id: str) -> Run:
        """The run, deleted or not.

        Raises:
            RunNotFoundError: there is none.
        """
        run = self.runs.find(run_id)
        if run is None:
            raise RunNotFoundError(run_id)
        return _within(run, self.experiments.get(run.experiment_id).lifecycle)

    def update_run(
        self, run_id: str, *, status: RunStatus | None, end_time: int | None, run_name: str | None
    ) -> Run:
        """Change what is given."""

        def change(run: Run) -> Run:
            ended = run.end_time if end_time is None else end_time
            changed = replace(run, status=status or run.status, end_time=ended)
            return renamed(changed, run_name) if run_name else changed

        return self._change(run_id, change)

    def log(self, run_id: str, entries: Entries) -> Run:
        """Log entries to an active run; logging the same again changes nothing.

        Raises:
            RunNotFoundError: there is no such run.
            RunDeletedError: it is deleted.
            ParamChangedError: a param has another value already; then nothing is logged.
        """
        if entries.metrics:
            # What is refused must leave no history. A call that is cut off between the history and the
            # run is repeated by the client, and then finds its history written.
            run = self._active(run_id)
            logged(run, entries)
            self.models.measure_all(run_id, entries.metrics)
            self.history.append(run, entries.metrics)
        return self._change(run_id, lambda run: logged(run, entries))

    def log_inputs(self, run_id: str, inputs: Sequence[DatasetInput], model_ids: Sequence[str]) -> None:
        """Log what an active run read; logging the same again changes nothing."""
        if inputs:
            run = self._active(run_id)
            self.datasets.note(DatasetSummary(run.experiment_id, *told) for told in _told(inputs))
        self._change(run_id, lambda run: with_inputs(run, inputs, model_ids))

    def log_outputs(self, run_id: str, outputs: Sequence[ModelOutput]) -> None:
        self._change(run_id, lambda run: with_outputs(run, outputs))

    def log_model(self, run_id: str, model: dict[str, Any]) -> None:
        self._change(run_id, lambda run: with_model(run, model))

    def search_datasets(self, experiment_ids: Sequence[str]) -> list[DatasetSummary]:
        """Datasets that runs of the experiments read, by name, at most a thousand."""
        found = chain.from_iterable(map(self.datasets.of, dict.fromkeys(experiment_ids)))
        return list(islice(found, MAX_DATASETS))

    def delete_tag(self, run_id: str, key: str) -> None:
        self._change(run_id, lambda run: without_tag(run, key))

    def metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Values of a metric up to the run's latest: later ones are of a call that did not get to its end."""
        run = self.get_run(run_id)
        latest = run.metrics.get(key)
        if latest is None:
            return []
        last = latest.rank
        return [metric for metric in self.history.read(run, key) if metric.rank <= last]

    def metric_histories(
        self, run_ids: Sequence[str], key: str, *, limit: int, steps: tuple[int, int] | None = None
    ) -> list[tuple[str, Metric]]:
        """Values of a metric of several runs with their ids, at about `limit` steps at the most."""
        histories = {run_id: self.metric_history(run_id, key) for run_id in dict.fromkeys(run_ids)}
        return sampled(histories, limit, steps)

    def delete_run(self, run_id: str) -> None:
        """Hide the run; doing it again changes nothing."""
        at = int(self.now().timestamp() * 1000)

        def change(run: Run) -> Run:
            return replace(run, lifecycle=Lifecycle.DELETED, deleted_at=run.deleted_at or at)

        self._change(run_id, change, deleted_too=True)

    def restore_run(self, run_id: str) -> None:
        """Show the run again; within a deleted experiment it stays hidden with it."""

        def change(run: Run) -> Run:
            return replace(run, lifecycle=Lifecycle.ACTIVE, deleted_at=None)

        self._change(run_id, change, deleted_too=True)

    def search_runs(self, search: RunSearch) -> "Found":
        """The runs behind the page token, newest first unless ordered, read while they are asked for.

        Raises:
            InvalidSearchError: the filter or an order cannot be read.
            InvalidCursorError: the token is none of such a search.
        """
        clauses = parse_filter(search.filter, RUNS)
        orders = parse_orders(search.order_by, RUNS)
        after = position_at(search.page_token, orders)
        segments = list(self._segments(search.experiment_ids))
        # Each of several is read ahead by its share: the first runs of all are rarely in one.
        expected = ceil(search.expected / max(len(segments), 1))
        found = chain.from_iterable(
            self._sources(
                SegmentSearch(self.index, segment, clauses, orders, after, expected), search.view, lifecycle
            )
            for lifecycle, segment in segments
        )
        return Found(merge(*found, key=partial(key_of, orders=orders)), orders)

    def _segments(self, experiment_ids: Iterable[str]) -> Iterator[tuple[Lifecycle, Segment]]:
        for experiment_id in dict.fromkeys(experiment_ids):
            try:
                lifecycle = self.experiments.get(experiment_id).lifecycle
            except ExperimentNotFoundError:
                continue  # as in MLflow, an experiment that is not there has no runs
            for segment in self.segments.all(experiment_id):
                yield lifecycle, segment

    def _sources(self, search: SegmentSearch, view: View, lifecycle: Lifecycle) -> Iterator[Iterator[Run]]:
        """What of the segment is to be seen: deleting an experiment hides all of its runs."""
        if view.shows(lifecycle):
            yield (_within(run, lifecycle) for run in search.active())
        if view.shows(Lifecycle.DELETED):
            yield search.deleted()

    def keep_index(self, run_id: str) -> None:
        """Make searches find the run by the index; doing it again changes nothing."""
        self.index.write(run_id)

    def _active(self, run_id: str) -> Run:
        run = self.get_run(run_id)
        if run.lifecycle is Lifecycle.DELETED:
            raise RunDeletedError(run_id)
        return run

    def _change(self, run_id: str, change: Callable[[Run], Run], *, deleted_too: bool = False) -> Run:
        for _ in range(_ATTEMPTS):
            run = self.runs.find(run_id) if deleted_too else self._active(run_id)
            if run is None:
                raise RunNotFoundError(run_id)
            changed = change(run)
            if changed == run:
                return run
            try:
                self.runs.replace(changed)
            except LostRaceError:
                continue
            return changed
        raise RunBusyError(run_id)


def _told(inputs: Iterable[DatasetInput]) -> Iterator[tuple[str, str, str | None]]:
    return ((one.dataset.name, one.dataset.digest, one.context) for one in inputs)


@dataclass(frozen=True, slots=True)
class Found:
    """Runs in the order of a search."""

    runs: Iterator[Run]
    orders: tuple[Order, ...]

    def token(self, run: Run) -> str:
        """What asks for the runs behind this one."""
        return token_of(position_of(run, self.orders))


def _within(run: Run, lifecycle: Lifecycle) -> Run:
    """The run as its experiment's lifecycle lets it be seen: deleting one hides all runs in one write."""
    return run if lifecycle is Lifecycle.ACTIVE else replace(run, lifecycle=lifecycle)


def _age(run: Run) -> int:
    return -run.start_time
