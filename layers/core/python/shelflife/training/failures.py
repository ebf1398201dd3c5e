"""What failed in an execution, and why, in words for people."""

import json
from typing import Any

_LONGEST = 1000
_DEEPEST = 5
_TIMEOUT = "States.Timeout"

#: Which state leaves which key: the first key that is missing tells which state failed.
_STEPS = (
    ("planned", "PlanTraining"),
    ("token", "IssueToken"),
    ("trained", "TrainOn"),
    ("result", "RecordResult"),
    ("revoked", "RevokeToken"),
    ("validation", "ValidateCandidate"),
    ("registered", "RegisterModel"),
    ("promoted", "PromoteModel"),
)
_BACKEND_STATES = {"sagemaker": "TrainOnSageMaker", "batch": "TrainOnBatch"}


def failed_state(progress: dict[str, Any]) -> str:
    """The name of the state that an execution with these keys has failed in."""
    if _is_refused(progress):
        return "RecordRefused"
    state = next((state for key, state in _STEPS if key not in progress), "RecordPromoted")
    if state != "TrainOn":
        return state
    return _BACKEND_STATES.get((progress.get("planned") or {}).get("backend", ""), state)


def reason_of(error: str, cause: str) -> str:
    """One sentence of an error's name and cause, which is a service's JSON more often than not."""
    if error == _TIMEOUT:
        return "it took longer than its time limit"
    told = _told(cause, _DEEPEST)
    return " ".join((told or error or "no reason was given").split())[:_LONGEST]


def _told(cause: str, depth: int) -> str:
    """The innermost reason: a nested execution's cause holds that of its own task."""
    try:
        document = json.loads(cause)
    except ValueError:
        return cause
    if not isinstance(document, dict) or depth == 0:
        return cause
    if document.get("Cause"):
        return _told(str(document["Cause"]), depth - 1)
    for key, reason in _READERS:
        if key in document:
            return reason(document)
    return str(document.get("FailureReason") or document.get("Error") or document.get("Status") or cause)


def _of_function(document: dict[str, Any]) -> str:
    kind, message = document.get("errorType", ""), document["errorMessage"]
    return f"{kind}: {message}" if kind else str(message)


def _of_sagemaker(document: dict[str, Any]) -> str:
    """A job that was stopped, as by its time limit, has no reason of its own: its last step says why."""
    steps = document.get("SecondaryStatusTransitions") or [{}]
    told = document.get("FailureReason") or steps[-1].get("StatusMessage")
    return str(told or f"the job is {document.get('SecondaryStatus') or document['TrainingJobStatus']}")


def _of_batch(document: dict[str, Any]) -> str:
    attempts = document.get("Attempts") or [{}]
    container = attempts[-1].get("Container") or document.get("Container") or {}
    reasons = [document.get("StatusReason"), container.get("Reason")]
    if container.get("ExitCode") is not None:
        reasons.append(f"exit code {container['ExitCode']}")
    return ", ".join(str(reason) for reason in reasons if reason) or "the job failed"


#: Whose document it is, by a key that the others do not have.
_READERS = (
    ("errorMessage", _of_function),
    ("JobId", _of_batch),
    ("JobQueue", _of_batch),
    ("TrainingJobStatus", _of_sagemaker),
)


def _is_refused(progress: dict[str, Any]) -> bool:
    verdict = (progress.get("validation") or {}).get("verdict") or {}
    return verdict.get("passed") is False
