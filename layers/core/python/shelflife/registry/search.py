"""MLflow's search language, as far as searches of the registry use it.

A filter is clauses joined by AND, each ``<key> <comparator> <value>``: ``name LIKE 'churn%'``,
``tags.`mlflow.prompt.is_prompt` != 'true'``, ``run_id IN ('a', 'b')``, ``version_number > 2``. A tag that is
absent is unequal to everything.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from shelflife.kernel.paging import Page, decode_cursor, encode_cursor
from shelflife.registry.errors import InvalidModelSearchError

T = TypeVar("T")
#: What an entity's attributes and tags are called in searches; tags are under `tags.<key>`.
Fields = Mapping[str, Any]

_CLAUSE = re.compile(
    r"""\s*(?:(?P<entity>attributes?|tags?)\.)?
    (?P<key>`[^`]+`|"[^"]+"|[\w./-]+)
    \s*(?P<comparator>!=|<=|>=|=|<|>|\bI?LIKE\b|\bIN\b)
    \s*(?P<value>'(?:[^'])*'|"(?:[^"])*"|-?\d+|\((?:[^()])*\))\s*""",
    re.VERBOSE | re.IGNORECASE,
)
_AND = re.compile(r"AND\b", re.IGNORECASE)
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda found, value: found == value,
    "!=": lambda found, value: found != value,
    "<": lambda found, value: found < value,
    "<=": lambda found, value: found <= value,
    ">": lambda found, value: found > value,
    ">=": lambda found, value: found >= value,
    "LIKE": lambda found, value: _like(value).fullmatch(found) is not None,
    "ILIKE": lambda found, value: _like(value, re.IGNORECASE).fullmatch(found) is not None,
    "IN": lambda found, value: found in value,
}
_ORDERS = {"<", "<=", ">", ">="}


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison; `tag` says that `key` is a tag's."""

    key: str
    tag: bool
    comparator: str
    value: Any

    def holds(self, attributes: Fields, tags: Mapping[str, str]) -> bool:
        found = tags.get(self.key) if self.tag else attributes[self.key]
        if found is None:
            return self.comparator == "!="
        return _COMPARE[self.comparator](found, self.value)


def parse_filter(text: str, attributes: Mapping[str, type]) -> tuple[Clause, ...]:
    """The clauses of a filter; `attributes` are those that may be named, with their types.

    Raises:
        InvalidModelSearchError: it cannot be read, or names something else.
    """
    clauses: list[Clause] = []
    position = 0
    while text[position:].strip():
        if clauses:
            joint = _AND.match(text, position)
            if joint is None:
                raise InvalidModelSearchError("filter", text, f"expected AND at {text[position:]!r}")
            position = joint.end()
        found = _CLAUSE.match(text, position)
        if found is None:
            raise InvalidModelSearchError("filter", text, f"no comparison at {text[position:]!r}")
        clauses.append(_clause(text, found, attributes))
        position = found.end()
    return tuple(clauses)


def ordered(
    found: Sequence[T], order_by: Sequence[str], known: Mapping[str, type], attributes: Callable[[T], Fields]
) -> list[T]:
    """Sort by ``<attribute> [ASC|DESC]`` of each, the first mattering most.

    Raises:
        InvalidModelSearchError: an order names none of the `known` attributes.
    """
    rows = list(found)
    for order in reversed(order_by):
        key, _, direction = order.strip().partition(" ")
        key, downwards = _bare(key), direction.strip().upper() == "DESC"
        if key not in known or direction.strip().upper() not in {"", "ASC", "DESC"}:
            raise InvalidModelSearchError("order_by", order, f"expected one of {sorted(known)}, ASC or DESC")
        rows.sort(key=_order_of(key, attributes), reverse=downwards)
    return rows


def sliced(found: Sequence[T], limit: int, page_token: str | None) -> Page[T]:
    """A page of what was found in memory.

    Raises:
        InvalidCursorError: the token was not given out here.
    """
    after = (decode_cursor(page_token) or {}).get("after", 0)
    more = encode_cursor({"after": after + limit}) if len(found) > after + limit else None
    return Page(items=tuple(found[after : after + limit]), next_cursor=more)


def _clause(text: str, found: re.Match[str], attributes: Mapping[str, type]) -> Clause:
    key, comparator = _bare(found["key"]), found["comparator"].upper()
    tag = (found["entity"] or "").lower().startswith("tag")
    if not tag and key not in attributes:
        raise InvalidModelSearchError(
            "filter", text, f"{key!r} is none of {sorted(attributes)} or tags.<key>"
        )
    kind = str if tag else attributes[key]
    if (kind is int and "LIKE" in comparator) or (kind is str and comparator in _ORDERS):
        raise InvalidModelSearchError("filter", text, f"{key!r} cannot be compared by {comparator}")
    return Clause(key, tag, comparator, _value(text, found["value"], comparator, kind))


def _value(text: str, written: str, comparator: str, kind: type) -> Any:
    if (comparator == "IN") != written.startswith("("):
        raise InvalidModelSearchError("filter", text, f"{written} does not fit {comparator}")
    values = [single or double for single, double in _QUOTED.findall(written)]
    if not written.startswith(("'", '"', "(")):
        values = [written]
    if comparator != "IN" and kind is str:
        return values[0]
    try:
        numbers = [kind(value) for value in values]
    except ValueError as error:
        raise InvalidModelSearchError("filter", text, f"{written} is not a number") from error
    return numbers if comparator == "IN" else numbers[0]


def _order_of(key: str, attributes: Callable[[T], Fields]) -> Callable[[T], Any]:
    def order(one: T) -> Any:
        value = attributes(one)[key]
        return value is not None, value

    return order


def _bare(key: str) -> str:
    return key.strip('`"').removeprefix("attributes.").removeprefix("attribute.")


def _like(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """SQL's wildcards: % is any text, _ any one character."""
    return re.compile(
        "".join({"%": ".*", "_": "."}.get(letter) or re.escape(letter) for letter in pattern),
        flags | re.DOTALL,
    )
