"""The order of found runs, and the place in it where a page ends.

Values come first, then NaN, then what is absent, whichever way an order runs; what is equal in all orders is
ordered by latest start, then by id. A place in that order stays one while runs come and go, so that pages go
on behind it.
"""

import math
from collections.abc import Sequence
from functools import total_ordering
from typing import Any, NamedTuple

from shelflife.kernel.filters import Order
from shelflife.kernel.paging import InvalidCursorError, decode_cursor, encode_cursor
from shelflife.tracking.model import Run

VALUE, NAN, ABSENT = range(3)
Key = tuple[Any, ...]


@total_ordering
class _Downwards:
    """A value that sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Downwards) and self.value == other.value

    def __lt__(self, other: "_Downwards") -> bool:
        return bool(other.value < self.value)

    def __hash__(self) -> int:
        return hash(self.value)


class Position(NamedTuple):
    """Where a run is: the class and value of each order, its start and its id."""

    values: tuple[tuple[int, Any], ...]
    start_time: int
    run_id: str

    def key(self, orders: Sequence[Order]) -> Key:
        """What sorts as the runs do."""
        compared: list[Any] = []
        for order, (kind, value) in zip(orders, self.values, strict=True):
            compared += [kind, _Downwards(value) if order.descending and kind == VALUE else value]
        return (*compared, -self.start_time, self.run_id)


def position_of(run: Run, orders: Sequence[Order]) -> Position:
    values = tuple(classed(order.value(run)) for order in orders)
    return Position(values, run.start_time, run.run_id)


def key_of(run: Run, orders: Sequence[Order]) -> Key:
    return position_of(run, orders).key(orders)


def classed(value: Any) -> tuple[int, Any]:
    if value is None:
        return ABSENT, 0
    if isinstance(value, float) and math.isnan(value):
        return NAN, 0
    return VALUE, value


def token_of(position: Position) -> str:
    told = {"v": position.values, "s": position.start_time, "r": position.run_id}
    return encode_cursor(told) or ""


def position_at(token: str | None, orders: Sequence[Order]) -> Position | None:
    """The position that `token_of` was given, of a search in the same orders.

    Raises:
        InvalidCursorError: the token is none, or one of other orders.
    """
    told = decode_cursor(token)
    if told is None:
        return None
    try:
        values = tuple((int(kind), value) for kind, value in told["v"])
        position = Position(values, int(told["s"]), str(told["r"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidCursorError(token or "") from error
    if len(values) != len(orders):
        raise InvalidCursorError(token or "")
    return position
