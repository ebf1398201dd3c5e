"""How values of a request are told in an error: enough to be found, and never written out whole."""

from collections.abc import Iterable
from typing import Any

_SHOWN = 60
_SHOWN_ELEMENT = 40
_SHOWN_NAMES = 8
_SHOWN_SIZES = 16


def shown(value: Any) -> str:
    """The beginning of a value."""
    if isinstance(value, list | dict):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"
    if value is None:
        return "nothing"
    return _cut(repr(value[:_SHOWN]) if isinstance(value, str) else _text(value), _SHOWN)


def element(value: Any) -> str:
    """One element of a tensor."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return "null" if value is None else _cut(_text(value), _SHOWN_ELEMENT)


def listed(names: Iterable[str]) -> str:
    """The first names of many, quoted."""
    known = list(names)
    text = ", ".join(repr(name) for name in known[:_SHOWN_NAMES])
    return text if len(known) <= _SHOWN_NAMES else f"{text} and {len(known) - _SHOWN_NAMES} more"


def sizes(shape: Iterable[int]) -> str:
    """A shape; -1 stands for any size."""
    known = list(shape)
    told = ["any" if size == -1 else _cut(_text(size), 20) for size in known[:_SHOWN_SIZES]]
    return f"[{', '.join(told)}{', …' if len(known) > _SHOWN_SIZES else ''}]"


def _text(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:
        # Python writes no number of more than some thousand digits.
        return "a number of thousands of digits"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"
