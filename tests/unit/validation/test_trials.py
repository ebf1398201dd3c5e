from typing import Any

import numpy as np
import pytest

from shelflife.contracts.models import Datatype, Signature, Tensor
from shelflife.validation.errors import ModelUnrunnableError
from shelflife.validation.holdout import read_holdout
from shelflife.validation.trials import run
from tests.harness.trained import LINE, line, npz, rows

COLUMNS = read_holdout(rows(4))


def signature(**changes: Any) -> Signature:
    return LINE.model_copy(update=changes)


def tensor(name: str, datatype: Datatype = Datatype.FP32, shape: tuple[int, ...] = (-1, 1)) -> Tensor:
    return Tensor(name=name, datatype=datatype, shape=shape)


def test_outputs_are_those_of_all_rows_in_order() -> None:
    many = np.arange(20_000, dtype=np.float32)
    columns = read_holdout(npz(x=many, season=np.full(many.size, "spring"), target=many))
    assert np.array_equal(run(line(2, 1), LINE, columns)["prediction"].ravel(), 2 * many + 1)


@pytest.mark.parametrize(
    ("model", "said", "message"),
    [
        (b"", LINE, "cannot be loaded"),
        (b"\x80\x04pickle", LINE, "cannot be loaded"),
        (
            line(),
            signature(inputs=LINE.inputs[:1]),
            "'season' is not there in the signature and BYTES in the",
        ),
        (line(), signature(inputs=(*LINE.inputs, tensor("z"))), "'z' is FP32 in the signature and not there"),
        (
            line(),
            signature(inputs=(tensor("x", Datatype.INT64), LINE.inputs[1])),
            "'x' is INT64 in the signature and FP32",
        ),
        (line(), signature(outputs=(tensor("label"),)), "output 'label' is FP32 in the signature and not"),
        (
            line(),
            signature(outputs=(tensor("prediction", shape=(-1,)),)),
            r"'prediction' has shape \[4, 1\], expected \[4\]",
        ),
        (line(np.inf), LINE, "'prediction' is not finite in row 0"),
    ],
)
def test_a_model_that_is_not_what_its_signature_says_is_refused(
    model: bytes, said: Signature, message: str
) -> None:
    with pytest.raises(ModelUnrunnableError, match=message):
        run(model, said, COLUMNS)
