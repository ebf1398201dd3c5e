import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shelflife.contracts.models import Task
from shelflife.training.checks import checked
from shelflife.training.job.artifacts import npz
from shelflife.training.job.errors import RowsUnfitError
from shelflife.training.job.metrics import classification_metrics, regression_metrics
from shelflife.training.job.rows import Rows, load_rows, split_rows
from shelflife.training.model import Algorithm, CheckedPlan, FeatureKinds, Split
from tests.unit.training.datasets import manifest_of, mixed, parquet_of, plan

LINEAR = Algorithm.LINEAR


def loaded(folder: Path, frame: pd.DataFrame, asked: Any) -> tuple[CheckedPlan, Rows]:
    rows = parquet_of(frame)
    (folder / "rows.parquet").write_bytes(rows)
    settled = checked(asked, manifest_of(frame, rows))
    return settled, load_rows(folder / "rows.parquet", settled)


def test_values_are_what_the_model_will_be_given(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "x": [0.1, None, 3.0, 4.0],
            "flag": pd.array([True, None, False, True], dtype="boolean").astype(object),
            "code": [1.0, 2.5, None, 3.0],
            "word": ["a", None, "", "ü"],
            "y": [1.0, 2.0, None, 4.0],
        }
    )
    frame["flag"] = frame["flag"].map({True: 1.0, False: 0.0})
    kinds = FeatureKinds(numeric=("x", "flag"), categorical=("code", "word"))
    asked = plan("y", (), Task.REGRESSION, LINEAR).model_copy(update={"features": kinds})
    _, rows = loaded(tmp_path, frame, asked)
    assert rows.numeric["x"].dtype == np.float32
    assert rows.numeric["x"].tolist()[0] == float(np.float32(0.1))
    assert np.isnan(rows.numeric["x"][1])
    assert rows.categorical["code"].tolist() == ["1", "2.5", "3"]
    assert rows.categorical["word"].tolist() == ["a", "", "ü"]
    # The row without a target is left out; the others keep their places in the dataset.
    assert rows.numbers.tolist() == [1, 2, 4]
    assert rows.target.tolist() == [1.0, 2.0, 4.0]


def test_an_ordered_split_keeps_the_last_rows_in_their_order(tmp_path: Path) -> None:
    frame = mixed(100)
    split = Split(kind="ordered", by="seen_at", holdout_fraction=0.2)
    settled, rows = loaded(tmp_path, frame, plan("amount", ("age",), Task.REGRESSION, LINEAR, split=split))
    trained, held_out = split_rows(rows, settled)
    order = frame["seen_at"].argsort().to_numpy() + 1
    assert trained.numbers.tolist() == order[:80].tolist()
    assert held_out.numbers.tolist() == order[80:].tolist()


def test_a_random_split_holds_back_a_share_of_each_class(tmp_path: Path) -> None:
    settled, rows = loaded(tmp_path, mixed(), plan("grade", ("age",), Task.CLASSIFICATION, LINEAR))
    trained, held_out = split_rows(rows, settled)
    for label in ("low", "mid", "high"):
        kept = (held_out.target == label).sum()
        assert kept / (kept + (trained.target == label).sum()) == pytest.approx(0.25, abs=0.01)
    assert sorted([*trained.numbers, *held_out.numbers]) == list(range(1, 601))


def test_the_seed_decides_the_split(tmp_path: Path) -> None:
    def numbers(seed: int) -> list[int]:
        settled, rows = loaded(
            tmp_path, mixed(), plan("amount", ("age",), Task.REGRESSION, LINEAR, seed=seed)
        )
        found: list[int] = split_rows(rows, settled)[1].numbers.tolist()
        return found

    assert numbers(1) == numbers(1)
    assert numbers(1) != numbers(2)


def test_a_number_beyond_32_bits_is_named_by_column_and_row(tmp_path: Path) -> None:
    frame = mixed(50)
    frame["huge"] = 1.0
    frame.loc[41, "huge"] = 1e39
    with pytest.raises(RowsUnfitError, match=r"column 'huge', row 42: 1e\+39"):
        loaded(tmp_path, frame, plan("amount", ("huge",), Task.REGRESSION, LINEAR))


def test_a_class_that_is_never_trained_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.arange(40.0), "y": ["a", "b"] * 18 + ["c"] * 4})
    split = Split(kind="ordered", holdout_fraction=0.1)
    settled, rows = loaded(tmp_path, frame, plan("y", ("x",), Task.CLASSIFICATION, LINEAR, split=split))
    with pytest.raises(RowsUnfitError, match="has the class 'c' in the held-out rows"):
        split_rows(rows, settled)
    split = Split(kind="ordered", holdout_fraction=0.5)
    frame["y"] = ["a"] * 20 + ["b"] * 20
    settled, rows = loaded(tmp_path, frame, plan("y", ("x",), Task.CLASSIFICATION, LINEAR, split=split))
    with pytest.raises(RowsUnfitError, match="only the class 'a'"):
        split_rows(rows, settled)


def test_arrays_of_any_name_are_written_alike_every_time() -> None:
    arrays = {"file": np.arange(3), "a/b.npy": np.array(["x", "ü"]), "target": np.array([1.5])}
    body = npz(arrays)
    assert body == npz(arrays)
    read = np.load(io.BytesIO(body), allow_pickle=False)
    assert {name: read[name].tolist() for name in read.files} == {
        name: values.tolist() for name, values in arrays.items()
    }


def test_a_metric_that_rows_cannot_decide_is_left_out() -> None:
    one = regression_metrics(np.array([2.0]), np.array([3.0]))
    assert one == {"mae": 1.0, "rmse": 1.0, "median_ae": 1.0, "max_error": 1.0}
    shares = np.array([[0.9, 0.1], [0.6, 0.4]])
    found = classification_metrics(np.array([0, 0]), np.array([0, 0]), shares, (0, 1))
    assert found.keys() == {"accuracy", "f1_macro", "log_loss"}
    json.dumps(found, allow_nan=False)
