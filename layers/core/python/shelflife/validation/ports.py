from typing import Protocol

from shelflife.contracts.models import Candidate
from shelflife.kernel.paging import Page
from shelflife.validation.model import Evaluation, EvaluationRecord, Judgement, Measurement, Policy


class Policies(Protocol):
    def find(self, model_name: str) -> Policy | None: ...

    def put(self, policy: Policy) -> None:
        """Replace the policy of the revision before.

        Raises:
            PolicyChangedError: the revision was taken meanwhile.
        """


class Evaluations(Protocol):
    def add(self, evaluation: Evaluation) -> None:
        """Keep an evaluation.

        Raises:
            EvaluationExistsError: it is kept already.
        """

    def find(self, evaluation_id: str) -> EvaluationRecord | None: ...

    def judge(self, evaluation_id: str, judgement: Judgement) -> None:
        """Keep the judgement of an evaluation.

        Raises:
            JudgementExistsError: it was judged already.
        """

    def page(self, model_name: str, limit: int, cursor: str | None) -> Page[EvaluationRecord]:
        """The evaluations of a model, newest first; one shows up within a second of its creation."""


class Trials(Protocol):
    def measure(self, judged: Candidate, rows_of: Candidate) -> Measurement:
        """Run a model on the rows that were held out for a candidate.

        A model that is missing, corrupted or does not run has a problem; what may work later raises.
        """
