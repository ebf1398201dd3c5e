"""Task: decide whether a candidate passes its model's gates."""

from shelflife.contracts.validation import Verdict
from shelflife.entry.task import task
from shelflife.validation.model import JudgeEvaluation
from shelflife.validation.wiring import validation


@task(JudgeEvaluation)
def handler(asked: JudgeEvaluation) -> Verdict:
    return validation().judge(asked.evaluation_id)
