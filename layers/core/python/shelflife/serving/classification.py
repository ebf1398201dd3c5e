"""Triton's classification extension: the highest values of each row, with their places and classes."""

from typing import TYPE_CHECKING

import numpy as np

from shelflife.contracts.models import Datatype, Tensor
from shelflife.serving.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.serving.tensors import Array


def classified(
    tensor: Tensor, array: "Array", count: int, classes: "Sequence[str]"
) -> "tuple[Tensor, Array]":
    """The `count` highest values of each row as ``value:place[:class]``, the highest first.

    A row of fewer values gives all of them. Of equal values the first comes first; NaN is the lowest.

    Raises:
        InvalidRequestError: the output has no numbers.
    """
    if tensor.datatype in {Datatype.BYTES, Datatype.BOOL}:
        raise InvalidRequestError(
            "outputs", f"output {tensor.name!r} is {tensor.datatype}: only numbers can be classified"
        )
    rows = array.reshape(len(array), -1)
    width = rows.shape[1]
    order = np.argsort(-np.nan_to_num(rows.astype(np.float64), nan=-np.inf), axis=1, kind="stable")[:, :count]
    names = [f":{name}" for name in classes] if len(classes) == width else [""] * width
    texts = [
        [f"{values[at]:f}:{at}{names[at]}" for at in places]
        for values, places in zip(rows.tolist(), order.tolist(), strict=True)
    ]
    told = np.array(texts, dtype=object).reshape(len(array), order.shape[1])
    return Tensor(name=tensor.name, datatype=Datatype.BYTES, shape=(-1, order.shape[1] or -1)), told
