from datetime import timedelta
from typing import Any

import pytest

from shelflife.contracts.models import Task
from shelflife.kernel.paging import InvalidCursorError
from shelflife.training.dynamo import DynamoJobs
from shelflife.training.errors import (
    RetrainingRunningError,
    TrainingJobChangedError,
    TrainingJobExistsError,
)
from shelflife.training.model import Algorithm, JobState, TrainingJob
from shelflife.training.ports import Jobs
from shelflife.training.settings import TABLE
from tests.fakes.training import MemoryJobs
from tests.harness.cloud import make_table
from tests.unit.training.datasets import NOON, plan


def job(job_id: str, minute: int = 0, **more: Any) -> TrainingJob:
    asked = plan("y", ("x",), Task.REGRESSION, Algorithm.RANDOM_FOREST, hyperparameters={"max_features": 1.0})
    return TrainingJob(
        job_id=job_id,
        state=JobState.QUEUED,
        plan=asked,
        trigger="request",
        requested_by="ada",
        requested_at=NOON + timedelta(minutes=minute),
        **more,
    )


@pytest.fixture(params=["memory", "dynamo"])
def jobs(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryJobs()
    request.getfixturevalue("aws")
    return DynamoJobs(make_table(TABLE))


def test_a_job_comes_back_as_it_was(jobs: Jobs) -> None:
    kept = job("a", metrics={"mae": 2.0, "r2": -0.25}, model_version=3)
    jobs.add(kept)
    found = jobs.find("a")
    assert found == kept
    assert found is not None
    # A fraction of all features is not one feature: a whole float stays a float.
    assert isinstance(found.plan.hyperparameters["max_features"], float)
    assert jobs.find("b") is None


def test_an_id_is_taken_once(jobs: Jobs) -> None:
    jobs.add(job("a"))
    with pytest.raises(TrainingJobExistsError):
        jobs.add(job("a", minute=1))


def test_of_two_changes_of_one_revision_the_second_is_lost(jobs: Jobs) -> None:
    jobs.add(job("a"))
    read = jobs.find("a")
    assert read is not None
    changed = jobs.change(read.model_copy(update={"state": JobState.CANCELLED}))
    assert changed.revision == 1
    with pytest.raises(TrainingJobChangedError):
        jobs.change(read.model_copy(update={"state": JobState.RUNNING}))
    assert jobs.find("a") == changed
    assert jobs.change(changed.model_copy(update={"run_id": "r"})).revision == 2


def test_a_job_that_is_not_there_cannot_be_changed(jobs: Jobs) -> None:
    with pytest.raises(TrainingJobChangedError):
        jobs.change(job("a"))


def test_a_model_has_one_retraining_at_a_time(jobs: Jobs) -> None:
    assert jobs.retraining_of("model") is None
    jobs.add_retraining(job("a"), after=None)
    assert jobs.retraining_of("model") == "a"
    with pytest.raises(RetrainingRunningError, match="'a'"):
        jobs.add_retraining(job("b"), after=None)
    assert jobs.find("b") is None
    jobs.add_retraining(job("b"), after="a")
    with pytest.raises(RetrainingRunningError, match="'b'"):
        jobs.add_retraining(job("c"), after="a")
    assert jobs.retraining_of("model") == "b"


def test_a_retraining_is_added_once(jobs: Jobs) -> None:
    jobs.add_retraining(job("a"), after=None)
    with pytest.raises(TrainingJobExistsError):
        jobs.add_retraining(job("a"), after=None)
    with pytest.raises(TrainingJobExistsError):
        jobs.add_retraining(job("a"), after="a")


def test_the_highest_version_is_remembered(jobs: Jobs) -> None:
    assert jobs.registered_of("model") is None
    jobs.note_registered("model", 2, "b")
    jobs.note_registered("model", 1, "a")
    jobs.note_registered("model", 2, "b")
    assert jobs.registered_of("model") == "b"
    jobs.note_registered("model", 3, "c")
    assert jobs.registered_of("model") == "c"


def test_pages_hold_every_job_once_newest_first(jobs: Jobs) -> None:
    for minute, job_id in enumerate("cabed"):
        jobs.add(job(job_id, minute))
    first = jobs.page(2, None)
    second = jobs.page(2, first.next_cursor)
    third = jobs.page(2, second.next_cursor)
    assert [one.job_id for page in (first, second, third) for one in page.items] == list("debac")
    assert third.next_cursor is None


def test_a_foreign_cursor_is_refused(jobs: Jobs) -> None:
    with pytest.raises(InvalidCursorError):
        jobs.page(2, "nonsense")
