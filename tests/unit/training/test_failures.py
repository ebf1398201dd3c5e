import json
from typing import Any

import pytest

from shelflife.training.failures import failed_state, reason_of

BATCH = {
    "JobId": "b-1",
    "JobName": "shelflife-local-a",
    "Status": "FAILED",
    "StatusReason": "Essential container in task exited",
    "Attempts": [{"Container": {"ExitCode": 137, "Reason": "OutOfMemoryError: Container killed"}}],
}


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("plain\n text", "plain text"),
        ("", "States.TaskFailed"),
        ("[1]", "[1]"),
        (json.dumps({"errorType": "NoPlanError", "errorMessage": "no plan"}), "NoPlanError: no plan"),
        (json.dumps({"errorMessage": "2026-11-20 Task timed out"}), "2026-11-20 Task timed out"),
        (
            json.dumps({"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: row 3"}),
            "AlgorithmError: row 3",
        ),
        (
            json.dumps(
                {
                    "TrainingJobStatus": "Stopped",
                    "SecondaryStatus": "MaxRuntimeExceeded",
                    "SecondaryStatusTransitions": [
                        {"Status": "Training", "StatusMessage": "in progress"},
                        {"Status": "MaxRuntimeExceeded", "StatusMessage": "runtime exceeded 60 seconds"},
                    ],
                }
            ),
            "runtime exceeded 60 seconds",
        ),
        (
            json.dumps({"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxWaitTimeExceeded"}),
            "the job is MaxWaitTimeExceeded",
        ),
        (json.dumps({"TrainingJobStatus": "Stopped"}), "the job is Stopped"),
        (
            json.dumps(BATCH),
            "Essential container in task exited, OutOfMemoryError: Container killed, exit code 137",
        ),
        (json.dumps({"JobId": "b-2", "StatusReason": "no capacity"}), "no capacity"),
        (json.dumps({"JobId": "b-2"}), "the job failed"),
        (
            json.dumps(
                {
                    "ExecutionArn": "arn",
                    "Status": "FAILED",
                    "Error": "CandidateNotPassedError",
                    "Cause": json.dumps({"errorType": "CandidateNotPassedError", "errorMessage": "gate mae"}),
                }
            ),
            "CandidateNotPassedError: gate mae",
        ),
        (json.dumps({"ExecutionArn": "arn", "Status": "TIMED_OUT"}), "TIMED_OUT"),
    ],
)
def test_a_cause_is_told_in_one_sentence(cause: str, reason: str) -> None:
    assert reason_of("States.TaskFailed", cause) == reason


def test_a_timeout_needs_no_cause() -> None:
    assert reason_of("States.Timeout", "") == "it took longer than its time limit"
    assert reason_of("", "") == "no reason was given"


def test_the_first_missing_step_is_the_one_that_failed() -> None:
    seen: dict[str, Any] = {}
    for key, state in (
        ("planned", "PlanTraining"),
        ("token", "IssueToken"),
        ("trained", "TrainOnBatch"),
        ("result", "RecordResult"),
        ("revoked", "RevokeToken"),
        ("validation", "ValidateCandidate"),
        ("registered", "RegisterModel"),
        ("promoted", "PromoteModel"),
        ("recorded", "RecordPromoted"),
    ):
        assert failed_state(seen) == state
        seen[key] = {"planned": {"backend": "batch"}}.get(key, {})


def test_a_refused_candidate_fails_where_it_is_recorded() -> None:
    seen: dict[str, Any] = {key: {} for key in ("planned", "token", "trained", "result", "revoked")}
    assert failed_state(seen | {"validation": {"verdict": {"passed": False}}}) == "RecordRefused"
