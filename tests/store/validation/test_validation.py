from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shelflife.contracts.models import Task
from shelflife.contracts.validation import Verdict
from shelflife.kernel.paging import InvalidCursorError
from shelflife.validation.dynamo import DynamoEvaluations, DynamoPolicies
from shelflife.validation.errors import EvaluationExistsError, JudgementExistsError, PolicyChangedError
from shelflife.validation.model import (
    ChampionMeasurement,
    Evaluation,
    Gates,
    Judgement,
    Measurement,
    Metric,
    Policy,
    Threshold,
)
from shelflife.validation.ports import Evaluations, Policies
from shelflife.validation.settings import TABLE
from tests.fakes.validation import MemoryEvaluations, MemoryPolicies
from tests.harness.cloud import make_table
from tests.harness.models import candidate

AT = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture(params=["memory", "dynamo"])
def stores(request: pytest.FixtureRequest) -> tuple[Policies, Evaluations]:
    if request.param == "memory":
        return MemoryPolicies(), MemoryEvaluations()
    request.getfixturevalue("aws")
    items = make_table(TABLE)
    return DynamoPolicies(items), DynamoEvaluations(items)


@pytest.fixture
def policies(stores: tuple[Policies, Evaluations]) -> Policies:
    return stores[0]


@pytest.fixture
def evaluations(stores: tuple[Policies, Evaluations]) -> Evaluations:
    return stores[1]


def policy(revision: int, **gates: Any) -> Policy:
    return Policy(
        model_name="bikeshare", revision=revision, gates=Gates(**gates), changed_at=AT, changed_by="ada"
    )


def evaluation(number: int, model_name: str = "bikeshare") -> Evaluation:
    return Evaluation(
        evaluation_id=f"e{number}",
        model_name=model_name,
        job_id="j",
        run_id="r",
        task=Task.REGRESSION,
        dataset=candidate().dataset,
        model_bytes=1000,
        candidate=Measurement(metrics={Metric.MAE: 2.0, Metric.R2: -1e-300}, rows=7),
        champion=ChampionMeasurement(version=1, measured=Measurement(problem="gone")),
        evaluated_at=AT + timedelta(minutes=number),
    )


def judgement(*, passed: bool) -> Judgement:
    verdict = Verdict(evaluation_id="e1", model_name="bikeshare", passed=passed, gates=())
    return Judgement(verdict=verdict, policy=policy(1), judged_at=AT)


def test_a_policy_comes_back_as_it_was(policies: Policies) -> None:
    assert policies.find("bikeshare") is None
    kept = policy(1, thresholds=(Threshold(metric=Metric.MAE, at_most=60.0),), min_improvement=1e-9)
    policies.put(kept)
    assert policies.find("bikeshare") == kept


def test_each_revision_of_a_policy_is_taken_once_and_in_order(policies: Policies) -> None:
    policies.put(policy(1))
    for taken in (1, 3):
        with pytest.raises(PolicyChangedError):
            policies.put(policy(taken, min_holdout_rows=7))
    policies.put(policy(2))
    assert policies.find("bikeshare") == policy(2)


def test_an_evaluation_comes_back_as_it_was_and_is_kept_once(evaluations: Evaluations) -> None:
    evaluations.add(evaluation(1))
    record = evaluations.find("e1")
    assert record is not None
    assert (record.evaluation, record.judgement) == (evaluation(1), None)
    with pytest.raises(EvaluationExistsError):
        evaluations.add(evaluation(1))
    assert evaluations.find("e2") is None


def test_an_evaluation_is_judged_once(evaluations: Evaluations) -> None:
    evaluations.add(evaluation(1))
    evaluations.judge("e1", judgement(passed=False))
    with pytest.raises(JudgementExistsError):
        evaluations.judge("e1", judgement(passed=True))
    record = evaluations.find("e1")
    assert record is not None
    assert record.judgement == judgement(passed=False)
    with pytest.raises(JudgementExistsError):
        evaluations.judge("e2", judgement(passed=True))
    assert evaluations.find("e2") is None


def test_evaluations_are_listed_by_model_newest_first(evaluations: Evaluations) -> None:
    for number in (2, 1, 3):
        evaluations.add(evaluation(number))
    evaluations.add(evaluation(4, "churn"))
    evaluations.judge("e1", judgement(passed=True))
    first = evaluations.page("bikeshare", 2, None)
    second = evaluations.page("bikeshare", 2, first.next_cursor)
    assert [one.evaluation.evaluation_id for one in first.items + second.items] == ["e3", "e2", "e1"]
    assert second.items[0].judgement is not None
    assert second.next_cursor is None
    with pytest.raises(InvalidCursorError):
        evaluations.page("bikeshare", 2, "nonsense")
