"""What searches compare and order by, for every entity that is searched in MLflow's language.

A `Language` says what may be named of an entity; `filter_grammar` reads the texts.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

from shelflife.kernel.errors import FieldFault, InvalidError

T = TypeVar("T")
Value = str | float | tuple[str, ...] | tuple[float, ...] | None
ATTRIBUTE = "attribute"


class InvalidSearchError(InvalidError):
    """A filter or an order that cannot be understood."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, [FieldFault(field, message)])


class Comparison(StrEnum):
    EQUAL = "="
    UNEQUAL = "!="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    RLIKE = "RLIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


ABSENCE = frozenset({Comparison.IS_NULL, Comparison.IS_NOT_NULL})
LISTS = frozenset({Comparison.IN, Comparison.NOT_IN})
NUMERIC = frozenset(Comparison) - ABSENCE - LISTS - {Comparison.LIKE, Comparison.ILIKE, Comparison.RLIKE}
TEXTUAL = frozenset({Comparison.EQUAL, Comparison.UNEQUAL, Comparison.LIKE, Comparison.ILIKE})
LISTED = TEXTUAL | LISTS
OPTIONAL = TEXTUAL | ABSENCE


@dataclass(frozen=True, slots=True)
class Field:
    """What may be compared: `number` says that its values are numbers, otherwise they are texts.

    `whole` says that the numbers have no fractions, and may stand in quotes.
    Of texts, `numeric` are the comparisons whose value is a number all the same.
    """

    number: bool
    comparisons: frozenset[Comparison]
    whole: bool = False
    numeric: frozenset[Comparison] = frozenset()


NUMBER = Field(number=True, comparisons=NUMERIC)
TEXT = Field(number=False, comparisons=LISTED)
#: A text that a thing may lack.
ENTRY = Field(number=False, comparisons=OPTIONAL)


@dataclass(frozen=True, slots=True)
class Language:
    """What of an entity may be searched.

    `kinds` are the names before the dot, each with the field of all its keys, with every spelling as a
    key of `spellings`, and with its only keys in `keys` if they are few. `attributes` have a field each,
    `aliases` other names of them. `orders` are the kinds that order. `look` reads a value of a thing by
    kind and key, None where it is absent; of several values, a tuple, one has to match. `absent_differs`
    says that ``!=`` and ``NOT IN`` hold for what is absent.
    """

    look: Callable[[Any, str, str], Any]
    attributes: Mapping[str, Field]
    kinds: Mapping[str, Field] = field(default_factory=dict)
    keys: Mapping[str, frozenset[str]] = field(default_factory=dict)
    spellings: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    orders: frozenset[str] = frozenset({ATTRIBUTE})
    absent_differs: bool = False

    def named(self, kind: str | None, key: str, *, told: str) -> tuple[str, str]:
        """The canonical kind and key of a name.

        Raises:
            InvalidSearchError: nothing is named so.
        """
        found = self._kind(kind)
        if found is None:
            known = ", ".join(sorted({ATTRIBUTE, *self.kinds}))
            raise InvalidSearchError(told, f"{kind!r} cannot be searched, but {known}")
        if found != ATTRIBUTE:
            self._check_key(found, key, told)
            return found, key
        key = self.aliases.get(key, key)
        if key not in self.attributes:
            known = ", ".join(sorted(self.attributes))
            raise InvalidSearchError(told, f"there is no attribute {key!r}, but {known}")
        return ATTRIBUTE, key

    def field_of(self, kind: str, key: str) -> Field:
        return self.attributes[key] if kind == ATTRIBUTE else self.kinds[kind]

    def _check_key(self, kind: str, key: str, told: str) -> None:
        known = self.keys.get(kind)
        if known is not None and key not in known:
            raise InvalidSearchError(told, f"a {kind} has no {key!r}, but {', '.join(sorted(known))}")

    def _kind(self, written: str | None) -> str | None:
        if written is None or written.lower() in _ATTRIBUTE_SPELLINGS:
            return ATTRIBUTE
        name = self.spellings.get(written.lower(), written.lower())
        return name if name == ATTRIBUTE or name in self.kinds else None


@dataclass(frozen=True, slots=True)
class Clause:
    kind: str
    key: str
    comparison: Comparison
    value: Value
    language: Language

    def matches(self, thing: Any) -> bool:
        found = self.language.look(thing, self.kind, self.key)
        return self.holds(found)

    def holds(self, found: Any) -> bool:
        """Whether the comparison holds for a value, None where it is absent, or for any of several."""
        if isinstance(found, tuple):
            return any(_COMPARE[self.comparison](one, self.value) for one in found)
        if self.comparison in ABSENCE or found is None:
            return self._absent() if found is None else self.comparison is Comparison.IS_NOT_NULL
        return _COMPARE[self.comparison](found, self.value)

    def _absent(self) -> bool:
        if self.comparison is Comparison.IS_NULL:
            return True
        differs = self.comparison in {Comparison.UNEQUAL, Comparison.NOT_IN}
        return differs and self.language.absent_differs


@dataclass(frozen=True, slots=True)
class Order:
    kind: str
    key: str
    descending: bool
    language: Language

    def value(self, thing: Any) -> Any:
        return self.language.look(thing, self.kind, self.key)


def sort(things: Iterable[T], orders: Sequence[Order]) -> list[T]:
    """The things in these orders; what is equal in all keeps its place.

    Values come first, then NaN, then what is absent, whichever way an order runs.
    """
    ordered = list(things)
    for order in reversed(orders):
        ordered = _in_order(ordered, order)
    return ordered


def like(pattern: str, *, any_case: bool = False) -> re.Pattern[str]:
    """SQL's pattern: % is anything, _ is one character."""
    return _like(pattern, re.DOTALL | (re.IGNORECASE if any_case else 0))


@lru_cache(maxsize=256)
def _like(pattern: str, flags: int) -> re.Pattern[str]:
    parts = {"%": ".*", "_": "."}
    return re.compile("".join(parts.get(letter) or re.escape(letter) for letter in pattern), flags)


_ATTRIBUTE_SPELLINGS = frozenset({"attribute", "attributes", "attr", "run"})
_COMPARE: Mapping[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.EQUAL: operator.eq,
    Comparison.UNEQUAL: operator.ne,
    Comparison.GREATER: operator.gt,
    Comparison.GREATER_OR_EQUAL: operator.ge,
    Comparison.LESS: operator.lt,
    Comparison.LESS_OR_EQUAL: operator.le,
    Comparison.LIKE: lambda found, pattern: like(pattern).fullmatch(found) is not None,
    Comparison.ILIKE: lambda found, pattern: like(pattern, any_case=True).fullmatch(found) is not None,
    Comparison.RLIKE: lambda found, pattern: re.search(pattern, found) is not None,
    Comparison.IN: lambda found, values: found in values,
    Comparison.NOT_IN: lambda found, values: found not in values,
}


def _in_order(things: list[T], order: Order) -> list[T]:
    values: list[tuple[Any, T]] = []
    nans: list[T] = []
    absent: list[T] = []
    for thing in things:
        value = order.value(thing)
        if value is None:
            absent.append(thing)
        elif isinstance(value, float) and math.isnan(value):
            nans.append(thing)
        else:
            values.append((value, thing))
    values.sort(key=lambda pair: pair[0], reverse=order.descending)
    return [thing for _, thing in values] + nans + absent
