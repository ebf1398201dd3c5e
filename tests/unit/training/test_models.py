"""The exported model answers like the trained one: every algorithm, every task, every row."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shelflife.contracts.models import Datatype, Task
from shelflife.training.checks import checked
from shelflife.training.job.errors import ParityError
from shelflife.training.job.export import signature_of, to_onnx
from shelflife.training.job.metrics import measured
from shelflife.training.job.parity import BOUND, Exported, largest_difference
from shelflife.training.job.pipeline import Fitted, fit
from shelflife.training.job.rows import Rows, load_rows, split_rows
from shelflife.training.model import Algorithm, CheckedPlan
from tests.unit.training.datasets import breast_cancer, diabetes, manifest_of, mixed, parquet_of, plan

MIXED = ("size (m²)", "age", "colour", "member")
FEW_TREES: dict[Algorithm, dict[str, Any]] = {
    Algorithm.HIST_GRADIENT_BOOSTING: {"max_iter": 40},
    Algorithm.GRADIENT_BOOSTING: {"n_estimators": 30},
    Algorithm.RANDOM_FOREST: {"n_estimators": 20},
    Algorithm.LINEAR: {},
}


def loaded(folder: Path, frame: pd.DataFrame, asked: Any) -> tuple[CheckedPlan, Rows, Rows]:
    rows = parquet_of(frame)
    file = folder / "rows.parquet"
    file.write_bytes(rows)
    settled = checked(asked, manifest_of(frame, rows))
    return settled, *split_rows(load_rows(file, settled), settled)


def exported(settled: CheckedPlan, trained: Rows) -> tuple[Fitted, Exported]:
    fitted = fit(settled, trained)
    return fitted, Exported.load(to_onnx(fitted), settled.plan.task)


@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize(
    ("target", "task"),
    [
        ("amount", Task.REGRESSION),
        ("churned", Task.CLASSIFICATION),
        ("grade", Task.CLASSIFICATION),
        ("member", Task.CLASSIFICATION),
    ],
)
def test_mixed_rows_with_gaps(tmp_path: Path, algorithm: Algorithm, target: str, task: Task) -> None:
    features = tuple(name for name in MIXED if name != target)
    asked = plan(target, features, task, algorithm, hyperparameters=FEW_TREES[algorithm])
    settled, trained, held_out = loaded(tmp_path, mixed(), asked)
    fitted, model = exported(settled, trained)
    for rows in (trained, held_out):
        assert largest_difference(fitted, model, rows) <= BOUND
    told = signature_of(fitted)
    assert [tensor.name for tensor in told.inputs] == [*settled.numeric, *settled.categorical]
    found = {tensor.name: tensor.shape for tensor in model.session.get_inputs()}
    assert found == {tensor.name: ["rows", 1] for tensor in told.inputs}
    metrics = measured(model, held_out, fitted.classes)
    # Better than always saying the same: the features matter, so the columns are not mixed up.
    least = {"amount": 0.5, "churned": 0.6, "grade": 0.55, "member": 0.3}[target]
    assert metrics["r2" if task is Task.REGRESSION else "accuracy"] > least


@pytest.mark.parametrize("algorithm", Algorithm)
def test_regression_on_real_rows(tmp_path: Path, algorithm: Algorithm) -> None:
    frame = diabetes()
    asked = plan("target", tuple(frame.columns[:-1]), Task.REGRESSION, algorithm)
    settled, trained, held_out = loaded(tmp_path, frame, asked)
    fitted, model = exported(settled, trained)
    assert max(largest_difference(fitted, model, rows) for rows in (trained, held_out)) <= 1e-6
    assert measured(model, held_out, ())["mae"] < 60


@pytest.mark.parametrize("algorithm", Algorithm)
def test_classification_on_real_rows_gives_equal_labels(tmp_path: Path, algorithm: Algorithm) -> None:
    frame = breast_cancer()
    asked = plan("target", tuple(frame.columns[:-1]), Task.CLASSIFICATION, algorithm)
    settled, trained, held_out = loaded(tmp_path, frame, asked)
    fitted, model = exported(settled, trained)
    assert max(largest_difference(fitted, model, rows) for rows in (trained, held_out)) <= 1e-6
    assert np.array_equal(fitted.classify(held_out)[0], model.classify(held_out)[0])
    metrics = measured(model, held_out, fitted.classes)
    assert metrics["accuracy"] > 0.9
    assert metrics["roc_auc"] > 0.95


def test_tied_votes_of_a_forest_fall_to_the_same_class(tmp_path: Path) -> None:
    """Ten fully grown trees on noise tie often, and 32-bit sums of tenths are no longer ties."""
    chance = np.random.default_rng(3)
    frame = pd.DataFrame(chance.normal(size=(800, 3)), columns=["a", "b", "c"])
    for target, labels in (("two", [0, 1]), ("three", ["x", "y", "z"])):
        frame[target] = chance.choice(labels, len(frame))
        asked = plan(
            target,
            ("a", "b", "c"),
            Task.CLASSIFICATION,
            Algorithm.RANDOM_FOREST,
            hyperparameters={"n_estimators": 10},
        )
        settled, trained, held_out = loaded(tmp_path, frame, asked)
        fitted, model = exported(settled, trained)
        labels_trained, probabilities = fitted.classify(held_out)
        best = np.sort(probabilities, axis=1)
        assert (best[:, -1] == best[:, -2]).sum() > 10
        assert np.array_equal(labels_trained, model.classify(held_out)[0])


def test_rows_on_a_threshold_go_the_same_way(tmp_path: Path) -> None:
    """Neighbouring 32-bit floats: the threshold between two lies on neither, and rounding picks one."""
    value, values = np.float32(0.1), []
    for _ in range(64):
        values.append(float(value))
        value = np.nextafter(value, np.float32(1))
    frame = pd.DataFrame({"x": np.repeat(values, 20)})
    frame["y"] = np.tile([0.0, 100.0], 32).repeat(20)
    frame["y"] += np.arange(len(frame)) % 3
    asked = plan(
        "y",
        ("x",),
        Task.REGRESSION,
        Algorithm.HIST_GRADIENT_BOOSTING,
        hyperparameters={"min_samples_leaf": 1, "max_leaf_nodes": None, "max_iter": 5},
    )
    settled, trained, held_out = loaded(tmp_path, frame, asked)
    fitted, model = exported(settled, trained)
    assert max(largest_difference(fitted, model, rows) for rows in (trained, held_out)) <= 1e-6


@pytest.mark.parametrize("algorithm", [Algorithm.HIST_GRADIENT_BOOSTING, Algorithm.GRADIENT_BOOSTING])
def test_answers_near_zero_of_large_targets_keep_the_bound(tmp_path: Path, algorithm: Algorithm) -> None:
    frame = mixed()
    frame["profit"] = (frame["amount"] - frame["amount"].mean()) * 1e6
    settled, trained, _ = loaded(tmp_path, frame, plan("profit", MIXED, Task.REGRESSION, algorithm))
    fitted, model = exported(settled, trained)
    assert largest_difference(fitted, model, trained) <= 1e-6


@pytest.mark.parametrize("features", [("age",), ("colour",), ("colour", "member")])
@pytest.mark.parametrize("algorithm", Algorithm)
def test_features_of_one_kind_only(tmp_path: Path, algorithm: Algorithm, features: tuple[str, ...]) -> None:
    settled, trained, held_out = loaded(
        tmp_path, mixed(), plan("churned", features, Task.CLASSIFICATION, algorithm)
    )
    fitted, model = exported(settled, trained)
    assert largest_difference(fitted, model, held_out) <= BOUND


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_category_that_was_never_seen_is_answered_alike(tmp_path: Path, algorithm: Algorithm) -> None:
    settled, trained, held_out = loaded(tmp_path, mixed(), plan("amount", MIXED, Task.REGRESSION, algorithm))
    fitted, model = exported(settled, trained)
    held_out.categorical["colour"][:] = "violet"
    held_out.numeric["age"][:] = np.nan
    assert largest_difference(fitted, model, held_out) <= BOUND


def test_a_feature_without_a_value_in_the_trained_rows_is_no_obstacle(tmp_path: Path) -> None:
    frame = mixed()
    frame["late"] = np.where(np.arange(len(frame)) < 500, np.nan, 1.0)
    for algorithm in Algorithm:
        asked = plan(
            "amount",
            ("age", "late"),
            Task.REGRESSION,
            algorithm,
            split={"kind": "ordered", "holdout_fraction": 0.1667},
        )
        settled, trained, held_out = loaded(tmp_path, frame, asked)
        assert np.isnan(trained.numeric["late"]).all()
        fitted, model = exported(settled, trained)
        assert largest_difference(fitted, model, held_out) <= BOUND


def test_a_model_that_answers_otherwise_is_refused_by_row_and_value(tmp_path: Path) -> None:
    settled, trained, held_out = loaded(
        tmp_path, mixed(), plan("amount", MIXED, Task.REGRESSION, Algorithm.LINEAR)
    )
    fitted, model = exported(settled, trained)
    worst = held_out.numbers[5]

    class Distorted(Exported):
        def predict(self, rows: Rows) -> Any:
            answers = super().predict(rows)
            answers[5] += 1.0
            return answers

    with pytest.raises(
        ParityError, match=rf"row {worst} of the dataset: the prediction is .+ in the ONNX model"
    ):
        largest_difference(fitted, Distorted(model.session, model.task), held_out)


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    for algorithm in Algorithm:
        for target, task in (("amount", Task.REGRESSION), ("grade", Task.CLASSIFICATION)):
            asked = plan(target, MIXED, task, algorithm, hyperparameters=FEW_TREES[algorithm])
            settled, trained, _ = loaded(tmp_path, mixed(), asked)
            assert to_onnx(fit(settled, trained)) == to_onnx(fit(settled, trained))


def test_labels_are_integers_or_texts(tmp_path: Path) -> None:
    kinds = {"churned": Datatype.INT64, "grade": Datatype.BYTES, "member": Datatype.INT64}
    for target, kind in kinds.items():
        settled, trained, _ = loaded(
            tmp_path, mixed(), plan(target, ("age",), Task.CLASSIFICATION, Algorithm.LINEAR)
        )
        told = signature_of(fit(settled, trained))
        assert told.outputs[0].datatype is kind
        assert told.classes == (("high", "low", "mid") if target == "grade" else ("0", "1"))
