"""Task: measure a candidate and the champion on the candidate's held-out rows."""

from shelflife.contracts.validation import EvaluateCandidate
from shelflife.entry.task import task
from shelflife.validation.model import Evaluation
from shelflife.validation.wiring import evaluator


@task(EvaluateCandidate)
def handler(asked: EvaluateCandidate) -> Evaluation:
    return evaluator().evaluate(asked)
