"""Ids that follow from what asked for the job: the same reason twice is the same job."""

import hashlib

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26


def id_of_key(principal: str, key: str) -> str:
    """The id of the job that a caller's idempotency key stands for."""
    return _derived("key", principal, key)


def id_of_event(event_id: str) -> str:
    """The id of the job that an event on the bus leads to."""
    return _derived("event", event_id)


def _derived(*parts: str) -> str:
    """As long as any other id, from a digest of the parts."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return "".join(_ALPHABET[byte & 31] for byte in digest[:_LENGTH])
