"""MLflow's search language, read.

A filter is comparisons joined by AND, such as ``metrics.mae < 60 AND tags.`my team` = 'risk'``. An order is a
name and a direction: ``metrics.mae DESC``. A name is a kind and a key, ``params.depth``; without a kind it is
an attribute. Keys with other letters than ``a-z A-Z 0-9 _ . / -`` stand in backticks or double quotes.
"""

import re
from collections.abc import Iterable

from shelflife.kernel.filters import (
    ABSENCE,
    LISTS,
    Clause,
    Comparison,
    Field,
    InvalidSearchError,
    Language,
    Order,
    Value,
)

# A quote that is doubled stays two within the text, as MLflow reads it.
_QUOTED = r"""'(?:[^']|'')*'|"(?:[^"]|"")*\""""
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NAME = re.compile(
    r"""(?:(?P<kind>[A-Za-z_]+)\.)?"""
    r"""(?P<key>`[^`]+`(?:\.[\w./-]+)?|"[^"]+"|(?:attributes|tag|metadata)\.`[^`]+`|[\w./-]+)""",
    re.ASCII,
)
_COMPARISON = re.compile(
    r"(IS\s+NOT\s+NULL|IS\s+NULL|NOT\s+IN|IN\b|I?LIKE\b|RLIKE\b|!=|>=|<=|=|>|<)", re.IGNORECASE
)
_TEXT_VALUE = re.compile(_QUOTED)
_NUMBER_VALUE = re.compile(rf"(?:{_NUMBER})(?![\w.])")
_WHOLE_VALUE = re.compile(r"""[-+]?\d+(?![\w.])|'[-+]?\d+'|"[-+]?\d+\"""")
_LIST_VALUE = re.compile(rf"\(\s*(?:{_QUOTED}|{_NUMBER})(?:\s*,\s*(?:{_QUOTED}|{_NUMBER}))*\s*,?\s*\)")
_ITEM = re.compile(rf"{_QUOTED}|{_NUMBER}")
_SPACE = re.compile(r"\s*")
_DIRECTION = re.compile(r"(?:ASC|DESC)\b", re.IGNORECASE)
_END = re.compile(r"\Z")


def parse_filter(text: str | None, language: Language) -> tuple[Clause, ...]:
    """The clauses of a filter; none of an empty one.

    Raises:
        InvalidSearchError: it cannot be read, or compares what cannot be compared; the message shows where.
    """
    tokens = _Tokens(text or "", "filter")
    clauses: list[Clause] = []
    while not tokens.ended:
        if clauses:
            tokens.word("AND")
        clauses.append(_clause(tokens, language))
    return tuple(clauses)


def parse_orders(texts: Iterable[str], language: Language) -> tuple[Order, ...]:
    """The orders, the first one mattering most.

    Raises:
        InvalidSearchError: an order cannot be read, or names what does not order.
    """
    return tuple(_order(text, language) for text in texts)


class _Tokens:
    """A text that is read from left to right."""

    def __init__(self, text: str, told: str) -> None:
        self.text = text
        self.told = told
        self._at = 0
        self._skip()

    @property
    def ended(self) -> bool:
        return self._at == len(self.text)

    def take(self, pattern: re.Pattern[str], expected: str) -> re.Match[str]:
        found = pattern.match(self.text, self._at)
        if found is None:
            at = self.text[self._at :].strip()
            where = f"at {at!r}" if at else "at its end"
            raise InvalidSearchError(self.told, f"{self.told} {self.text!r}: expected {expected} {where}")
        self._at = found.end()
        self._skip()
        return found

    def word(self, word: str) -> None:
        self.take(re.compile(rf"{word}\b", re.IGNORECASE), word)

    def _skip(self) -> None:
        space = _SPACE.match(self.text, self._at)
        self._at = space.end() if space else self._at


def _clause(tokens: _Tokens, language: Language) -> Clause:
    kind, key = _named(tokens, language)
    written = tokens.take(_COMPARISON, "a comparison").group()
    comparison = Comparison(" ".join(written.upper().split()))
    known = language.field_of(kind, key)
    if comparison not in known.comparisons:
        allowed = ", ".join(sorted(known.comparisons))
        raise InvalidSearchError(
            tokens.told, f"{kind} {key!r} cannot be compared by {comparison}, but by {allowed}"
        )
    return Clause(kind, key, comparison, _value(tokens, comparison, known), language)


def _value(tokens: _Tokens, comparison: Comparison, known: Field) -> Value:
    if comparison in ABSENCE:
        return None
    if comparison in LISTS:
        items = _ITEM.findall(tokens.take(_LIST_VALUE, "a list in parentheses").group())
        if known.number:
            return tuple(_number(item) for item in items)
        return tuple(item[1:-1] if item[0] in "'\"" else item for item in items)
    if known.whole:
        return _number(tokens.take(_WHOLE_VALUE, "a whole number").group())
    if known.number or comparison in known.numeric:
        return _number(tokens.take(_NUMBER_VALUE, "a number").group())
    return tokens.take(_TEXT_VALUE, "a quoted text").group()[1:-1]


def _number(text: str) -> float:
    """A whole number stays one: large ones would not survive as floats."""
    bare = text.strip("'\"")
    return int(bare) if bare.lstrip("+-").isdecimal() else float(bare)


def _named(tokens: _Tokens, language: Language) -> tuple[str, str]:
    found = tokens.take(_NAME, "a name")
    key = found["key"]
    bare = key.replace("`", "") if "`" in key else key.strip('"')
    return language.named(found["kind"], bare, told=tokens.told)


def _order(text: str, language: Language) -> Order:
    tokens = _Tokens(text, "order_by")
    kind, key = _named(tokens, language)
    if kind not in language.orders:
        raise InvalidSearchError("order_by", f"order_by {text!r}: a {kind} does not order")
    descending = not tokens.ended and tokens.take(_DIRECTION, "ASC or DESC").group().upper() == "DESC"
    if not tokens.ended:
        tokens.take(_END, "the end")
    return Order(kind, key, descending, language)
