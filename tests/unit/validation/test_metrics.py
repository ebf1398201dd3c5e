from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from shelflife.validation import metrics
from shelflife.validation.model import Metric

CHANCE = np.random.default_rng(0)


@pytest.mark.parametrize("rows", [1, 2, 3, 1000])
def test_regression_metrics_are_scikit_learns(rows: int) -> None:
    target = CHANCE.normal(100, 50, rows)
    predicted = target + CHANCE.normal(0, 10, rows)
    found = metrics.regression(target, predicted)
    expected = {
        Metric.MAE: sk.mean_absolute_error(target, predicted),
        Metric.RMSE: sk.root_mean_squared_error(target, predicted),
        Metric.MEDIAN_AE: sk.median_absolute_error(target, predicted),
        Metric.MAX_ERROR: sk.max_error(target, predicted),
    }
    if rows > 1:
        expected[Metric.R2] = sk.r2_score(target, predicted)
    assert found == pytest.approx(expected)


def test_r_squared_of_a_constant_target_is_left_out() -> None:
    assert Metric.R2 not in metrics.regression(np.full(5, 3.0), np.arange(5.0))


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("decimals", [1, 8])
def test_classification_metrics_are_scikit_learns(classes: int, decimals: int) -> None:
    target = CHANCE.integers(0, classes, 500)
    probabilities = np.round(CHANCE.dirichlet(np.ones(classes), 500), decimals) + 1e-3
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    predicted = probabilities.argmax(axis=1)
    found = metrics.classification(target, predicted, probabilities)
    expected: dict[Metric, Any] = {
        Metric.ACCURACY: sk.accuracy_score(target, predicted),
        Metric.F1_MACRO: sk.f1_score(target, predicted, average="macro", zero_division=0),
        Metric.LOG_LOSS: sk.log_loss(target, probabilities, labels=range(classes)),
    }
    if classes == 2:
        expected[Metric.ROC_AUC] = sk.roc_auc_score(target, probabilities[:, 1])
    assert found == pytest.approx(expected)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=60))
def test_ties_of_scores_count_half(rows: list[tuple[bool, int]]) -> None:
    target = np.array([int(label) for label, _ in rows])
    scores = np.array([score / 4 for _, score in rows])
    found = metrics.classification(target, target, np.column_stack([1 - scores, scores]))
    if 0 < target.sum() < len(rows):
        assert found[Metric.ROC_AUC] == pytest.approx(sk.roc_auc_score(target, scores))
    else:
        assert Metric.ROC_AUC not in found


def test_a_class_that_the_model_does_not_know_is_wrong_but_finite() -> None:
    probabilities = np.array([[0.0, 1.0], [0.5, 0.5]])
    found = metrics.classification(np.array([-1, 0]), np.array([1, 0]), probabilities)
    assert found[Metric.ACCURACY] == 0.5
    assert 0 < found[Metric.LOG_LOSS] < np.inf


def test_certain_errors_cost_much_but_not_everything() -> None:
    found = metrics.classification(np.array([0, 1]), np.array([1, 0]), np.array([[0.0, 1.0], [1.0, 0.0]]))
    assert found[Metric.LOG_LOSS] == pytest.approx(-np.log(np.finfo(np.float64).eps))
    assert (found[Metric.F1_MACRO], found[Metric.ROC_AUC]) == (0.0, 0.0)
