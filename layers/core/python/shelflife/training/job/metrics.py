"""How good the model is on the held-out rows: measured on what the ONNX model answers.

A metric that the rows cannot decide (R² of one row, ROC AUC of one class) is left out.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sk

from shelflife.contracts.models import Task
from shelflife.training.job.parity import Exported
from shelflife.training.job.rows import Rows

Array = npt.NDArray[Any]


def measured(exported: Exported, rows: Rows, classes: tuple[Any, ...]) -> dict[str, float]:
    """Metrics by name, under the names that validation's gates use."""
    if exported.task is Task.REGRESSION:
        return regression_metrics(rows.target, exported.predict(rows).astype(np.float64))
    labels, probabilities = exported.classify(rows)
    return classification_metrics(rows.target, labels, probabilities.astype(np.float64), classes)


def regression_metrics(target: Array, predicted: Array) -> dict[str, float]:
    found = {
        "mae": sk.mean_absolute_error(target, predicted),
        "rmse": sk.root_mean_squared_error(target, predicted),
        "median_ae": sk.median_absolute_error(target, predicted),
        "max_error": sk.max_error(target, predicted),
    }
    if np.ptp(target) > 0:
        found["r2"] = sk.r2_score(target, predicted)
    return {name: float(value) for name, value in found.items()}


def classification_metrics(
    target: Array, labels: Array, probabilities: Array, classes: tuple[Any, ...]
) -> dict[str, float]:
    # 32-bit probabilities add up to 1 only nearly; the logarithm is taken of what adds up to 1 exactly.
    shares = probabilities / probabilities.sum(axis=1, keepdims=True)
    found = {
        "accuracy": sk.accuracy_score(target, labels),
        "f1_macro": sk.f1_score(target, labels, average="macro", zero_division=0),
        "log_loss": sk.log_loss(target, shares, labels=list(classes)),
    }
    if len(classes) == 2 and len(np.unique(target)) == 2:  # noqa: PLR2004 - binary
        found["roc_auc"] = sk.roc_auc_score(target == classes[1], shares[:, 1])
    return {name: float(value) for name, value in found.items()}
