"""Lists are answered in pages; a cursor is opaque to callers."""

import base64
import binascii
import json
from typing import Any, Generic, TypeVar

from shelflife.kernel.errors import FieldFault, InvalidError
from shelflife.kernel.model import Model

T = TypeVar("T")

DEFAULT_LIMIT = 50
MAX_LIMIT = 1000


class Page(Model, Generic[T]):
    """Some of a list, and where the rest begins; no cursor means that nothing is left."""

    items: tuple[T, ...]
    next_cursor: str | None = None


class InvalidCursorError(InvalidError):
    def __init__(self, cursor: str) -> None:
        super().__init__(
            f"cursor {cursor!r} was not given out by this list", [FieldFault("cursor", "unknown cursor")]
        )


def encode_cursor(key: dict[str, Any] | None) -> str | None:
    if not key:
        return None
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> dict[str, Any] | None:
    """The key that `encode_cursor` was given.

    Raises:
        InvalidCursorError: the text is no cursor.
    """
    if not cursor:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise InvalidCursorError(cursor) from error
    if not isinstance(key, dict):
        raise InvalidCursorError(cursor)
    return key
