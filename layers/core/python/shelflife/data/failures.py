"""What is left of an ingestion whose function crashed."""

import json
from dataclasses import dataclass

from shelflife.data.errors import IngestionBrokenOffError, IngestionNotFoundError
from shelflife.data.model import Ingestion, Problem
from shelflife.data.ports import Ingestions
from shelflife.kernel.ids import Clock

_LONGEST = 500
_TIMEOUT = "States.Timeout"
#: How Lambda tells that it ended a function, by what its message holds.
_ENDED = {
    "signal: killed": "it ran out of memory",
    "Task timed out": "it took longer than its time limit",
    "Sandbox.Timedout": "it took longer than its time limit",
}


@dataclass(frozen=True, slots=True)
class IngestionFailures:
    ingestions: Ingestions
    now: Clock

    def record(self, name: str, ingestion_id: str, error: str, cause: str) -> Ingestion:
        """Mark the ingestion as failed, with a reason; one that has ended stays as it is.

        Raises:
            IngestionNotFoundError: there is none.
        """
        ingestion = self.ingestions.find(name, ingestion_id)
        if ingestion is None:
            raise IngestionNotFoundError(name, ingestion_id)
        problem = Problem.of(IngestionBrokenOffError(reason_of(error, cause)))
        return self.ingestions.finish(ingestion.failed(problem, self.now()))


def reason_of(error: str, cause: str) -> str:
    """A sentence of what Step Functions tells: an error's name, and Lambda's JSON or any text."""
    if error == _TIMEOUT:
        return "it took longer than its time limit"
    message = _message(cause)
    for sign, reason in _ENDED.items():
        if sign in message or sign in error:
            return reason
    return f"{error}: {message}"[:_LONGEST] if message else error


def _message(cause: str) -> str:
    try:
        told = json.loads(cause)
    except ValueError:
        return cause
    return str(told.get("errorMessage", "")) if isinstance(told, dict) else cause
