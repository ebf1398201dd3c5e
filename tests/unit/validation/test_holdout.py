import pickle
from typing import Any

import numpy as np
import pytest

from shelflife.contracts.models import Datatype, Signature, Tensor
from shelflife.validation.errors import ModelUnrunnableError
from shelflife.validation.holdout import codes, inputs_of, numbers, read_holdout
from tests.harness.trained import LINE, npz, rows


def test_columns_come_back_flat() -> None:
    columns = read_holdout(npz(x=np.ones((3, 1)), target=np.arange(3)))
    assert {name: values.shape for name, values in columns.items()} == {"x": (3,), "target": (3,)}


class Evil:
    def __reduce__(self) -> Any:
        return pytest.fail, ("unpickled",)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "cannot be read"),
        (b"PK\x03\x04", "cannot be read"),
        (b"\x93NUMPY\x01\x00", "cannot be read"),
        (pickle.dumps(Evil()), "cannot be read"),
        (npz(target=np.array([Evil()], dtype=object)), "cannot be read"),
        (npz(x=np.arange(3)), "no column 'target'"),
        (npz(target=np.array([])), "0 targets"),
        (npz(target=np.float64(1)), "0 targets"),
        (npz(x=np.arange(2), target=np.arange(3)), r"3 targets, and columns of other lengths: \['x'\]"),
        (npz(x=np.ones((3, 2)), target=np.arange(3)), "x"),
    ],
)
def test_what_is_not_held_out_rows_is_refused_unopened(body: bytes, message: str) -> None:
    with pytest.raises(ModelUnrunnableError, match=message):
        read_holdout(body)


def test_inputs_have_the_signatures_types() -> None:
    inputs = inputs_of(LINE, read_holdout(rows(4)))
    assert inputs["x"].dtype == np.float32
    assert inputs["x"].shape == (4, 1)
    assert inputs["season"].ravel().tolist() == ["spring", "", "spring", ""]


def test_columns_that_do_not_fit_are_named() -> None:
    with pytest.raises(ModelUnrunnableError, match="no column 'season'"):
        inputs_of(LINE, {"x": np.ones(2), "target": np.ones(2)})
    with pytest.raises(ModelUnrunnableError, match=r"'x' is not FP32.*spring"):
        inputs_of(LINE, {"x": np.array(["spring"]), "target": np.ones(1)})
    leak = Signature(inputs=(Tensor(name="target", datatype=Datatype.FP32, shape=(-1, 1)),), outputs=())
    with pytest.raises(ModelUnrunnableError, match="a feature is called 'target'"):
        inputs_of(leak, {"target": np.ones(1)})


def test_a_target_is_a_number_everywhere() -> None:
    assert numbers(np.array([1, 2])).tolist() == [1.0, 2.0]
    with pytest.raises(ModelUnrunnableError, match="nan in row 1"):
        numbers(np.array([1.0, np.nan]))
    with pytest.raises(ModelUnrunnableError, match="not a number everywhere"):
        numbers(np.array(["a"]))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array(["yes", "no", "?"]), ("no", "yes")),
        (np.array([b"yes", b"no", b"?"], dtype=object), ("no", "yes")),
        (np.array([7, 5, 6]), ("5", "7")),
        (np.array([7.0, 5.0, 6.0]), ("5", "7")),
        (np.array([7, 5, 6]), ("5.0", "7.0")),
        (np.array([True, False, None], dtype=object), ("false", "true")),
        (np.array([True, False, 2], dtype=object), ("0", "1")),
        (np.array([True, False, 2], dtype=object), ("False", "True")),
    ],
)
def test_labels_are_classes_by_their_text(labels: Any, classes: tuple[str, ...]) -> None:
    assert codes(labels, classes).tolist() == [1, 0, -1]
