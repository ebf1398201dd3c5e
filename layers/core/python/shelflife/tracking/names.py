"""Names for runs that were given none: easier to tell apart in a list than their ids."""

import secrets

_MOODS = (
    "bold",
    "brisk",
    "calm",
    "crisp",
    "eager",
    "fond",
    "fresh",
    "keen",
    "mild",
    "quick",
    "ripe",
    "sweet",
)
_THINGS = (
    "apple",
    "basil",
    "berry",
    "cream",
    "fennel",
    "honey",
    "lemon",
    "mint",
    "olive",
    "peach",
    "plum",
    "rye",
)


def new_name() -> str:
    """Like ``ripe-plum-417``."""
    return f"{secrets.choice(_MOODS)}-{secrets.choice(_THINGS)}-{secrets.randbelow(1000)}"
