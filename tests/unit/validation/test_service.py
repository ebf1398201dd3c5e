from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.validation import EvaluateCandidate
from shelflife.validation.errors import EvaluationNotFoundError, PolicyChangedError
from shelflife.validation.model import Gates, Judgement, Measurement, Metric, Policy
from shelflife.validation.service import Evaluator, Validation
from tests.fakes.validation import KnownTrials, MemoryEvaluations, MemoryPolicies
from tests.harness.models import candidate

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CHAMPION = ModelVersionReference(model_name="bikeshare", version=4, candidate=candidate(job_id="old"))
FIRST = EvaluateCandidate(candidate=candidate(job_id="new"))
AGAINST = EvaluateCandidate(candidate=candidate(job_id="new"), champion=CHAMPION)


@pytest.fixture
def trials() -> KnownTrials:
    return KnownTrials(
        {
            "new": Measurement(metrics={Metric.MAE: 40.0}, rows=100),
            "old": Measurement(metrics={Metric.MAE: 50.0}, rows=100),
        }
    )


@pytest.fixture
def evaluator(trials: KnownTrials) -> Evaluator:
    return Evaluator(MemoryEvaluations(), trials, now=lambda: NOON)


@pytest.fixture
def validation(evaluator: Evaluator) -> Validation:
    return Validation(MemoryPolicies(), evaluator.evaluations, now=lambda: NOON)


def test_both_are_measured_on_the_candidates_rows(evaluator: Evaluator, trials: KnownTrials) -> None:
    found = evaluator.evaluate(AGAINST)
    assert trials.measured == [("new", "new"), ("old", "new")]
    assert found.champion is not None
    assert (found.champion.version, found.champion.measured.metrics[Metric.MAE]) == (4, 50.0)
    assert found.evaluation_id == "new.against-4"


def test_the_same_question_is_measured_once(evaluator: Evaluator, trials: KnownTrials) -> None:
    first = evaluator.evaluate(FIRST)
    trials.known["new"] = Measurement(problem="measured twice")
    assert evaluator.evaluate(FIRST) == first
    assert evaluator.evaluate(AGAINST).evaluation_id != first.evaluation_id


def test_of_two_that_measure_at_once_the_first_is_kept(evaluator: Evaluator, trials: KnownTrials) -> None:
    class Raced(KnownTrials):
        def measure(self, judged: object, rows_of: object) -> Measurement:
            evaluator.evaluate(FIRST)
            return Measurement(problem="too late")

    late = Evaluator(evaluator.evaluations, Raced({}), now=lambda: NOON)
    assert late.evaluate(FIRST).candidate.problem is None


def test_a_verdict_names_its_evidence_and_its_policy(evaluator: Evaluator, validation: Validation) -> None:
    evaluator.evaluate(AGAINST)
    verdict = validation.judge("new.against-4")
    assert (verdict.passed, verdict.evaluation_id, verdict.model_name) == (True, "new.against-4", "bikeshare")
    judgement = validation.evaluation("new.against-4").judgement
    assert judgement == Judgement(verdict=verdict, policy=Policy(model_name="bikeshare"), judged_at=NOON)


def test_one_failed_gate_is_a_refusal(evaluator: Evaluator, validation: Validation) -> None:
    validation.set_gates("bikeshare", Gates(min_improvement=0.5), changed_by="ada")
    evaluator.evaluate(AGAINST)
    verdict = validation.judge("new.against-4")
    assert not verdict.passed
    assert [gate.gate for gate in verdict.gates if not gate.passed] == ["not_worse_than_champion"]


def test_a_verdict_stands_whatever_the_policy_becomes(evaluator: Evaluator, validation: Validation) -> None:
    evaluator.evaluate(FIRST)
    verdict = validation.judge("new.first")
    validation.set_gates("bikeshare", Gates(min_holdout_rows=1000), changed_by="ada")
    assert validation.judge("new.first") == verdict


def test_of_two_that_judge_at_once_the_first_stands(evaluator: Evaluator, validation: Validation) -> None:
    evaluator.evaluate(FIRST)
    strict = Validation(
        _MeanwhileJudged(lambda: validation.judge("new.first")), validation.evaluations, lambda: NOON
    )
    assert strict.judge("new.first").passed


class _MeanwhileJudged(MemoryPolicies):
    """A strict policy; while it is read, another caller judges."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self.meanwhile = meanwhile

    def find(self, model_name: str) -> Policy | None:
        self.meanwhile()
        return Policy(model_name=model_name, revision=1, gates=Gates(min_holdout_rows=1000))


def test_what_was_never_evaluated_cannot_be_judged(validation: Validation) -> None:
    with pytest.raises(EvaluationNotFoundError, match="'e'"):
        validation.judge("e")


def test_gates_are_numbered(validation: Validation) -> None:
    assert validation.policy("bikeshare").revision == 0
    validation.set_gates("bikeshare", Gates(), changed_by="ada")
    second = validation.set_gates("bikeshare", Gates(min_holdout_rows=7), changed_by="eve")
    assert validation.policy("bikeshare") == second
    assert (second.revision, second.changed_by, second.changed_at) == (2, "eve", NOON)
    with pytest.raises(PolicyChangedError):
        validation.policies.put(second)
