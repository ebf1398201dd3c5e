from datetime import timedelta
from typing import Any

import pytest

from shelflife.training.errors import (
    ResultMissingError,
)
from shelflife.training.model import (
    JobState,
    RecordFailure,
    RecordOutcome,
)
from tests.unit.training.datasets import NOON, result_of, verdict_of
from tests.unit.training.world import EXECUTION, World, progress


@pytest.fixture
def world() -> World:
    return World()


def test_a_result_is_written_on_the_record(world: World) -> None:
    world.planned("a")
    world.files.results["a"] = result_of("a")
    assert world.recording.result("a") == result_of("a")
    assert world.recording.result("a") == result_of("a")
    job = world.job("a")
    assert (job.state, job.run_id, job.metrics) == (
        JobState.RUNNING,
        "run-1",
        {"mae": 41.5, "r2": 0.5},
    )


def test_a_job_without_a_result_did_not_do_its_work(world: World) -> None:
    world.planned("a")
    with pytest.raises(ResultMissingError):
        world.recording.result("a")


def test_a_registered_version_ends_the_job_once(world: World) -> None:
    world.succeeded("a", 7)
    world.at += timedelta(hours=1)
    again = RecordOutcome(job_id="a", verdict=verdict_of(passed=True), model_version=7)
    assert world.recording.outcome(again).state is JobState.SUCCEEDED
    job = world.job("a")
    assert (job.model_version, job.evaluation_id, job.ended_at) == (7, "evaluation-1", NOON)


def test_a_refusal_names_the_gates(world: World) -> None:
    world.planned("a")
    world.recording.outcome(RecordOutcome(job_id="a", verdict=verdict_of(passed=False)))
    job = world.job("a")
    assert job.state is JobState.REFUSED
    assert job.refusal is not None
    assert job.refusal.reasons == ("mae: mae is 41.5, at most 60",)
    assert world.jobs.registered_of("model") is None


def test_a_failure_is_told_by_the_service_or_better_by_the_job(world: World) -> None:
    for job_id, line in (("a", None), ("b", "column 'x', row 3: inf")):
        world.planned(job_id)
        if line:
            world.files.failures[job_id] = line
        told = RecordFailure(execution_arn=f"{EXECUTION}:{job_id}", progress=progress(job_id))
        world.recording.failure(told)
        job = world.job(job_id)
        assert job.failure is not None
        assert (job.state, job.failure.state) == (JobState.FAILED, "TrainOnSageMaker")
        assert job.failure.reason == (line or "AlgorithmError: exit code: 1")


def test_a_version_that_was_registered_is_told_even_if_it_was_not_promoted(world: World) -> None:
    world.planned("a")
    steps: dict[str, Any] = {key: {} for key in ("trained", "result", "revoked")}
    told = progress("a", **steps, validation={"verdict": {"passed": True}}, registered={"version": 4})
    world.recording.failure(RecordFailure(execution_arn=f"{EXECUTION}:a", progress=told))
    job = world.job("a")
    assert job.failure is not None
    assert (job.failure.state, job.model_version) == ("PromoteModel", 4)


def test_a_second_execution_that_fails_does_not_fail_the_first_ones_job(world: World) -> None:
    world.planned("a")
    world.recording.failure(RecordFailure(execution_arn=f"{EXECUTION}:other", progress=progress("a")))
    assert world.job("a").state is JobState.RUNNING


def test_a_failure_of_nothing_that_was_recorded_is_told_back(world: World) -> None:
    told = {
        "trigger": "drift",
        "event_id": "e1",
        "failure": {"Error": "NoPlanToRepeatError", "Cause": ""},
    }
    recorded = world.recording.failure(RecordFailure(execution_arn="arn", progress=told))
    assert (recorded.job_id, recorded.state) == (None, None)
    assert recorded.failure is not None
    assert recorded.failure.reason == "NoPlanToRepeatError"
