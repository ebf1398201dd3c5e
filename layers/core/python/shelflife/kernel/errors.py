"""Five kinds of failure; every context names its own below one of them.

Class names are part of two contracts: Step Functions matches on them, and an HTTP problem's
``type`` is made from them. Renaming one is a breaking change.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One field of an input that cannot be accepted; `field` is a dotted path into the input."""

    field: str
    message: str


class ShelflifeError(Exception):
    """What the platform says no with; the message names the thing and its value."""


class NotFoundError(ShelflifeError):
    """The thing asked for does not exist."""


class ConflictError(ShelflifeError):
    """The thing is not in a state in which this can be done, or somebody else was first."""


class InvalidError(ShelflifeError):
    """The input cannot be accepted as it is."""

    def __init__(self, message: str, faults: Sequence[FieldFault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class TooLargeError(InvalidError):
    """The input is larger than what is taken; the message names the limit."""


class UnsupportedFormError(InvalidError):
    """The input is in a form that nobody here reads; the message names those that are read."""


class ForbiddenError(ShelflifeError):
    """The caller may not do this."""


class UnavailableError(ShelflifeError):
    """Something that this needs does not answer now; the same call may work later."""


def count_for(error: Exception, *, deployment: str, variant: str) -> None:
    """Say for which variant of a deployment the failure counts, whatever it is; both are known to exist."""
    error.__dict__["counts_for"] = (deployment, variant)


def counts_for(error: Exception) -> tuple[str, str] | None:
    """The deployment and the variant that the failure counts for, if it is any variant's."""
    known: tuple[str, str] | None = error.__dict__.get("counts_for")
    return known
