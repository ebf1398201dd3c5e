"""Names and ids: what they may look like, and how new ones are made."""

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from os import urandom
from time import time_ns
from typing import Annotated

from pydantic import AwareDatetime, StringConstraints

from shelflife.kernel.errors import FieldFault, InvalidError

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"

#: What a person calls a dataset, a model or a deployment: it travels in URLs, keys and job names.
Name = Annotated[str, StringConstraints(pattern=_NAME)]
#: A lower-case hexadecimal SHA-256.
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Moment = AwareDatetime
Clock = Callable[[], datetime]
NewId = Callable[[], str]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


class InvalidNameError(InvalidError):
    def __init__(self, field: str, value: str) -> None:
        expected = "expected 1 to 63 letters, digits, '_', '.' and '-', the first a letter or digit"
        super().__init__(
            f"{field} is {value!r}, {expected}", [FieldFault(field, f"{expected}, got {value!r}")]
        )


def checked_name(field: str, value: str) -> Name:
    """The value, if it can be a name: for what comes in by a path, where no body checks it.

    Raises:
        InvalidNameError: it cannot.
    """
    if not is_name(value):
        raise InvalidNameError(field, value)
    return value


def is_name(value: str) -> bool:
    return re.match(_NAME, value) is not None


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    """26 characters, time first (milliseconds, then 80 random bits), so that ids sort by age."""
    number = (time_ns() // 1_000_000 << 80) | int.from_bytes(urandom(10))
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])


def new_key() -> str:
    """128 random bits, in hexadecimal: what only its holder knows."""
    return secrets.token_hex(16)
