"""From rows to a fitted scikit-learn model, in two pieces: what prepares the features, and what learns.

The first piece is exact in 32-bit floats (values are passed on, filled in or counted out), the second is
fitted on 64-bit floats of the same values. export.py writes the two as one ONNX graph.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from shelflife.contracts.models import Task
from shelflife.training.job.rows import Rows
from shelflife.training.model import Algorithm, CheckedPlan

Array = npt.NDArray[Any]
Doubles = npt.NDArray[np.float64]

_ESTIMATORS: dict[tuple[Algorithm, Task], type[Any]] = {
    (Algorithm.HIST_GRADIENT_BOOSTING, Task.REGRESSION): HistGradientBoostingRegressor,
    (Algorithm.HIST_GRADIENT_BOOSTING, Task.CLASSIFICATION): HistGradientBoostingClassifier,
    (Algorithm.GRADIENT_BOOSTING, Task.REGRESSION): GradientBoostingRegressor,
    (Algorithm.GRADIENT_BOOSTING, Task.CLASSIFICATION): GradientBoostingClassifier,
    (Algorithm.RANDOM_FOREST, Task.REGRESSION): RandomForestRegressor,
    (Algorithm.RANDOM_FOREST, Task.CLASSIFICATION): RandomForestClassifier,
    (Algorithm.LINEAR, Task.REGRESSION): Ridge,
    (Algorithm.LINEAR, Task.CLASSIFICATION): LogisticRegression,
}


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained model; `classes` are the labels in the order of its probabilities."""

    checked: CheckedPlan
    preprocess: ColumnTransformer
    estimator: Any
    classes: tuple[Any, ...]

    def predict(self, rows: Rows) -> Doubles:
        """A regression's answers."""
        answers: Doubles = self.estimator.predict(self._prepared(rows)).ravel()
        return answers

    def classify(self, rows: Rows) -> tuple[Array, Doubles]:
        """Labels and probabilities."""
        prepared = self._prepared(rows)
        return self.estimator.predict(prepared), self.estimator.predict_proba(prepared)

    def _prepared(self, rows: Rows) -> Doubles:
        return _doubles(self.preprocess.transform(frame(rows)))


def fit(checked: CheckedPlan, rows: Rows) -> Fitted:
    """Train the plan's model; the same plan, seed and rows give the same model."""
    preprocess = _preprocess(checked)
    preprocess.fit(frame(rows))
    _round_fillings(preprocess)
    estimator = _estimator(checked)
    estimator.fit(_doubles(preprocess.transform(frame(rows))), rows.target)
    classes = tuple(estimator.classes_.tolist()) if checked.plan.task is Task.CLASSIFICATION else ()
    return Fitted(checked, preprocess, estimator, classes)


def frame(rows: Rows) -> pd.DataFrame:
    """The features by their places: real names may be anything, and are given to the graph at the end."""
    numeric = {f"n{place}": values.astype(np.float64) for place, values in enumerate(rows.numeric.values())}
    categorical = {f"c{place}": values for place, values in enumerate(rows.categorical.values())}
    return pd.DataFrame(numeric | categorical)


def _preprocess(checked: CheckedPlan) -> ColumnTransformer:
    blocks: list[tuple[str, Any, list[str]]] = []
    if checked.numeric:
        names = [f"n{place}" for place in range(len(checked.numeric))]
        blocks.append(("numeric", _filler(checked.plan.algorithm), names))
    if checked.categorical:
        names = [f"c{place}" for place in range(len(checked.categorical))]
        blocks.append(("categorical", _encoder(checked.plan.algorithm), names))
    return ColumnTransformer(blocks)


def _filler(algorithm: Algorithm) -> Any:
    """Histogram boosting learns where missing values belong; all others get the median."""
    if algorithm is Algorithm.HIST_GRADIENT_BOOSTING:
        return "passthrough"
    return SimpleImputer(strategy="median", keep_empty_features=True)


def _encoder(algorithm: Algorithm) -> Any:
    """Trees split an order of categories as often as they need; a linear model needs a column for each."""
    if algorithm is Algorithm.LINEAR:
        return OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


def _round_fillings(preprocess: ColumnTransformer) -> None:
    """A median of two 32-bit floats may lie between them; the graph can only fill in one that is one."""
    filler = preprocess.named_transformers_.get("numeric")
    if isinstance(filler, SimpleImputer):
        filler.statistics_ = filler.statistics_.astype(np.float32).astype(np.float64)


def _estimator(checked: CheckedPlan) -> Any:
    plan = checked.plan
    kind = _ESTIMATORS[plan.algorithm, plan.task]
    estimator = kind(random_state=plan.seed, **checked.hyperparameters)
    if plan.algorithm is Algorithm.LINEAR:
        return Pipeline([("scale", StandardScaler()), ("estimate", estimator)])
    return estimator


def _doubles(prepared: Array) -> Doubles:
    return np.asarray(prepared, dtype=np.float64)
