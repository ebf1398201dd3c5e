import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count, islice, product
from typing import Any

import pytest

from shelflife.tracking import run_search
from shelflife.tracking.errors import (
    ExperimentBusyError,
    ExperimentDeletedError,
    ExperimentExistsError,
    LoggedModelNotFoundError,
    LostRaceError,
    ParamChangedError,
    RunBusyError,
    RunDeletedError,
    RunNameConflictError,
)
from shelflife.tracking.experiments import ExperimentBook, ExperimentSearch, new_number
from shelflife.tracking.logged_models import LoggedModels, NewModel
from shelflife.tracking.model import (
    MODEL_HISTORY_TAG,
    Dataset,
    DatasetInput,
    Entries,
    Experiment,
    Lifecycle,
    Metric,
    ModelOutput,
    Run,
    View,
    finite,
)
from shelflife.tracking.service import RunSearch, Tracking
from tests.fakes.tracking import (
    MemoryDatasets,
    MemoryExperiments,
    MemoryLoggedModels,
    MemoryMetricHistory,
    MemoryRunIndex,
    MemoryRuns,
    MemorySegments,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass
class World:
    experiments: MemoryExperiments = field(default_factory=MemoryExperiments)
    runs: MemoryRuns = field(default_factory=MemoryRuns)
    history: MemoryMetricHistory = field(default_factory=MemoryMetricHistory)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def tracking(world: World) -> Tracking:
    numbers, ids = count(1), count(1)
    book = ExperimentBook(world.experiments, now=lambda: NOON, new_number=lambda: str(next(numbers)))
    book.keep_default()
    segments = MemorySegments()
    models = LoggedModels(
        MemoryLoggedModels(), book, segments, lambda: NOON, lambda: f"{next(ids)}", lambda: "ripe-plum-417"
    )
    return Tracking(
        experiments=book,
        runs=world.runs,
        segments=segments,
        models=models,
        index=MemoryRunIndex(world.runs),
        datasets=MemoryDatasets(),
        history=world.history,
        now=lambda: NOON,
        new_id=lambda: f"run{next(ids)}",
        new_name=lambda: "ripe-plum-417",
    )


def begun(tracking: Tracking, experiment_id: str = "0", run_name: str | None = None) -> str:
    run = tracking.create_run(experiment_id, run_name=run_name, user_id="ada", start_time=None, tags={})
    return run.run_id


def metric(value: float, step: int = 0, timestamp: int = 1) -> Metric:
    return Metric("mae", value, timestamp, step)


class RacedRuns(MemoryRuns):
    """Somebody else changes the run just before each of the first changes here."""

    def __init__(self, others: list[Callable[[Run], Run]]) -> None:
        super().__init__()
        self.others = others

    def replace(self, run: Run) -> None:
        if self.others:
            known = self.find(run.run_id)
            assert known is not None
            super().replace(self.others.pop(0)(known))
        super().replace(run)


class RacedExperiments(MemoryExperiments):
    def replace(self, experiment: Experiment, *, former_name: str) -> None:
        raise LostRaceError(experiment.experiment_id)


def test_the_default_experiment_is_always_there(tracking: Tracking) -> None:
    tracking.experiments.keep_default()
    default = tracking.experiments.get("0")
    assert (default.name, default.artifact_location) == ("Default", "mlflow-artifacts:/0")
    with pytest.raises(ExperimentExistsError):
        tracking.experiments.create("Default", None, {})


def test_who_makes_the_default_experiment_second_is_content(tracking: Tracking, world: World) -> None:
    class Late(MemoryExperiments):
        def find(self, experiment_id: str) -> None: ...

        def add(self, experiment: Experiment) -> None:
            world.experiments.add(experiment)

    replace(tracking.experiments, experiments=Late()).keep_default()
    assert len(tracking.experiments.search(ExperimentSearch())) == 1


def test_a_given_artifact_location_is_kept_without_its_last_slash(tracking: Tracking) -> None:
    made = tracking.experiments.create("one", "s3://bucket/there/", {})
    run = tracking.create_run(made.experiment_id, run_name=None, user_id="ada", start_time=7, tags={})
    assert run.artifact_uri == "s3://bucket/there/run1/artifacts"


def test_numbers_of_experiments_grow_with_time() -> None:
    numbers = [int(new_number(lambda at=at: NOON.replace(second=at))) for at in range(10)]  # type: ignore[misc]  # its default binds it
    assert numbers == sorted(numbers)
    assert len(str(numbers[0])) == 18


def test_a_runs_name_is_given_tagged_or_made_up(tracking: Tracking, world: World) -> None:
    def named(run_name: str | None, tags: dict[str, str]) -> tuple[str, str]:
        run = tracking.create_run("0", run_name=run_name, user_id="ada", start_time=None, tags=tags)
        return run.run_name, run.tags["mlflow.runName"]

    assert named("first", {}) == ("first", "first")
    assert named(None, {"mlflow.runName": "second"}) == ("second", "second")
    assert named("", {}) == ("ripe-plum-417", "ripe-plum-417")
    with pytest.raises(RunNameConflictError, match=r"'first'.*'second'"):
        named("first", {"mlflow.runName": "second"})


@pytest.mark.parametrize(
    ("logged", "latest"),
    [
        ([metric(1.0, step=1), metric(2.0, step=0, timestamp=9)], 1.0),
        ([metric(1.0, timestamp=9), metric(2.0, timestamp=8)], 1.0),
        ([metric(1.0), metric(2.0), metric(1.5)], 2.0),
        ([metric(-1.0), metric(math.nan)], math.nan),
        ([metric(1.0), metric(math.nan)], 1.0),
    ],
)
def test_the_latest_value_has_the_highest_step_then_time_then_value(
    tracking: Tracking, logged: list[Metric], latest: float
) -> None:
    for entries in ([Entries(metrics=(one,)) for one in logged], [Entries(metrics=tuple(logged))]):
        run_id = begun(tracking)
        for entry in entries:
            tracking.log(run_id, entry)
        assert tracking.get_run(run_id).metrics["mae"].value == pytest.approx(latest, nan_ok=True)


def test_infinities_become_the_largest_float() -> None:
    assert [finite(value) for value in (math.inf, -math.inf, 1.5)] == [
        1.7976931348623157e308,
        -1.7976931348623157e308,
        1.5,
    ]
    assert math.isnan(finite(math.nan))


def test_what_was_logged_already_changes_nothing(tracking: Tracking) -> None:
    run_id = begun(tracking)
    entries = Entries((metric(1.0),), (("depth", "3"),), (("team", "risk"),))
    once = tracking.log(run_id, entries)
    assert tracking.log(run_id, entries) == replace(once, revision=once.revision + 1)
    assert tracking.get_run(run_id).revision == 1
    assert tracking.metric_history(run_id, "mae") == [metric(1.0)]


def test_inputs_outputs_and_models_that_come_again_are_there_once(tracking: Tracking) -> None:
    run_id = begun(tracking)
    read = DatasetInput(Dataset("bikes", "d1", "local", "{}"))
    for _ in range(2):
        tracking.log_inputs(run_id, [read], ["m-1"])
        tracking.log_outputs(run_id, [ModelOutput("m-2", 3)])
        tracking.log_model(run_id, {"model_uuid": "u"})
    run = tracking.get_run(run_id)
    assert (run.inputs, run.model_inputs, run.model_outputs) == ((read,), ("m-1",), (ModelOutput("m-2", 3),))
    assert run.tags[MODEL_HISTORY_TAG] == '[{"model_uuid": "u"}]'


def test_inputs_are_noted_only_of_a_run_that_takes_them(tracking: Tracking) -> None:
    run_id = begun(tracking)
    tracking.delete_run(run_id)
    with pytest.raises(RunDeletedError):
        tracking.log_inputs(run_id, [DatasetInput(Dataset("bikes", "d1", "local", "{}"))], [])
    assert tracking.search_datasets(["0"]) == []


def test_a_refused_param_leaves_nothing_behind(tracking: Tracking) -> None:
    run_id = begun(tracking)
    tracking.log(run_id, Entries(params=(("depth", "3"),)))
    before = tracking.get_run(run_id)
    with pytest.raises(ParamChangedError):
        tracking.log(run_id, Entries((metric(1.0),), (("a", "b"), ("depth", "4")), (("team", "risk"),)))
    with pytest.raises(ParamChangedError):
        tracking.log(run_id, Entries(params=(("a", "b"), ("a", "c"))))
    assert tracking.get_run(run_id) == before
    assert tracking.metric_history(run_id, "mae") == []


def test_a_lost_race_loses_no_entry(tracking: Tracking) -> None:
    others = [
        lambda run: replace(run, params={"theirs": "1"}),
        lambda run: replace(run, tags={"theirs": "2"}),
    ]
    raced = replace(tracking, runs=RacedRuns(others))
    run_id = begun(raced)
    raced.log(run_id, Entries(metrics=(metric(1.0),), params=(("mine", "1"),)))
    run = raced.get_run(run_id)
    assert run.params == {"theirs": "1", "mine": "1"}
    assert run.tags == {"theirs": "2"}
    assert run.metrics == {"mae": metric(1.0)}


def test_a_param_that_somebody_else_logs_meanwhile_is_not_changed(tracking: Tracking) -> None:
    raced = replace(tracking, runs=RacedRuns([lambda run: replace(run, params={"depth": "3"})]))
    run_id = begun(raced)
    with pytest.raises(ParamChangedError):
        raced.log(run_id, Entries(params=(("depth", "4"),)))


def test_who_always_loses_is_told_to_come_again(tracking: Tracking, world: World) -> None:
    raced = replace(tracking, runs=RacedRuns([lambda run: replace(run, end_time=1)] * 30))
    run_id = begun(raced)
    with pytest.raises(RunBusyError):
        raced.log(run_id, Entries(tags=(("team", "risk"),)))
    losing = RacedExperiments()
    book = replace(tracking.experiments, experiments=losing)
    book.keep_default()
    with pytest.raises(ExperimentBusyError):
        book.set_tag("0", "team", "risk")


def test_deleting_and_restoring_twice_changes_nothing(tracking: Tracking) -> None:
    run_id = begun(tracking)
    for _ in range(2):
        tracking.delete_run(run_id)
        tracking.experiments.delete("0")
    assert tracking.get_run(run_id).lifecycle is Lifecycle.DELETED
    for _ in range(2):
        tracking.experiments.restore("0")
        assert tracking.get_run(run_id).lifecycle is Lifecycle.DELETED
    for _ in range(2):
        tracking.restore_run(run_id)
    assert tracking.get_run(run_id).lifecycle is Lifecycle.ACTIVE


def test_the_first_of_two_deletions_says_when(tracking: Tracking) -> None:
    run_id = begun(tracking)
    tracking.delete_run(run_id)
    replace(tracking, now=lambda: NOON.replace(hour=13)).delete_run(run_id)
    assert tracking.get_run(run_id).deleted_at == NOON.timestamp() * 1000
    tracking.restore_run(run_id)
    assert tracking.get_run(run_id).deleted_at is None


def test_a_run_of_a_deleted_experiment_is_deleted_with_it_and_takes_nothing(tracking: Tracking) -> None:
    run_id = begun(tracking)
    tracking.experiments.delete("0")
    assert tracking.get_run(run_id).lifecycle is Lifecycle.DELETED
    with pytest.raises(RunDeletedError):
        tracking.log(run_id, Entries(params=(("depth", "3"),)))
    with pytest.raises(ExperimentDeletedError):
        begun(tracking)
    tracking.experiments.restore("0")
    assert tracking.get_run(run_id).params == {}


def test_a_view_shows_the_runs_of_its_lifecycle(tracking: Tracking) -> None:
    other = tracking.experiments.create("other", None, {}).experiment_id
    gone, kept, hidden = begun(tracking), begun(tracking), begun(tracking, other)
    tracking.delete_run(gone)
    tracking.experiments.delete(other)

    def seen(view: View) -> set[str]:
        found = tracking.search_runs(RunSearch(("0", other, "nowhere"), view=view))
        return {run.run_id for run in found.runs}

    assert seen(View.ACTIVE_ONLY) == {kept}
    assert seen(View.DELETED_ONLY) == {gone, hidden}
    assert seen(View.ALL) == {gone, kept, hidden}


def test_metrics_of_models_are_refused_before_one_is_measured(tracking: Tracking) -> None:
    run_id = begun(tracking)
    model_id = tracking.models.create(NewModel("0")).model_id
    metrics = (metric(1.0)._replace(model_id=model_id), metric(1.0)._replace(model_id="m-gone"))
    with pytest.raises(LoggedModelNotFoundError):
        tracking.log(run_id, Entries(metrics))
    assert tracking.models.get(model_id).measured == ()
    assert tracking.metric_history(run_id, "mae") == []


def test_a_call_that_was_cut_off_is_made_good_by_the_next(tracking: Tracking, world: World) -> None:
    run_id = begun(tracking)
    world.history.append(tracking.get_run(run_id), [metric(1.0)])
    assert tracking.metric_history(run_id, "mae") == []
    tracking.log(run_id, Entries(metrics=(metric(1.0),)))
    assert tracking.get_run(run_id).metrics == {"mae": metric(1.0)}
    assert tracking.metric_history(run_id, "mae") == [metric(1.0)]


@dataclass(frozen=True, slots=True)
class CountingIndex:
    """An index that notes how many runs are read at once."""

    index: MemoryRunIndex
    read: list[int] = field(default_factory=list)

    def find_many(self, run_ids: Sequence[str]) -> list[Run]:
        self.read.append(len(run_ids))
        return self.index.find_many(run_ids)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.index, name)


def searched(tracking: Tracking, experiments: Sequence[str], shown: int, **asked: Any) -> list[int]:
    """How many runs were read at once, for a page and one more; each experiment has a hundred."""
    for at, experiment in product(range(100), experiments):
        run_id = tracking.create_run(experiment, run_name=None, user_id="", start_time=at, tags={}).run_id
        tracking.log(run_id, Entries(metrics=(Metric("accuracy", at / 100, 0, 0),)))
        tracking.keep_index(run_id)
    counting = CountingIndex(tracking.index)  # type: ignore[arg-type]  # the fixture's index is the fake's
    search = RunSearch(tuple(experiments), expected=shown + 1, **asked)
    found = replace(tracking, index=counting).search_runs(search)
    assert len(list(islice(found.runs, shown + 1))) == shown + 1
    return counting.read


@pytest.mark.parametrize(("shown", "read"), [(1, [2]), (10, [11]), (40, [41])])
@pytest.mark.parametrize("order_by", [(), ("metrics.accuracy DESC",)])
def test_a_search_reads_one_run_more_than_it_shows(
    tracking: Tracking, shown: int, read: list[int], order_by: tuple[str, ...]
) -> None:
    assert searched(tracking, ["0"], shown, order_by=order_by) == read


@pytest.mark.parametrize(("few", "read"), [(1000, [61]), (60, [2, 25, 50])])
def test_where_the_filter_passes_over_runs_more_are_read_and_more(
    tracking: Tracking, monkeypatch: pytest.MonkeyPatch, few: int, read: list[int]
) -> None:
    """Unless the filter alone says that there are few: those are read at once."""
    monkeypatch.setattr(run_search, "_FEW", few)
    asked = {"filter": "metrics.accuracy < 0.6", "order_by": ("start_time DESC",)}
    assert searched(tracking, ["0"], 1, **asked) == read


def test_of_several_experiments_a_share_of_each_is_read_first(tracking: Tracking) -> None:
    others = [tracking.experiments.create(name, None, {}).experiment_id for name in "abc"]
    read = searched(tracking, ["0", *others], 99, order_by=("metrics.accuracy DESC",))
    assert read[:4] == [25, 25, 25, 25]
    assert sum(read) <= 200
