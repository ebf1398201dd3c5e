"""What MLflow's clients may search and order models and versions by.

A filter on the tag that marks prompts says which of the two kinds is searched, models or prompts, and nothing
else; without one models are.
"""

from collections.abc import Sequence
from typing import Any

from shelflife.kernel.filter_grammar import parse_filter, parse_orders
from shelflife.kernel.filters import (
    LISTED,
    NUMERIC,
    TEXTUAL,
    Clause,
    Comparison,
    Field,
    InvalidSearchError,
    Language,
    Order,
)
from shelflife.registry.model import PROMPT_TAG, ModelVersion, RegisteredModel

TAG = "tag"
#: A version with its model.
Owned = tuple[RegisteredModel, ModelVersion]
_NAME = Field(number=False, comparisons=LISTED)
_TEXT = Field(number=False, comparisons=TEXTUAL)
_NUMBER = Field(number=True, comparisons=NUMERIC, whole=True)


def _look_at_model(model: RegisteredModel, kind: str, key: str) -> Any:
    if kind == TAG:
        return model.tags.get(key)
    return model.name if key == "name" else model.updated_at


def _look_at_version(pair: Owned, kind: str, key: str) -> Any:
    return pair[1].tags.get(key) if kind == TAG else _OF_VERSION[key](pair[1])


_OF_VERSION: dict[str, Any] = {
    "name": lambda version: version.model_name,
    "version_number": lambda version: version.version,
    "run_id": lambda version: version.run_id or "",
    "source_path": lambda version: version.source_uri,
    "creation_timestamp": lambda version: version.created_at,
    "last_updated_timestamp": lambda version: version.updated_at,
}
_TAGS: dict[str, Any] = {"kinds": {TAG: _TEXT}, "spellings": {"tags": TAG}}
MODELS = Language(look=_look_at_model, attributes={"name": _NAME}, **_TAGS)
MODEL_ORDERS = Language(
    look=_look_at_model,
    attributes={"name": _NAME, "last_updated_timestamp": _NUMBER},
    aliases={"timestamp": "last_updated_timestamp"},
)
VERSIONS = Language(
    look=_look_at_version,
    attributes={"name": _NAME, "version_number": _NUMBER, "run_id": _NAME, "source_path": _TEXT},
    **_TAGS,
)
VERSION_ORDERS = Language(
    look=_look_at_version,
    attributes={
        "name": _NAME,
        "version_number": _NUMBER,
        "creation_timestamp": _NUMBER,
        "last_updated_timestamp": _NUMBER,
    },
)


def filter_of(text: str, language: Language) -> tuple[tuple[Clause, ...], bool]:
    """The clauses that are left of a filter, and whether prompts are searched."""
    clauses = parse_filter(text, language)
    marks = [clause for clause in clauses if (clause.kind, clause.key) == (TAG, PROMPT_TAG)]
    prompts = bool(marks) and (marks[0].comparison, str(marks[0].value).lower()) in _PROMPTS
    rest = tuple(clause for clause in clauses if clause not in marks)
    return rest, prompts


_PROMPTS = {(Comparison.EQUAL, "true"), (Comparison.UNEQUAL, "false")}


def orders_of(texts: Sequence[str], language: Language) -> tuple[Order, ...]:
    """The orders.

    Raises:
        InvalidSearchError: one cannot be read, or names what another names.
    """
    orders = parse_orders(texts, language)
    names = [order.key for order in orders]
    for name in names:
        if names.count(name) > 1:
            raise InvalidSearchError("order_by", f"order_by names {name!r} twice")
    return orders


def equal_to(clauses: Sequence[Clause], key: str) -> tuple[str, ...] | None:
    """The only values that an attribute can have, if the clauses say so."""
    for clause in clauses:
        if clause.kind == TAG or clause.key != key:
            continue
        if clause.comparison is Comparison.EQUAL:
            return (str(clause.value),)
        if clause.comparison is Comparison.IN and isinstance(clause.value, tuple):
            return tuple(dict.fromkeys(str(value) for value in clause.value))
    return None


def prefix_of(clauses: Sequence[Clause], key: str) -> str:
    """What an attribute has to begin with, if the clauses say so."""
    for clause in clauses:
        if clause.kind != TAG and clause.key == key and clause.comparison is Comparison.LIKE:
            return str(clause.value).split("%")[0].split("_")[0]
    return ""
