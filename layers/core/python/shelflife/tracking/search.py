"""MLflow's search language: `metrics.mae < 60 AND tags."team" = 'risk'`, `metrics.mae DESC`.

A filter is clauses joined by AND; each compares one value of a run or an experiment. A value that is absent
matches nothing but IS NULL, and NaN nothing but !=. An order puts values first, then NaN, then absent ones,
whichever way it runs.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from shelflife.tracking.errors import InvalidSearchError

T = TypeVar("T")
Value = str | float | tuple[str, ...] | None
#: Reads the value that a clause names: (thing, kind, key).
Look = Callable[[Any, str, str], Any]

_KINDS = {
    **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
    **dict.fromkeys(("metric", "metrics"), "metric"),
    **dict.fromkeys(("param", "params", "parameter", "parameters"), "param"),
    **dict.fromkeys(("tag", "tags"), "tag"),
}
_IDENTIFIER = r"""(?:(?P<kind>\w+)\.)?(?P<key>`[^`]+`|"[^"]+"|[\w./-]+)"""
_COMPARISON = r"(?P<comparison>IS\s+NOT\s+NULL|IS\s+NULL|NOT\s+IN|IN|I?LIKE|!=|>=|<=|=|>|<)"
_STRING = r"""'[^']*'|"[^"]*\""""
_LIST = rf"\(\s*(?:{_STRING})(?:\s*,\s*(?:{_STRING}))*\s*\)"
_VALUE = rf"(?P<value>{_STRING}|{_LIST}|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)?"
_CLAUSE = re.compile(rf"\s*{_IDENTIFIER}\s*{_COMPARISON}\s*{_VALUE}\s*(?P<end>AND\b|$)", re.IGNORECASE)
_ORDER = re.compile(rf"\s*{_IDENTIFIER}(?:\s+(?P<way>ASC|DESC))?\s*$", re.IGNORECASE)

_NUMBER_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_TEXT_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "LIKE": lambda found, pattern: _like(pattern, 0).fullmatch(found) is not None,
    "ILIKE": lambda found, pattern: _like(pattern, re.IGNORECASE).fullmatch(found) is not None,
    "IN": lambda found, values: found in values,
    "NOT IN": lambda found, values: found not in values,
}
_ABSENCE = {"IS NULL", "IS NOT NULL"}


@dataclass(frozen=True, slots=True)
class Language:
    """What may be searched: the kinds beside `attribute`, and the attributes with their types."""

    kinds: frozenset[str]
    attributes: Mapping[str, type]
    aliases: Mapping[str, str]
    look: Look


@dataclass(frozen=True, slots=True)
class Clause:
    kind: str
    key: str
    comparison: str
    value: Value
    look: Look

    def matches(self, thing: Any) -> bool:
        found = self.look(thing, self.kind, self.key)
        if self.comparison in _ABSENCE or found is None:
            return (found is None) == (self.comparison == "IS NULL")
        table = _TEXT_COMPARISONS if isinstance(found, str) else _NUMBER_COMPARISONS
        return table[self.comparison](found, self.value)


def parse_filter(text: str, language: Language) -> tuple[Clause, ...]:
    """The clauses of a filter.

    Raises:
        InvalidSearchError: it cannot be read; the message shows from where on.
    """
    clauses: list[Clause] = []
    position, joined = 0, bool(text.strip())
    while joined:
        found = _CLAUSE.match(text, position)
        if not found:
            raise InvalidSearchError(
                "filter", f"the filter cannot be read from {text[position:].strip()!r} on"
            )
        clauses.append(_clause(found, language))
        position, joined = found.end(), bool(found["end"])
    return tuple(clauses)


def sort(things: Iterable[T], orders: Iterable[str], language: Language) -> list[T]:
    """The things in these orders, the first one first; what is equal in all keeps its place.

    Raises:
        InvalidSearchError: an order cannot be read.
    """
    ordered = list(things)
    for text in reversed(list(orders)):
        found = _ORDER.match(text)
        if not found:
            raise InvalidSearchError("order_by", f"the order {text!r} cannot be read")
        kind, key = _named(found, language, "order_by")
        descending = (found["way"] or "").upper() == "DESC"
        ordered = _in_order(ordered, partial(_look, language, kind, key), descending=descending)
    return ordered


def _look(language: Language, kind: str, key: str, thing: Any) -> Any:
    return language.look(thing, kind, key)


def _in_order(things: list[T], look: Callable[[T], Any], *, descending: bool) -> list[T]:
    values: list[tuple[Any, T]] = []
    nans: list[T] = []
    absent: list[T] = []
    for thing in things:
        value = look(thing)
        if value is None:
            absent.append(thing)
        elif isinstance(value, float) and math.isnan(value):
            nans.append(thing)
        else:
            values.append((value, thing))
    values.sort(key=lambda pair: pair[0], reverse=descending)
    return [thing for _, thing in values] + nans + absent


def _clause(found: re.Match[str], language: Language) -> Clause:
    kind, key = _named(found, language, "filter")
    comparison = " ".join(found["comparison"].upper().split())
    numeric = kind == "metric" or (kind == "attribute" and language.attributes[key] is int)
    _check(found, comparison, numeric=numeric, absence=kind in {"tag", "param"})
    return Clause(kind, key, comparison, _value(found["value"]), language.look)


def _named(found: re.Match[str], language: Language, field: str) -> tuple[str, str]:
    kind = _KINDS.get((found["kind"] or "attribute").lower())
    key = found["key"].strip('`"')
    if kind == "attribute":
        key = language.aliases.get(key, key)
    if kind is None or (kind != "attribute" and kind not in language.kinds):
        known = ", ".join(sorted({"attribute", *language.kinds}))
        raise InvalidSearchError(field, f"{found['kind']!r} cannot be searched, but {known}")
    if kind == "attribute" and key not in language.attributes:
        known = ", ".join(sorted(language.attributes))
        raise InvalidSearchError(field, f"there is no attribute {key!r}, but {known}")
    return kind, key


def _check(found: re.Match[str], comparison: str, *, numeric: bool, absence: bool) -> None:
    """Whether the comparison is one of these values, and has a value of the right kind to compare with."""
    text = found["value"]
    if comparison in _ABSENCE:
        fits = absence and text is None
    elif numeric:
        fits = comparison in _NUMBER_COMPARISONS and text is not None and text[0] not in "'\"("
    else:
        listed = comparison in {"IN", "NOT IN"}
        fits = comparison in _TEXT_COMPARISONS and text is not None and text[0] in ("(" if listed else "'\"")
    if not fits:
        asked = "a number" if numeric else "a quoted text (IN: a list of them)"
        clause = found.group().removesuffix(found["end"]).strip()
        raise InvalidSearchError("filter", f"{clause!r} does not compare with {asked}")


def _value(text: str | None) -> Value:
    if text is None:
        return None
    if text[0] == "(":
        return tuple(quoted[1:-1] for quoted in re.findall(_STRING, text))
    return text[1:-1] if text[0] in "'\"" else float(text)


def _like(pattern: str, flags: int) -> re.Pattern[str]:
    """SQL's pattern: % is anything, _ is one character."""
    parts = {"%": ".*", "_": "."}
    text = "".join(parts.get(letter) or re.escape(letter) for letter in pattern)
    return re.compile(text, flags | re.DOTALL)
