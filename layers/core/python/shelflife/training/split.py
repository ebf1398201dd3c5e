"""How many rows are held out: the plan's check and the job count alike."""

from math import floor


def held_out(rows: int, fraction: float) -> int:
    """The share of some rows, rounded half up."""
    return floor(rows * fraction + 0.5)


def held_out_of_class(rows: int, fraction: float) -> int:
    """The share of one class's rows; one row at least stays to be trained on."""
    return min(held_out(rows, fraction), rows - 1)
