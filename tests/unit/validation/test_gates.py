from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from shelflife.contracts.models import Task
from shelflife.contracts.validation import GateResult
from shelflife.validation.gates import judged
from shelflife.validation.model import (
    ChampionMeasurement,
    Evaluation,
    Gates,
    Measurement,
    Metric,
    Threshold,
)
from tests.harness.models import candidate

GOOD = Measurement(metrics={Metric.MAE: 40.0, Metric.R2: 0.9}, rows=100)
BROKEN = Measurement(problem="the model cannot be loaded: not ONNX")


def evaluation(measured: Measurement = GOOD, champion: Measurement | None = None, **more: Any) -> Evaluation:
    plain: dict[str, Any] = {
        "evaluation_id": "e",
        "model_name": "bikeshare",
        "job_id": "j",
        "run_id": "r",
        "task": Task.REGRESSION,
        "dataset": candidate().dataset,
        "model_bytes": 1000,
        "candidate": measured,
        "champion": ChampionMeasurement(version=3, measured=champion) if champion else None,
        "evaluated_at": datetime(2026, 11, 20, tzinfo=UTC),
    }
    return Evaluation(**plain | more)


def answers(found: Evaluation, **gates: Any) -> dict[str, GateResult]:
    return {result.gate: result for result in judged(found, Gates(**gates))}


def failed(found: Evaluation, **gates: Any) -> list[str]:
    return [name for name, result in answers(found, **gates).items() if not result.passed]


def measured(**metrics: float) -> Measurement:
    return Measurement(metrics={Metric(name): value for name, value in metrics.items()}, rows=100)


def test_a_first_candidate_passes_what_holds_without_a_policy() -> None:
    found = answers(evaluation())
    assert all(result.passed for result in found.values())
    assert found["not_worse_than_champion"].reason == "there is no champion yet"
    assert found["runs"].evidence == {"rows": 100.0, "mae": 40.0, "r2": 0.9}


def test_a_candidate_that_does_not_run_passes_nothing_that_needs_it() -> None:
    gates = {"thresholds": (Threshold(metric=Metric.MAE, at_most=50),), "champion": "when_comparable"}
    assert failed(evaluation(BROKEN, GOOD), **gates) == [
        "runs",
        "holdout_rows",
        "threshold.mae",
        "not_worse_than_champion",
    ]
    assert answers(evaluation(BROKEN))["runs"].reason == BROKEN.problem


def test_sizes_are_bounded_on_their_own_side() -> None:
    assert failed(evaluation(), min_holdout_rows=100, max_model_bytes=1000) == []
    assert failed(evaluation(), min_holdout_rows=101, max_model_bytes=999) == ["holdout_rows", "model_bytes"]


@pytest.mark.parametrize(
    ("threshold", "passed"),
    [
        (Threshold(metric=Metric.MAE, at_most=40), True),
        (Threshold(metric=Metric.MAE, at_most=39.9), False),
        (Threshold(metric=Metric.R2, at_least=0.9), True),
        (Threshold(metric=Metric.R2, at_least=0.91), False),
        (Threshold(metric=Metric.R2, at_least=0.5, at_most=0.8), False),
        (Threshold(metric=Metric.ACCURACY, at_least=0.0), False),
    ],
)
def test_a_threshold_is_kept_or_not(threshold: Threshold, passed: bool) -> None:  # noqa: FBT001 - the expected answer
    result = answers(evaluation(), thresholds=(threshold,))[f"threshold.{threshold.metric}"]
    assert result.passed is passed


def test_a_threshold_says_what_it_saw() -> None:
    result = answers(evaluation(), thresholds=(Threshold(metric=Metric.MAE, at_most=30),))["threshold.mae"]
    assert result.reason == "mae is 40, at most 30 is asked for"
    assert result.evidence == {"found": 40.0, "at_most": 30.0}


@pytest.mark.parametrize(
    ("mine", "theirs", "gates", "passed"),
    [
        ({"mae": 40.0}, {"mae": 40.0}, {}, True),
        ({"mae": 40.1}, {"mae": 40.0}, {}, False),
        ({"mae": 40.1}, {"mae": 40.0}, {"min_improvement": -0.01}, True),
        ({"mae": 39.0}, {"mae": 40.0}, {"min_improvement": 0.05}, False),
        ({"mae": 38.0}, {"mae": 40.0}, {"min_improvement": 0.05}, True),
        ({"r2": 0.8}, {"r2": 0.7}, {"primary_metric": "r2"}, True),
        ({"r2": 0.6}, {"r2": 0.7}, {"primary_metric": "r2"}, False),
        ({"r2": -0.5}, {"r2": -0.4}, {"primary_metric": "r2", "min_improvement": -0.5}, True),
        ({"r2": -0.5}, {"r2": -0.4}, {"primary_metric": "r2", "min_improvement": 0.5}, False),
    ],
)
def test_a_candidate_is_not_worse_than_the_champion(
    mine: dict[str, float],
    theirs: dict[str, float],
    gates: dict[str, Any],
    passed: bool,  # noqa: FBT001 - the expected answer
) -> None:
    result = answers(evaluation(measured(**mine), measured(**theirs)), **gates)["not_worse_than_champion"]
    assert result.passed is passed
    assert result.evidence["champion_version"] == 3.0


def test_classifiers_are_compared_by_their_log_loss() -> None:
    found = evaluation(
        measured(log_loss=0.5, accuracy=0.9), measured(log_loss=0.4, accuracy=0.8), task=Task.CLASSIFICATION
    )
    assert failed(found) == ["not_worse_than_champion"]
    assert failed(found, primary_metric="accuracy") == []


def test_a_champion_that_cannot_be_compared_lets_nobody_pass_while_required() -> None:
    found = evaluation(GOOD, BROKEN)
    result = answers(found)["not_worse_than_champion"]
    assert not result.passed
    assert str(BROKEN.problem) in result.reason
    assert failed(found, champion="when_comparable") == []
    assert failed(evaluation(GOOD, GOOD), primary_metric="roc_auc") == ["not_worse_than_champion"]


@pytest.mark.parametrize(
    "gates",
    [
        {"thresholds": [{"metric": "mae"}]},
        {"thresholds": [{"metric": "beauty", "at_most": 1}]},
        {"thresholds": [{"metric": "mae", "at_most": float("nan")}]},
        {"min_improvement": 2},
        {"min_holdout_rows": 0},
        {"champion": "never"},
        {"colour": "red"},
    ],
)
def test_gates_that_mean_nothing_are_refused(gates: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Gates.model_validate(gates)
