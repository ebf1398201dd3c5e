from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shelflife.contracts.data import DatasetManifest
from shelflife.contracts.models import Task
from shelflife.training.checks import checked
from shelflife.training.errors import PlanRefusedError
from shelflife.training.hyperparameters import rules_of, settled
from shelflife.training.model import Algorithm, CheckedPlan, FeatureKinds, Split, TrainingPlan
from tests.unit.training.datasets import manifest_of, mixed, plan

Check = Callable[..., CheckedPlan]


def frame() -> pd.DataFrame:
    rows = mixed(200)
    rows["empty"] = np.nan
    rows["constant"] = 1.0
    rows["free_text"] = [f"note {place}" for place in range(200)]
    rows["half"] = np.arange(200) % 4 / 2
    rows["label"] = 1.0
    return rows


MANIFEST = manifest_of(frame(), b"rows")


def check(manifest: DatasetManifest = MANIFEST, **changes: Any) -> CheckedPlan:
    asked = plan("amount", ("age", "colour"), Task.REGRESSION, Algorithm.LINEAR)
    return checked(TrainingPlan.model_validate(asked.model_dump() | changes), manifest)


def faults(**changes: Any) -> dict[str, str]:
    with pytest.raises(PlanRefusedError) as refused:
        check(**changes)
    return {fault.field: fault.message for fault in refused.value.faults}


def test_a_plan_is_settled() -> None:
    found = check(features=("age", "member", "colour"), dataset={"name": "rows", "version": "latest"})
    assert (found.numeric, found.categorical) == (("age", "member"), ("colour",))
    assert found.plan.dataset.version == 3
    assert found.hyperparameters == {"alpha": 1.0}


def test_kinds_may_be_chosen() -> None:
    found = check(features={"numeric": ["size (m²)"], "categorical": ["age", "member"]})
    assert (found.numeric, found.categorical) == (("size (m²)",), ("age", "member"))
    assert isinstance(found.plan.features, FeatureKinds)


@pytest.mark.parametrize(
    ("features", "field", "message"),
    [
        ((), "features", "there is none"),
        (("age", "amount"), "features.1", "column 'amount' is the target"),
        (("age", "age"), "features.1", "column 'age' is named twice"),
        (("agee",), "features.0", "has no column 'agee'; it has size (m²), age"),
        (("seen_at",), "features.0", "is a timestamp"),
        (("empty",), "features.0", "has no value in any of 200 rows"),
        (("label",), "features.0", "one of a model's outputs"),
        ({"numeric": ["colour"]}, "features.numeric.0", "is text, a numeric feature needs numbers"),
        ({"categorical": ["seen_at"]}, "features.categorical.0", "is a timestamp"),
        ({"numeric": ["age"], "categorical": ["age"]}, "features.categorical.0", "named twice"),
    ],
)
def test_a_feature_that_cannot_be_used(features: Any, field: str, message: str) -> None:
    found = faults(features=features)
    assert found.keys() == {field}
    assert message in found[field]


@pytest.mark.parametrize(
    ("target", "task", "message"),
    [
        ("price", "regression", "has no column 'price'"),
        ("colour", "regression", "is text, a regression needs numbers"),
        ("member", "regression", "is boolean, a regression needs numbers"),
        ("constant", "regression", "has only one value"),
        ("empty", "regression", "has no value in any row"),
        ("constant", "classification", "has only one value"),
        ("half", "classification", "has the value 0.5: classes are integers or text"),
        ("free_text", "classification", "more than 100 different values"),
        ("seen_at", "classification", "is a timestamp"),
    ],
)
def test_a_target_that_cannot_be_learnt(target: str, task: str, message: str) -> None:
    found = faults(target=target, task=task, features=("age",))
    assert message in found["target"]


@pytest.mark.parametrize("target", ["grade", "member", "churned"])
def test_texts_flags_and_integers_are_classes(target: str) -> None:
    assert check(target=target, task="classification", features=("age",)).plan.target == target


@pytest.mark.parametrize(
    ("split", "field", "message"),
    [
        ({"kind": "random", "by": "age"}, "split.by", "a random split has no order"),
        ({"kind": "ordered", "by": "when"}, "split.by", "has no column 'when'"),
        ({"kind": "ordered", "by": "amount"}, "split.by", "is the target"),
        ({"kind": "ordered", "by": "colour"}, "split.by", "is missing in"),
        ({"holdout_fraction": 0.001}, "split.holdout_fraction", "0 would be held out and 200 trained on"),
        ({"holdout_fraction": 0.999}, "split.holdout_fraction", "200 would be held out and 0 trained on"),
    ],
)
def test_a_split_that_leaves_nothing(split: Any, field: str, message: str) -> None:
    found = faults(split=split)
    assert found.keys() == {field}
    assert message in found[field]


def test_rows_without_a_target_do_not_count() -> None:
    rows = mixed(40)
    rows.loc[:36, "amount"] = np.nan
    with pytest.raises(PlanRefusedError, match="of 3 rows with a target, 2 would be held out and 1 trained"):
        check(manifest_of(rows, b"rows"), split={"holdout_fraction": 0.5})


def test_every_class_keeps_a_row_to_be_trained_on() -> None:
    rows = pd.DataFrame({"x": np.arange(4.0), "y": ["a", "b", "c", "d"]})
    with pytest.raises(PlanRefusedError, match="0 would be held out and 4 trained on"):
        check(
            manifest_of(rows, b"rows"),
            target="y",
            features=("x",),
            task="classification",
            split=Split(holdout_fraction=0.9),
        )


def test_all_faults_are_told_at_once() -> None:
    found = faults(
        target="price",
        features=("seen_at", "nothing"),
        split={"kind": "random", "by": "age"},
        hyperparameters={"depth": 3},
    )
    assert found.keys() == {"target", "features.0", "features.1", "split.by", "hyperparameters.depth"}


@pytest.mark.parametrize(
    ("algorithm", "chosen", "message"),
    [
        ("linear", {"C": 1.0}, "linear for regression has no 'C'; it has alpha"),
        ("linear", {"alpha": -1}, "expected a number from 0 to 1e+09, got -1"),
        ("gradient_boosting", {"max_depth": None}, "expected an integer from 1 to 32, got None"),
        ("gradient_boosting", {"n_estimators": 10.5}, "expected an integer from 1 to 5000, got 10.5"),
        ("gradient_boosting", {"n_estimators": True}, "expected an integer from 1 to 5000, got True"),
        ("hist_gradient_boosting", {"max_iter": 0}, "expected an integer from 1 to 5000, got 0"),
        ("hist_gradient_boosting", {"early_stopping": 1}, "expected one of true, false, got 1"),
        ("hist_gradient_boosting", {"max_depth": 65}, "from 1 to 64 or null, got 65"),
        ("hist_gradient_boosting", {"class_weight": "balanced"}, "has no 'class_weight'"),
        ("random_forest", {"max_features": 1}, "one of sqrt, log2, null or a fraction up to 1.0, got 1"),
        ("random_forest", {"max_features": "all"}, "got 'all'"),
    ],
)
def test_a_hyperparameter_that_is_not_allowed(algorithm: str, chosen: Any, message: str) -> None:
    found = faults(algorithm=algorithm, hyperparameters=chosen)
    assert message in found[f"hyperparameters.{next(iter(chosen))}"]


@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize("task", Task)
def test_what_is_not_chosen_has_an_allowed_default(algorithm: Algorithm, task: Task) -> None:
    for name, value in settled(algorithm, task, {}).items():
        assert rules_of(algorithm, task)[name].accepts(value), name
