from typing import Any

import pytest

from shelflife.contracts.training import StartTraining
from shelflife.training.changes import changed
from shelflife.training.errors import (
    IdempotencyKeyReusedError,
    PlanRefusedError,
    TrainingJobChangedError,
    TrainingJobNotFoundError,
    TrainingJobOverError,
    WorkflowNotStartedError,
)
from shelflife.training.model import (
    JobState,
    RecordFailure,
    RecordOutcome,
    TrainingJob,
    TrainingPlan,
)
from tests.fakes.training import MemoryExecutions
from tests.unit.training.datasets import NOON, result_of, verdict_of
from tests.unit.training.world import EXECUTION, PLAN, World, progress, start_of


class RefusingExecutions(MemoryExecutions):
    def start(self, job_id: str, asked: StartTraining) -> str:
        raise WorkflowNotStartedError(job_id, "ExecutionLimitExceeded")


@pytest.fixture
def world() -> World:
    return World()


def test_a_job_is_recorded_and_started(world: World) -> None:
    job = world.request()
    assert (job.state, job.requested_by, job.requested_at) == (JobState.QUEUED, "ada", NOON)
    assert job.execution_arn == f"{EXECUTION}:{job.job_id}"
    assert world.executions.started[job.job_id].job_id == job.job_id
    assert world.job(job.job_id).plan == PLAN


def test_a_plan_that_cannot_be_trained_leaves_nothing(world: World) -> None:
    with pytest.raises(PlanRefusedError) as refused:
        world.request(PLAN.model_copy(update={"target": "price"}))
    assert refused.value.faults[0].field == "target"
    assert not world.jobs.page(1, None).items


@pytest.mark.parametrize(
    ("dataset", "field"),
    [({"name": "other"}, "dataset.name"), ({"name": "rows", "version": 4}, "dataset.version")],
)
def test_an_unknown_dataset_is_a_fault(world: World, dataset: Any, field: str) -> None:
    with pytest.raises(PlanRefusedError) as refused:
        world.request(TrainingPlan.model_validate(PLAN.model_dump() | {"dataset": dataset}))
    assert [fault.field for fault in refused.value.faults] == [field]


def test_the_same_key_is_the_same_job(world: World) -> None:
    first = world.request(key="k")
    assert world.request(key="k").job_id == first.job_id
    assert len(world.jobs.page(9, None).items) == 1
    other = world.training.request(PLAN, requested_by="bob", key="k")
    assert other.job_id != first.job_id


def test_a_key_does_not_stand_for_two_plans(world: World) -> None:
    world.request(key="k")
    with pytest.raises(IdempotencyKeyReusedError, match="'k'"):
        world.request(PLAN.model_copy(update={"seed": 8}), key="k")


def test_a_request_that_was_cut_off_is_taken_up(world: World) -> None:
    """The record was written, and then the caller's function died."""
    first = world.request(key="k")
    world.executions.started.clear()
    assert world.request(key="k") == first
    assert first.job_id in world.executions.started


def test_a_job_that_was_done_long_ago_is_not_started_again(world: World) -> None:
    first = world.request(key="k")
    world.planning.plan(start_of(first.job_id))
    world.executions.started.clear()
    assert world.request(key="k").state is JobState.RUNNING
    assert not world.executions.started


def test_a_job_whose_workflow_does_not_start_has_failed() -> None:
    world = World(executions=RefusingExecutions())
    with pytest.raises(WorkflowNotStartedError):
        world.request()
    job = world.jobs.page(1, None).items[0]
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert (job.failure.state, job.ended_at) == ("StartExecution", NOON)


@pytest.mark.parametrize("began", [True, False])
def test_a_job_is_cancelled_and_its_execution_stopped(world: World, began: bool) -> None:  # noqa: FBT001 - a case
    job = world.request()
    if began:
        world.planning.plan(start_of(job.job_id))
    cancelled = world.training.cancel(job.job_id, cancelled_by="ada")
    assert (cancelled.state, cancelled.ended_at) == (JobState.CANCELLED, NOON)
    assert world.executions.stopped == [f"{EXECUTION}:{job.job_id}"]


def test_cancelling_again_stops_again(world: World) -> None:
    job = world.request()
    world.training.cancel(job.job_id, cancelled_by="ada")
    assert world.training.cancel(job.job_id, cancelled_by="ada").state is JobState.CANCELLED
    assert len(world.executions.stopped) == 2


def test_what_is_over_cannot_be_cancelled(world: World) -> None:
    world.succeeded("a", 1)
    with pytest.raises(TrainingJobOverError, match="'a' is SUCCEEDED already"):
        world.training.cancel("a", cancelled_by="ada")
    with pytest.raises(TrainingJobNotFoundError):
        world.training.cancel("b", cancelled_by="ada")


def test_nothing_late_brings_a_cancelled_job_back(world: World) -> None:
    world.planned("a")
    world.files.results["a"] = result_of("a")
    world.training.cancel("a", cancelled_by="ada")
    cancelled = world.job("a")
    with pytest.raises(TrainingJobOverError):
        world.planning.plan(start_of("a"))
    with pytest.raises(TrainingJobOverError):
        world.recording.result("a")
    for version in (1, None):
        with pytest.raises(TrainingJobOverError):
            world.recording.outcome(
                RecordOutcome(job_id="a", verdict=verdict_of(passed=True), model_version=version)
            )
    world.recording.failure(RecordFailure(execution_arn=f"{EXECUTION}:a", progress=progress("a")))
    assert world.job("a") == cancelled


def test_a_change_is_made_again_on_what_somebody_wrote_first(world: World) -> None:
    world.planned("a")

    def raced(job: TrainingJob) -> TrainingJob:
        if job.reason is None:
            world.jobs.change(job.model_copy(update={"reason": "somebody was first"}))
        return job.model_copy(update={"run_id": "r"})

    job = changed(world.jobs, "a", raced)
    assert (job.reason, job.run_id) == ("somebody was first", "r")


def test_who_is_never_first_gives_up(world: World) -> None:
    world.planned("a")

    def always_second(job: TrainingJob) -> TrainingJob:
        world.jobs.change(job)
        return job.model_copy(update={"run_id": "r"})

    with pytest.raises(TrainingJobChangedError):
        changed(world.jobs, "a", always_second)
