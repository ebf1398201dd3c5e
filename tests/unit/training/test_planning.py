from datetime import timedelta

import pytest

from shelflife.kernel.ids import new_id
from shelflife.training.errors import (
    NoPlanToRepeatError,
    PlanRefusedError,
    RetrainingRunningError,
    RetrainingStartedError,
    TrainingJobNotFoundError,
)
from shelflife.training.model import (
    Backend,
    JobState,
    RecordFailure,
    RecordOutcome,
    TrainingPlan,
)
from tests.unit.training.datasets import manifest_of, mixed, verdict_of
from tests.unit.training.world import EXECUTION, PLAN, World, drift, start_of


@pytest.fixture
def world() -> World:
    return World()


def test_a_job_is_settled_and_its_order_written(world: World) -> None:
    world.manifests.kept["rows", 12] = manifest_of(mixed(80), b"more", version=12)
    world.planned("a")
    job, order = world.job("a"), world.files.orders["a"]
    assert (job.state, job.dataset_version) == (JobState.RUNNING, 12)
    assert job.execution_arn == f"{EXECUTION}:a"
    assert order.checked.plan.dataset.version == 12
    assert order.checked.manifest.row_count == 80
    # What was asked for stays as it was asked for.
    assert job.plan.dataset.version == "latest"


def test_planning_again_changes_nothing(world: World) -> None:
    world.planned("a")
    job = world.job("a")
    again = world.planning.plan(start_of("a"))
    assert again.plan_uri == "s3://artifacts/training/a/plan.json"
    assert world.job("a") == job


def test_another_execution_does_not_get_the_job(world: World) -> None:
    world.planned("a")
    with pytest.raises(RetrainingStartedError):
        world.planning.plan(start_of("a").model_copy(update={"execution_arn": f"{EXECUTION}:other"}))


def test_a_job_that_nobody_requested_is_not_found(world: World) -> None:
    with pytest.raises(TrainingJobNotFoundError):
        world.planning.plan(start_of("a"))


def test_sagemaker_is_told_in_its_own_words(world: World) -> None:
    job_id = new_id()
    world.planned(job_id)
    told = world.planning.plan(start_of(job_id))
    assert (told.backend, told.batch) == (Backend.SAGEMAKER, None)
    assert told.sagemaker is not None
    assert told.sagemaker["TrainingJobName"] == f"shelflife-local-{job_id}"
    assert len(told.sagemaker["TrainingJobName"]) <= 63
    assert told.sagemaker["ResourceConfig"]["InstanceType"] == "ml.m5.large"
    assert told.sagemaker["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}
    assert told.api_url_parameter == "/shelflife/local/api_url"
    assert told.token_lifetime_seconds > 3600


def test_batch_is_told_in_its_own_words(world: World) -> None:
    changes = {"backend": "batch", "resources": {"vcpus": 4, "memory_mb": 8192}}
    asked = TrainingPlan.model_validate(PLAN.model_dump() | changes)
    world.planned("a", asked)
    told = world.planning.plan(start_of("a"))
    assert told.sagemaker is None
    assert told.batch is not None
    assert told.batch["ResourceRequirements"] == [
        {"Type": "VCPU", "Value": "4"},
        {"Type": "MEMORY", "Value": "8192"},
    ]
    assert told.batch["Timeout"] == {"AttemptDurationSeconds": 3600}


def test_the_last_plan_that_led_to_a_version_is_repeated_on_the_latest_rows(world: World) -> None:
    world.succeeded("old", 1)
    pinned = PLAN.model_copy(update={"seed": 9, "dataset": PLAN.dataset.model_copy(update={"version": 3})})
    world.planned("new", pinned)
    outcome = RecordOutcome(job_id="new", verdict=verdict_of(passed=True), model_version=2)
    world.recording.outcome(outcome)
    world.manifests.kept["rows", 4] = manifest_of(mixed(90), b"more", version=4)
    told = world.planning.plan(drift("e1"))
    job = world.job(told.job_id)
    assert (job.trigger, job.reason, job.state) == ("drift", "psi of age is 0.4", JobState.RUNNING)
    assert (job.plan.seed, job.plan.dataset.version, job.dataset_version) == (9, "latest", 4)


def test_the_same_news_twice_is_one_job(world: World) -> None:
    world.succeeded("old", 1)
    told = world.planning.plan(drift("e1"))
    with pytest.raises(RetrainingStartedError, match=told.job_id):
        world.planning.plan(drift("e1", "second"))


def test_an_execution_that_was_cut_off_gets_its_job_again(world: World) -> None:
    world.succeeded("old", 1)
    told = world.planning.plan(drift("e1"))
    assert world.planning.plan(drift("e1")) == told


def test_a_model_is_retrained_once_at_a_time(world: World) -> None:
    world.succeeded("old", 1)
    told = world.planning.plan(drift("e1"))
    with pytest.raises(RetrainingRunningError, match=told.job_id):
        world.planning.plan(drift("e2", "second"))
    outcome = RecordOutcome(job_id=told.job_id, verdict=verdict_of(passed=False))
    world.recording.outcome(outcome)
    assert world.planning.plan(drift("e2", "second")).job_id != told.job_id


def test_a_retraining_that_cannot_run_any_more_is_in_nobodys_way(world: World) -> None:
    world.succeeded("old", 1)
    world.planning.plan(drift("e1"))
    world.at += timedelta(days=2, seconds=1)
    assert world.planning.plan(drift("e2", "second")).sagemaker is not None


def test_a_model_that_was_never_trained_here_has_no_plan(world: World) -> None:
    with pytest.raises(NoPlanToRepeatError, match="'model'"):
        world.planning.plan(drift("e1"))


def test_a_plan_that_no_longer_fits_is_a_failed_job(world: World) -> None:
    world.succeeded("old", 1)
    world.manifests.kept["rows", 4] = manifest_of(mixed(60).drop(columns="age"), b"less", version=4)
    asked = drift("e1")
    with pytest.raises(PlanRefusedError):
        world.planning.plan(asked)
    cause = '{"errorType": "PlanRefusedError", "errorMessage": "features.0: no column"}'
    told = asked.start.model_dump() | {"failure": {"Error": "PlanRefusedError", "Cause": cause}}
    recorded = world.recording.failure(RecordFailure(execution_arn=asked.execution_arn, progress=told))
    assert recorded.job_id is not None
    failure = world.job(recorded.job_id).failure
    assert failure is not None
    assert (failure.state, failure.reason) == (
        "PlanTraining",
        "PlanRefusedError: features.0: no column",
    )
