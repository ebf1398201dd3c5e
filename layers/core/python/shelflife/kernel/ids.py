"""Names and ids: what they may look like, and how new ones are made."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, StringConstraints

#: What a person calls a dataset, a model or a deployment: it travels in URLs, keys and job names.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
#: A lower-case hexadecimal SHA-256.
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Moment = AwareDatetime
Clock = Callable[[], datetime]
NewId = Callable[[], str]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    """26 characters, time first (milliseconds, then 80 random bits), so that ids sort by age."""
    number = (int(utc_now().timestamp() * 1000) << 80) | secrets.randbits(80)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
