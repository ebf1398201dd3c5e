from typing import Any

import numpy as np
import pytest

from shelflife.contracts.models import Datatype, Tensor
from shelflife.kernel.errors import InvalidError
from shelflife.serving.binding import bind
from shelflife.serving.features import features_of
from shelflife.serving.tensors import InferenceRequest, InputTensor

FP32, INT64, BOOL, BYTES = Datatype.FP32, Datatype.INT64, Datatype.BOOL, Datatype.BYTES
NUMERIC = {"a": FP32, "b": FP32, "c": INT64}


def tensor(name: str, data: list[Any], datatype: str = "FP32", shape: list[int] | None = None) -> InputTensor:
    return InputTensor(name, datatype, shape if shape is not None else [len(data)], data)


def bound(*tensors: InputTensor, **features: Datatype) -> Any:
    inputs = [Tensor(name=name, datatype=datatype, shape=(-1, 1)) for name, datatype in features.items()]
    return bind(InferenceRequest(None, list(tensors), None), features_of(inputs))


def fed(data: list[Any], datatype: str, target: Datatype) -> Any:
    return bound(tensor("x", data, datatype), x=target).feed["x"]


def test_a_tensor_per_feature_becomes_a_column() -> None:
    rows = bound(tensor("b", [3, 4.5], shape=[2, 1]), tensor("a", [1, None]), a=FP32, b=FP32)
    assert rows.row_count == 2
    assert {name: (array.dtype, array.shape) for name, array in rows.feed.items()} == dict.fromkeys(
        ("a", "b"), (np.dtype(np.float32), (2, 1))
    )
    np.testing.assert_array_equal(rows.feed["a"], [[1], [np.nan]])
    assert rows.sent == {"b": [3, 4.5], "a": [1, None]}


def test_all_numeric_features_may_come_as_one_matrix() -> None:
    rows = bound(tensor("any", [1, 2, 3, 4, 5, 6], "FP64", [2, 3]), **NUMERIC)
    assert {name: array.ravel().tolist() for name, array in rows.feed.items()} == {
        "a": [1, 4],
        "b": [2, 5],
        "c": [3, 6],
    }
    assert rows.feed["c"].dtype == np.int64
    assert rows.sent == {"a": [1, 4], "b": [2, 5], "c": [3, 6]}


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("BOOL", [True, False]),
        ("INT8", [-128, 127]),
        ("INT16", [-1, None]),
        ("INT32", [7, 8]),
        ("INT64", [2**40, 1]),
        ("UINT8", [0, 255]),
        ("UINT16", [1, 2]),
        ("UINT32", [1, 2]),
        ("UINT64", [2**64 - 1, 0]),
        ("FP16", [0.5, 65504]),
        ("FP32", [0.1, float("nan")]),
        ("FP64", [0.1, None]),
    ],
)
def test_any_number_is_taken_for_an_fp32_feature(datatype: str, data: list[Any]) -> None:
    expected = np.array(data, dtype=np.float64).astype(np.float32).reshape(2, 1)
    np.testing.assert_array_equal(fed(data, datatype, FP32), expected)


def test_other_types_are_taken_where_no_meaning_is_lost() -> None:
    assert fed([1.0, -3.0], "FP64", INT64).tolist() == [[1], [-3]]
    assert fed([True], "BOOL", INT64).tolist() == [[1]]
    assert fed([0, 1], "INT8", BOOL).tolist() == [[False], [True]]
    assert fed(["a", None, ""], "BYTES", BYTES).tolist() == [["a"], [""], [""]]
    assert fed(["ü", "\x00"], "BYTES", BYTES).dtype == object


@pytest.mark.parametrize(
    ("datatype", "data", "target", "told"),
    [
        ("BYTES", ["1.5"], FP32, "has datatype BYTES, expected FP32 or another numeric datatype"),
        ("FP32", [1.5], BYTES, "has datatype FP32, expected BYTES"),
        ("FP32", ["1.5"], FP32, "has '1.5' at 0, expected a number (FP32) or null"),
        ("FP32", [1, True], FP32, "has True at 1, expected a number (FP32) or null"),
        ("FP32", [1, [2]], FP32, "has a list at 1, expected a number (FP32) or null"),
        ("FP64", [{}], FP32, "has an object at 0, expected a number (FP64) or null"),
        ("INT64", [1.5], FP32, "has 1.5 at 0, expected a whole number (INT64) or null"),
        ("BOOL", [1], FP32, "has 1 at 0, expected true or false (BOOL) or null"),
        ("BYTES", [1], BYTES, "has 1 at 0, expected text (BYTES) or null"),
        ("INT8", [0, 128], FP32, "has 128 at 1, a INT8 is from -128 to 127"),
        ("UINT8", [-1], FP32, "has -1 at 0, a UINT8 is from 0 to 255"),
        ("FP16", [1e5], FP32, "has 100000.0 at 0, a FP16 is from -65504 to 65504"),
        ("FP32", [1e300], FP32, "has a number that is too large for FP32"),
        ("FP32", [10**400], FP32, "has a number that is too large for FP32"),
        ("FP64", [float("inf")], FP32, "has a number that is too large for FP32"),
        ("FP64", [1.5], INT64, "has 1.5 at 0, expected a whole number (INT64)"),
        ("FP64", [float("nan")], INT64, "has nan at 0, expected a whole number (INT64)"),
        ("FP64", [float("inf")], INT64, "has inf at 0, expected a whole number (INT64)"),
        ("INT64", [None], INT64, "has null at 0, expected a whole number (INT64)"),
        ("UINT64", [2**63], INT64, "has a number that is too large for INT64"),
        ("INT8", [2], BOOL, "has 2 at 0, expected true or false (BOOL)"),
        ("BOOL", [None], BOOL, "has null at 0, expected true or false (BOOL)"),
        ("BYTES", ["\ud800"], BYTES, "has half a surrogate pair, which is no text"),
        ("BF16", [1], FP32, "has datatype 'BF16', expected one of BOOL, INT8"),
    ],
)
def test_what_does_not_fit_a_feature_is_named(
    datatype: str, data: list[Any], target: Datatype, told: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        fed(data, datatype, target)
    assert str(caught.value).startswith(f"tensor 'x': {told}")
    assert caught.value.faults[0].field == "inputs.x"


@pytest.mark.parametrize(
    ("tensors", "told"),
    [
        ([tensor("a", [1])], "inputs: tensor 'b' is missing (of 'b', 'c')"),
        ([tensor("a", [1]), tensor("d", [1])], "tensor 'd': is not expected, the model takes 'a', 'b', 'c'"),
        ([tensor("a", [1]), tensor("a", [1])], "tensor 'a': is there twice"),
        ([tensor("a", [1]), tensor("b", [1, 2])], "tensor 'b': has shape [2], expected [1] or [1, 1]"),
        ([tensor("a", [1], shape=[1, 1, 1])], "tensor 'a': has shape [1, 1, 1], expected [1] or [1, 1]"),
        ([tensor("a", [], shape=[0])], "tensor 'a': has shape [0]: expected one row at least"),
        ([tensor("a", [1], shape=[])], "tensor 'a': has shape []: expected one row at least"),
        ([tensor("m", [1, 2], shape=[1, 2])], "tensor 'm': has shape [1, 2], expected [rows, 3]"),
        ([tensor("m", [1], shape=[1, 1])], "tensor 'm': is not expected, the model takes"),
        ([tensor("m", [], shape=[0, 3])], "tensor 'm': has shape [0, 3]: expected one row at least"),
    ],
)
def test_tensors_that_are_not_the_models_are_named(tensors: list[InputTensor], told: str) -> None:
    with pytest.raises(InvalidError) as caught:
        bound(*tensors, **NUMERIC)
    assert str(caught.value).startswith(told)


def test_a_matrix_is_not_for_text() -> None:
    with pytest.raises(InvalidError, match="a matrix is for numeric features only, and 'season' is text"):
        bound(tensor("m", [1, 2], shape=[1, 2]), temp=FP32, season=BYTES)


def test_one_bad_number_among_many_features_is_found() -> None:
    with pytest.raises(InvalidError, match="tensor 'b': has a number that is too large"):
        bound(tensor("a", [1]), tensor("b", [1e300]), a=FP32, b=FP32)


def test_long_lists_of_names_are_cut() -> None:
    features = {f"f{at}": FP32 for at in range(50)}
    with pytest.raises(InvalidError, match="and 41 more"):
        bound(tensor("f0", [1]), **features)
