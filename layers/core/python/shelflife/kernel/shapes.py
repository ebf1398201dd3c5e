"""Shapes of tensors whose first size is the number of rows."""

from typing import Annotated

from pydantic import AfterValidator


def _rows_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    if not shape or shape[0] != -1 or any(size == 0 or size < -1 for size in shape):
        message = f"expected [-1, …], the rows first and no size of 0, got {list(shape)}"
        raise ValueError(message)
    return shape


#: The first size is always -1, the rows; another -1 is a size that a request chooses.
RowsShape = Annotated[tuple[int, ...], AfterValidator(_rows_first)]
