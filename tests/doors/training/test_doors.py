import json
from typing import Any

import pytest

from functions.training.api.handler import handler as api
from functions.training.plan_training.handler import handler as plan_training
from functions.training.record_failure.handler import handler as record_failure
from functions.training.record_outcome.handler import handler as record_outcome
from functions.training.record_result.handler import handler as record_result
from shelflife.aws.clients import client
from shelflife.aws.objects import Objects
from shelflife.contracts.training import StartTraining
from shelflife.training.errors import ResultMissingError, RetrainingStartedError, TrainingJobOverError
from shelflife.training.model import JobOrder
from tests.doors.training.conftest import PutDataset, install
from tests.harness.events import LambdaContext, golden, http_event
from tests.unit.training.datasets import diabetes, result_of

CONTEXT = LambdaContext()
JOBS = "/v1/training/jobs"
REQUEST = golden("training/request_job")


@pytest.fixture(autouse=True)
def installed(put_dataset: PutDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    put_dataset(diabetes())
    # A machine that ends at once: what the workflow does is tested elsewhere.
    machine = client("stepfunctions").create_state_machine(
        name="train_model",
        definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
        roleArn="arn:aws:iam::123456789012:role/workflow",
    )
    install(monkeypatch, machine["stateMachineArn"])


def ask(method: str, path: str, body: Any = None, **event: Any) -> tuple[int, Any]:
    answer = api(http_event(method, path, body, **event), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None


def requested(**changes: Any) -> str:
    status, job = ask("POST", JOBS, REQUEST | changes)
    assert status == 202, job
    return str(job["job_id"])


def asked_for(job_id: str) -> Any:
    """The golden event, for the job that a test has requested."""
    golden_event = golden("training/plan_training")
    return golden_event | {"start": golden_event["start"] | {"job_id": job_id}}


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_job_is_accepted_and_shown(version: str) -> None:
    status, job = ask("POST", JOBS, REQUEST, role="contributor", version=version)
    assert (status, job["state"], job["requested_by"]) == (202, "QUEUED", "tester")
    execution = client("stepfunctions").describe_execution(executionArn=job["links"]["execution_arn"])
    started = StartTraining.model_validate_json(execution["input"])
    assert (started.trigger, started.job_id) == ("request", job["job_id"])
    plan_training(asked_for(job["job_id"]), CONTEXT)
    status, shown = ask("GET", f"{JOBS}/{job['job_id']}", role="viewer", version=version)
    assert (status, shown["state"], shown["dataset_version"]) == (200, "RUNNING", 3)
    assert shown["links"]["logs"] == {
        "log_group": "/aws/sagemaker/TrainingJobs",
        "job_name": f"shelflife-local-{job['job_id']}",
    }
    assert "revision" not in shown
    status, listed = ask("GET", JOBS, version=version)
    assert (status, [one["job_id"] for one in listed["jobs"]]) == (200, [job["job_id"]])


def test_a_key_makes_a_repeated_request_the_same_job() -> None:
    headers = {"Idempotency-Key": "monday"}
    _, first = ask("POST", JOBS, REQUEST, headers=headers)
    status, again = ask("POST", JOBS, REQUEST, headers=headers)
    assert (status, again["job_id"]) == (202, first["job_id"])
    status, problem = ask("POST", JOBS, REQUEST | {"seed": 8}, headers=headers)
    assert (status, problem["type"]) == (409, "/errors/idempotency-key-reused")


def test_what_is_wrong_with_a_plan_is_named() -> None:
    body = REQUEST | {"target": "price", "features": ["age", "weight"], "hyperparameters": {"depth": 3}}
    status, problem = ask("POST", JOBS, body)
    assert (status, problem["type"]) == (400, "/errors/plan-refused")
    assert [fault["field"] for fault in problem["errors"]] == [
        "target",
        "features.1",
        "hyperparameters.depth",
    ]
    changes = {"split": {"holdout_fraction": 1.5}, "algorithm": "magic", "colour": 1}
    status, problem = ask("POST", JOBS, REQUEST | changes)
    assert (status, problem["type"]) == (400, "/errors/invalid-input")
    assert {fault["field"] for fault in problem["errors"]} == {
        "split.holdout_fraction",
        "algorithm",
        "colour",
    }
    status, problem = ask("POST", JOBS, REQUEST | {"dataset": {"name": "nothing"}})
    assert (status, problem["errors"][0]["field"]) == (400, "dataset.name")


def test_viewers_watch_and_do_not_start() -> None:
    job_id = requested()
    for path in (JOBS, f"{JOBS}/{job_id}/cancel"):
        status, problem = ask("POST", path, REQUEST, role="viewer")
        assert (status, problem["type"]) == (403, "/errors/role-required")
    assert ask("GET", JOBS, role=None)[0] == 401


def test_a_job_is_cancelled_for_good() -> None:
    job_id = requested()
    plan_training(asked_for(job_id), CONTEXT)
    status, job = ask("POST", f"{JOBS}/{job_id}/cancel")
    assert (status, job["state"]) == (202, "CANCELLED")
    with pytest.raises(TrainingJobOverError):
        plan_training(asked_for(job_id), CONTEXT)
    failure = golden("training/record_failure")
    progress = failure["progress"] | {"job_id": job_id}
    assert record_failure(failure | {"progress": progress}, CONTEXT)["state"] == "CANCELLED"
    status, problem = ask("POST", f"{JOBS}/nothing/cancel")
    assert (status, problem["type"]) == (404, "/errors/training-job-not-found")


def test_a_job_goes_from_plan_to_outcome(bucket: str) -> None:
    job_id = requested()
    planned = plan_training(asked_for(job_id), CONTEXT)
    order = JobOrder.model_validate_json(Objects(client("s3")).read(planned["plan_uri"]))
    assert order.checked.numeric == tuple(REQUEST["features"])
    assert planned["sagemaker"]["TrainingJobName"].endswith(job_id)

    task = golden("training/record_result") | {"job_id": job_id}
    with pytest.raises(ResultMissingError):
        record_result(task, CONTEXT)
    told = result_of(job_id, "demand")
    Objects(client("s3")).write(f"{order.output_uri}result.json", told.model_dump_json().encode())
    assert record_result(task, CONTEXT) == told.model_dump(mode="json")

    outcome = golden("training/record_outcome") | {"job_id": job_id}
    for _ in range(2):
        assert record_outcome(outcome, CONTEXT)["state"] == "SUCCEEDED"
    _, job = ask("GET", f"{JOBS}/{job_id}")
    assert (job["links"]["run_id"], job["links"]["model_version"]) == ("run-1", 1)

    retraining = golden("training/plan_retraining")
    again = plan_training(retraining, CONTEXT)
    assert plan_training(retraining, CONTEXT) == again
    with pytest.raises(RetrainingStartedError):
        plan_training(retraining | {"execution_arn": "arn:aws:states:::another"}, CONTEXT)
    _, job = ask("GET", f"{JOBS}/{again['job_id']}")
    assert (job["trigger"], job["reason"]) == ("drift", retraining["start"]["reason"])


def test_a_failed_job_says_which_state_failed_and_why() -> None:
    job_id = requested()
    plan_training(asked_for(job_id), CONTEXT)
    failure = golden("training/record_failure")
    record_failure(failure | {"progress": failure["progress"] | {"job_id": job_id}}, CONTEXT)
    _, job = ask("GET", f"{JOBS}/{job_id}")
    assert (job["state"], job["failure"]["state"]) == ("FAILED", "TrainOnSageMaker")
    assert job["failure"]["reason"].startswith("AlgorithmError: row 17 of the dataset")
