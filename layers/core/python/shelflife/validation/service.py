from dataclasses import dataclass

from shelflife.contracts.validation import EvaluateCandidate, Verdict
from shelflife.kernel.ids import Clock
from shelflife.kernel.paging import Page
from shelflife.validation.errors import EvaluationExistsError, EvaluationNotFoundError, JudgementExistsError
from shelflife.validation.gates import judged
from shelflife.validation.model import (
    ChampionMeasurement,
    Evaluation,
    EvaluationRecord,
    Gates,
    Judgement,
    Policy,
    evaluation_id_of,
)
from shelflife.validation.ports import Evaluations, Policies, Trials


@dataclass(frozen=True, slots=True)
class Validation:
    """Policies, and verdicts by them."""

    policies: Policies
    evaluations: Evaluations
    now: Clock

    def policy(self, model_name: str) -> Policy:
        """The model's policy, or what holds without one."""
        return self.policies.find(model_name) or Policy(model_name=model_name)

    def set_gates(self, model_name: str, gates: Gates, *, changed_by: str) -> Policy:
        """Replace the model's gates.

        Raises:
            PolicyChangedError: another caller changed them meanwhile.
        """
        policy = Policy(
            model_name=model_name,
            revision=self.policy(model_name).revision + 1,
            gates=gates,
            changed_at=self.now(),
            changed_by=changed_by,
        )
        self.policies.put(policy)
        return policy

    def judge(self, evaluation_id: str) -> Verdict:
        """Decide by the policy of now; an evaluation is judged once, and asked again answers the same.

        Raises:
            EvaluationNotFoundError: there is none.
        """
        record = self.evaluation(evaluation_id)
        if record.judgement is not None:
            return record.judgement.verdict
        model_name = record.evaluation.model_name
        policy = self.policy(model_name)
        gates = judged(record.evaluation, policy.gates)
        verdict = Verdict(
            evaluation_id=evaluation_id,
            model_name=model_name,
            passed=all(gate.passed for gate in gates),
            gates=gates,
        )
        try:
            self.evaluations.judge(
                evaluation_id, Judgement(verdict=verdict, policy=policy, judged_at=self.now())
            )
        except JudgementExistsError:
            return self.judge(evaluation_id)
        return verdict

    def evaluation(self, evaluation_id: str) -> EvaluationRecord:
        """The evaluation, with its judgement if there is one.

        Raises:
            EvaluationNotFoundError: there is none.
        """
        record = self.evaluations.find(evaluation_id)
        if record is None:
            raise EvaluationNotFoundError(evaluation_id)
        return record

    def page(self, model_name: str, limit: int, cursor: str | None) -> Page[EvaluationRecord]:
        return self.evaluations.page(model_name, limit, cursor)


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluations: a candidate and its champion on the same rows."""

    evaluations: Evaluations
    trials: Trials
    now: Clock

    def evaluate(self, asked: EvaluateCandidate) -> Evaluation:
        """Measure both; asked again for the same job and champion, the same evaluation is answered."""
        candidate, champion = asked.candidate, asked.champion
        evaluation_id = evaluation_id_of(candidate.job_id, champion.version if champion else None)
        known = self.evaluations.find(evaluation_id)
        if known is not None:
            return known.evaluation
        evaluation = Evaluation(
            evaluation_id=evaluation_id,
            model_name=candidate.model_name,
            job_id=candidate.job_id,
            run_id=candidate.run_id,
            task=candidate.task,
            dataset=candidate.dataset,
            model_bytes=candidate.model.size_bytes,
            candidate=self.trials.measure(candidate, candidate),
            champion=ChampionMeasurement(
                version=champion.version, measured=self.trials.measure(champion.candidate, candidate)
            )
            if champion
            else None,
            evaluated_at=self.now(),
        )
        return self._kept(evaluation)

    def _kept(self, evaluation: Evaluation) -> Evaluation:
        try:
            self.evaluations.add(evaluation)
        except EvaluationExistsError:
            known = self.evaluations.find(evaluation.evaluation_id)
            return known.evaluation if known else evaluation
        return evaluation
