"""The real state machine over the real functions; the back ends are stood in for."""

import json
from typing import Any

import pytest

from functions.training.plan_training.handler import handler as plan_training
from functions.training.record_failure.handler import handler as record_failure
from shelflife.aws.clients import client
from shelflife.training.model import JobState, TrainingJob
from shelflife.training.wiring import training
from tests.harness.events import golden
from tests.harness.workflows import Execution, TaskFailed, fail, handler_of, run, succeed
from tests.unit.training.datasets import diabetes, verdict_of
from tests.workflows.training.conftest import Request, leave_result

SAGEMAKER, BATCH = "sagemaker:createTrainingJob.sync", "batch:submitJob.sync"
PASSED = verdict_of(passed=True, model_name="demand").model_dump(mode="json")
REFUSED = verdict_of(passed=False, model_name="demand").model_dump(mode="json")
MACHINES = {
    "validate_candidate": succeed({"verdict": PASSED}),
    "register_model": succeed({"registered": {"version": 4}}),
    "promote_model": succeed({"promoted": {"version": 4}}),
}


def on_sagemaker(asked: Any) -> Any:
    leave_result(asked["HyperParameters"])
    return {"TrainingJobArn": "arn", "TrainingJobStatus": "Completed"}


def on_batch(asked: Any) -> Any:
    given = asked["ContainerOverrides"]["Environment"]
    # moto adds a variable of its own, spelt otherwise.
    environment = {one["Name"]: one["Value"] for one in given if "Name" in one}
    leave_result(json.loads(environment["TRAINING_HYPERPARAMETERS"]))
    return {"JobId": "b-1", "Status": "SUCCEEDED"}


def train(job: TrainingJob | None, **bound: Any) -> Execution:
    """Execute the workflow for a requested job, or for the golden news of drift."""
    start = (
        {"trigger": "request", "job_id": job.job_id, "model_name": "demand"}
        if job
        else golden("training/plan_retraining")["start"]
    )
    given: dict[str, Any] = {
        "machines": MACHINES,
        "integrations": {SAGEMAKER: on_sagemaker, BATCH: on_batch},
        # Another context has a function of that name.
        "handlers": {"record_failure": record_failure},
    }
    return run("training/train_model", start, **{key: given[key] | bound.get(key, {}) for key in given})


def recorded(job_id: str) -> TrainingJob:
    return training().find(job_id)


def tokens_left() -> list[str]:
    found = client("ssm").describe_parameters()["Parameters"]
    return [parameter["Name"] for parameter in found]


@pytest.mark.parametrize(("backend", "state"), [("sagemaker", "TrainOnSageMaker"), ("batch", "TrainOnBatch")])
def test_a_model_that_passes_is_registered_and_promoted(
    request_job: Request, backend: str, state: str
) -> None:
    job = request_job(backend=backend)
    ended = train(job)
    assert ended.status == "SUCCEEDED", (ended.error, ended.cause)
    assert ended.states == (
        "PlanTraining",
        "IssueToken",
        "DescribeJob",
        "ChooseBackend",
        state,
        "RecordResult",
        "RevokeToken",
        "ValidateCandidate",
        "HasPassed",
        "RegisterModel",
        "PromoteModel",
        "RecordPromoted",
        "Trained",
    )
    found = recorded(job.job_id)
    assert (found.state, found.model_version, found.run_id) == ("SUCCEEDED", 4, "run-1")
    assert not tokens_left()


def test_a_refused_candidate_is_not_registered(request_job: Request) -> None:
    job = request_job()
    machines = {
        "validate_candidate": succeed({"verdict": REFUSED}),
        "register_model": fail("NeverCalled", ""),
    }
    ended = train(job, machines=machines)
    assert ended.status == "SUCCEEDED"
    assert ended.states[-2:] == ("RecordRefused", "CandidateRefused")
    found = recorded(job.job_id)
    assert found.state == "REFUSED"
    assert found.refusal is not None
    assert found.refusal.reasons == ("mae: mae is 41.5, at most 60",)


def test_a_failed_job_is_recorded_and_nothing_is_registered(request_job: Request) -> None:
    job = request_job()

    def failing(asked: Any) -> Any:
        assert tokens_left() == [asked["HyperParameters"]["token_parameter"]]
        cause = {"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: column 'age', row 3"}
        raise TaskFailed("States.TaskFailed", json.dumps(cause))

    ended = train(job, integrations={SAGEMAKER: failing})
    assert (ended.status, ended.error) == ("FAILED", "TrainingFailed")
    assert ended.states[-4:] == ("RecordFailure", "HasToken", "RevokeTokenAfterFailure", "TrainingFailed")
    found = recorded(job.job_id)
    assert found.state == "FAILED"
    assert found.failure is not None
    assert (found.failure.state, found.failure.reason) == (
        "TrainOnSageMaker",
        "AlgorithmError: column 'age', row 3",
    )
    assert not tokens_left()


@pytest.mark.parametrize(
    ("machine", "state", "version"),
    [
        ("validate_candidate", "ValidateCandidate", None),
        ("register_model", "RegisterModel", None),
        ("promote_model", "PromoteModel", 4),
    ],
)
def test_a_step_that_fails_is_named(
    request_job: Request, machine: str, state: str, version: int | None
) -> None:
    job = request_job()
    cause = json.dumps({"errorType": "AliasMovedError", "errorMessage": "somebody was first"})
    ended = train(job, machines={machine: fail("AliasMovedError", cause)})
    assert ended.status == "FAILED"
    found = recorded(job.job_id)
    assert found.failure is not None
    assert (found.failure.state, found.model_version) == (state, version)
    assert found.failure.reason == "AliasMovedError: somebody was first"


def test_a_job_that_leaves_no_result_has_failed(request_job: Request) -> None:
    job = request_job()
    train(job, integrations={SAGEMAKER: lambda _asked: {}})
    found = recorded(job.job_id)
    assert found.failure is not None
    assert found.failure.state == "RecordResult"
    assert found.failure.reason.startswith("ResultMissingError")
    assert not tokens_left()


def test_a_plan_that_no_longer_fits_fails_before_a_token_is_issued(
    request_job: Request, put_dataset: Any
) -> None:
    job = request_job()
    put_dataset(diabetes().drop(columns="bmi"), version=9)
    ended = train(job)
    assert ended.states == ("PlanTraining", "RecordFailure", "HasToken", "TrainingFailed")
    found = recorded(job.job_id)
    assert found.failure is not None
    assert found.failure.state == "PlanTraining"
    assert "has no column 'bmi'" in found.failure.reason


def test_a_throttled_function_is_asked_again(request_job: Request) -> None:
    job, refusals = request_job(), iter([True, True])

    def throttled(event: Any, context: Any) -> Any:
        if next(refusals, False):
            raise TaskFailed("Lambda.TooManyRequestsException")
        return plan_training(event, context)

    assert train(job, handlers={"plan_training": throttled}).status == "SUCCEEDED"


def test_a_function_that_dies_after_its_work_is_asked_again(request_job: Request) -> None:
    """The writes were made, the answer was lost: every function of ours gives it again."""
    job = request_job()

    def losing_first_answer(name: str) -> Any:
        lost = iter([True])
        handler = handler_of(name)

        def handled(event: Any, context: Any) -> Any:
            answer = handler(event, context)
            if next(lost, False):
                raise TaskFailed("Lambda.SdkClientException", "connection closed")
            return answer

        return handled

    names = ("plan_training", "issue_job_token", "record_result", "revoke_job_token", "record_outcome")
    assert train(job, handlers={name: losing_first_answer(name) for name in names}).status == "SUCCEEDED"
    assert recorded(job.job_id).state == "SUCCEEDED"
    assert not tokens_left()


def test_a_cancelled_job_stays_cancelled(request_job: Request) -> None:
    job = request_job()

    def cancelled_meanwhile(asked: Any) -> Any:
        leave_result(asked["HyperParameters"])
        known = recorded(job.job_id)
        training().jobs.change(known.model_copy(update={"state": JobState.CANCELLED}))
        return {}

    ended = train(job, integrations={SAGEMAKER: cancelled_meanwhile})
    assert ended.status == "FAILED"
    assert "ValidateCandidate" not in ended.states
    assert recorded(job.job_id).state == "CANCELLED"
    assert not tokens_left()


def test_news_of_drift_retrains_once_however_often_it_is_delivered(request_job: Request) -> None:
    first = request_job()
    train(first)
    ended = train(None)
    assert ended.states[-1] == "Trained"
    again = train(None)
    assert (again.status, again.states) == ("SUCCEEDED", ("PlanTraining", "AlreadyStarted"))
    jobs = training().page(10, None).items
    assert sorted(job.trigger for job in jobs) == ["drift", "request"]


def test_drift_of_a_model_that_was_not_trained_here_fails_with_a_reason(request_job: Request) -> None:
    ended = train(None)
    assert ended.states == ("PlanTraining", "RecordFailure", "HasToken", "TrainingFailed")
    assert ended.cause is not None
    assert "NoPlanToRepeatError" in ended.cause
    assert not training().page(1, None).items
