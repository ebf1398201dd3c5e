"""What a model takes, as binding and warming need it: numpy's type, and the shape of one row."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from shelflife.contracts.models import Datatype, Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from shelflife.serving.tensors import Feed

#: Little-endian, as the protocol's binary tensors are; text is an object of Python.
DTYPES: "Mapping[Datatype, np.dtype[Any]]" = {
    Datatype.BOOL: np.dtype(np.bool_),
    Datatype.UINT8: np.dtype("<u1"),
    Datatype.UINT16: np.dtype("<u2"),
    Datatype.UINT32: np.dtype("<u4"),
    Datatype.UINT64: np.dtype("<u8"),
    Datatype.INT8: np.dtype("<i1"),
    Datatype.INT16: np.dtype("<i2"),
    Datatype.INT32: np.dtype("<i4"),
    Datatype.INT64: np.dtype("<i8"),
    Datatype.FP16: np.dtype("<f2"),
    Datatype.FP32: np.dtype("<f4"),
    Datatype.FP64: np.dtype("<f8"),
    Datatype.BYTES: np.dtype(object),
}


class Feature(NamedTuple):
    """One input of a model; `row` is the shape of one row of it, where -1 is any size.

    `is_column` is whether a row is one value; `is_plain` whether it is a column of FP32 beside, of which
    many are converted at once.
    """

    datatype: Datatype
    dtype: "npt.DTypeLike"
    row: tuple[int, ...]
    is_column: bool
    is_plain: bool

    def shape(self, rows: int) -> list[int]:
        return [rows, *self.row]

    def fits(self, shape: list[int], rows: int) -> bool:
        """Whether a tensor of this shape is that many rows of the feature."""
        if self.is_column and len(shape) == 1:
            return shape[0] == rows
        return len(shape) == len(self.row) + 1 and all(
            size == asked or (asked == -1 and size > 0)
            for size, asked in zip(shape, (rows, *self.row), strict=True)
        )


class Features(dict[str, Feature]):
    """The inputs of a model by name, in their order.

    `alike` is what all of them are, where all are numeric columns of one type: a matrix of them is converted
    as a whole.
    """

    __slots__ = ("alike",)

    def __init__(self, features: Iterable[tuple[str, Feature]]) -> None:
        super().__init__(features)
        forms = {feature[:3] for feature in self.values()}
        first = next(iter(self.values()), None)
        is_number = first is not None and first.is_column and first.datatype is not Datatype.BYTES
        self.alike = first if is_number and len(forms) == 1 else None


def features_of(inputs: Iterable[Tensor]) -> Features:
    """The inputs by name, in their order."""
    return Features((tensor.name, _feature(tensor)) for tensor in inputs)


def example_of(features: Features) -> "Feed":
    """One row of zeros, false and empty text; a size that may be any is 1."""
    return {
        name: np.full((1, *(abs(size) for size in feature.row)), _NOTHING.get(feature.datatype, 0)).astype(
            feature.dtype
        )
        for name, feature in features.items()
    }


_NOTHING: Mapping[Datatype, Any] = {Datatype.BYTES: ""}


def _feature(tensor: Tensor) -> Feature:
    row = tuple(tensor.shape[1:])
    is_column = row in {(), (1,)}
    return Feature(
        datatype=tensor.datatype,
        dtype=DTYPES[tensor.datatype],
        row=row,
        is_column=is_column,
        is_plain=row == (1,) and tensor.datatype is Datatype.FP32,
    )
