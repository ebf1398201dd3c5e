"""Filters of figures: ``trace.status = 'OK'``, ``trace.tag.team = 'risk'``, ``span.type = 'LLM'``."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shelflife.kernel.filter_grammar import parse_filter
from shelflife.kernel.filters import Comparison, Field, InvalidSearchError, Language
from shelflife.tracing.model import NANOSECONDS, Assessment, Digest, Metadata, Trace


@dataclass(frozen=True, slots=True)
class Row:
    """A trace, and maybe one span or one assessment of it."""

    trace: Trace
    span: Digest | None = None
    said: Assessment | None = None

    @property
    def span_time(self) -> int:
        return self.span.start_ns // NANOSECONDS if self.span else self.trace.request_time

    @property
    def said_json(self) -> str | None:
        return json.dumps(self.said.value) if self.said else None


_EXACT = Field(number=False, comparisons=frozenset({Comparison.EQUAL}))
_PLAIN: Mapping[tuple[str, str], Callable[[Row], Any]] = {
    ("trace", "status"): lambda row: row.trace.state.value,
    ("span", "name"): lambda row: row.span and row.span.name,
    ("span", "status"): lambda row: row.span and row.span.status,
    ("span", "type"): lambda row: row.span and row.span.type,
    ("assessment", "name"): lambda row: row.said and row.said.name,
    ("assessment", "type"): lambda row: row.said and row.said.kind.value,
}
#: Views in which spans and assessments are there to be filtered.
_VIEWS = {"span": "SPANS", "assessment": "ASSESSMENTS"}
_TAG, _METADATA = "tag.", "metadata."


def _look(row: Row, kind: str, key: str) -> Any:
    if kind == "trace" and key.startswith(_TAG):
        return row.trace.tags.get(_bare(key.removeprefix(_TAG)))
    if kind == "trace" and key.startswith(_METADATA):
        return row.trace.metadata.get(_bare(key.removeprefix(_METADATA)))
    return _PLAIN[kind, key](row)


_LANGUAGE = Language(look=_look, attributes={}, kinds={"trace": _EXACT, "span": _EXACT, "assessment": _EXACT})


class MetricFilter:
    """One comparison.

    Raises:
        InvalidSearchError: it cannot be read, or not in this view.
    """

    def __init__(self, text: str, view: str) -> None:
        clauses = parse_filter(text, _LANGUAGE)
        if len(clauses) != 1:
            raise InvalidSearchError("filters", f"filter {text!r}: expected one comparison")
        (self._clause,) = clauses
        kind, key = self._clause.kind, self._clause.key
        keyed = kind == "trace" and key.startswith((_TAG, _METADATA))
        if not keyed and (kind, key) not in _PLAIN:
            raise InvalidSearchError("filters", f"filter {text!r}: there is no {kind}.{key}")
        if _VIEWS.get(kind, view) != view:
            raise InvalidSearchError("filters", f"filter {text!r}: the view {view} has no {kind}s of its own")

    def matches(self, row: Row) -> bool:
        clause = self._clause
        if clause.kind == "trace" and _bare(clause.key.removeprefix(_METADATA)) == Metadata.RUN:
            return clause.value in row.trace.all_runs
        return clause.matches(row)


def _bare(key: str) -> str:
    return key.strip("`\"'")
