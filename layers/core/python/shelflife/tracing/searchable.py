"""What of traces, their spans and their assessments the search language may name."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from shelflife.kernel.filter_grammar import parse_filter
from shelflife.kernel.filters import (
    ABSENCE,
    ATTRIBUTE,
    LISTED,
    NUMBER,
    TEXTUAL,
    Clause,
    Comparison,
    Field,
    InvalidSearchError,
    Language,
)
from shelflife.tracing.conventions import Attribute
from shelflife.tracing.model import ALWAYS, Assessment, Metadata, Span, Tag, Trace, Window

_SPAN, _TAG, _METADATA, _ISSUE = "span", "tag", "metadata", "issue"
_ASSESSED = frozenset({"feedback", "expectation"})
_SPAN_FIELDS = frozenset({"name", "type", "status", "content"})
_WITHIN = "attributes."
_ORDERED = frozenset({"<", "<=", ">", ">="})
_RANGES = frozenset(Comparison(written) for written in _ORDERED)

_TEXT = Field(number=False, comparisons=LISTED | {Comparison.RLIKE})
_ENTRY = Field(number=False, comparisons=TEXTUAL | ABSENCE | {Comparison.RLIKE})
_EXACT = Field(number=False, comparisons=frozenset({Comparison.EQUAL}))
_CONTENT = Field(number=False, comparisons=frozenset({Comparison.LIKE, Comparison.ILIKE}))
_SAID = Field(number=False, comparisons=_ENTRY.comparisons | _RANGES, numeric=_RANGES)


def _of_trace(trace: Trace, kind: str, key: str) -> Any:
    if kind == _TAG:
        return trace.tags.get(key)
    return trace.metadata.get(key) if kind == _METADATA else _ATTRIBUTES[key](trace)


_ATTRIBUTES: dict[str, Callable[[Trace], Any]] = {
    "request_id": lambda trace: trace.trace_id,
    "client_request_id": lambda trace: trace.client_request_id,
    "experiment_id": lambda trace: trace.experiment_id,
    "timestamp_ms": lambda trace: trace.request_time,
    "execution_time_ms": lambda trace: trace.duration,
    "end_time_ms": lambda trace: trace.end_time,
    "status": lambda trace: trace.state.value,
    "name": lambda trace: trace.tags.get(Tag.NAME),
    "run_id": lambda trace: trace.metadata.get(Metadata.RUN),
    # These are looked up by clauses of their own.
    "prompt": lambda _: None,
    "text": lambda _: None,
}
TRACES = Language(
    look=_of_trace,
    attributes={
        "request_id": _TEXT,
        "client_request_id": _TEXT,
        "experiment_id": _TEXT,
        "timestamp_ms": NUMBER,
        "execution_time_ms": NUMBER,
        "end_time_ms": NUMBER,
        "status": _TEXT,
        "name": Field(number=False, comparisons=_TEXT.comparisons | ABSENCE),
        "run_id": Field(number=False, comparisons=_TEXT.comparisons | ABSENCE),
        "prompt": _EXACT,
        "text": _CONTENT,
    },
    kinds={
        _TAG: _ENTRY,
        _METADATA: _ENTRY,
        _SPAN: _TEXT,
        "feedback": _SAID,
        "expectation": _SAID,
        _ISSUE: _EXACT,
    },
    spellings={"tags": _TAG, "request_metadata": _METADATA, "trace": ATTRIBUTE},
    aliases={
        "timestamp": "timestamp_ms",
        "execution_time": "execution_time_ms",
        "end_time": "end_time_ms",
        "trace_id": "request_id",
    },
    orders=frozenset({ATTRIBUTE, _TAG, _METADATA}),
)
Spans = Callable[[Trace], Iterable[Span]]


class Filter:
    """The clauses of a filter: of the trace, of its assessments, and of one and the same of its spans."""

    def __init__(self, text: str) -> None:
        clauses = [_checked(clause) for clause in parse_filter(text, TRACES)]
        self._spans = [clause for clause in clauses if _asks_spans(clause)]
        self._rest = [clause for clause in clauses if not _asks_spans(clause)]

    @property
    def window(self) -> Window:
        """Times outside of which no trace matches."""
        first, last = ALWAYS
        for clause in self._rest:
            if (clause.kind, clause.key) != (ATTRIBUTE, "timestamp_ms"):
                continue
            if not isinstance(clause.value, int | float):
                continue
            value = int(clause.value)
            if clause.comparison in (
                Comparison.EQUAL,
                Comparison.GREATER,
                Comparison.GREATER_OR_EQUAL,
            ):
                first = max(first, value)
            if clause.comparison in (Comparison.EQUAL, Comparison.LESS, Comparison.LESS_OR_EQUAL):
                last = min(last, value)
        return Window(first, last)

    def is_met_by(self, kind: str, key: str) -> bool:
        """Whether nothing but times is asked for, beside that text, which `wanted` told."""
        met = {(ATTRIBUTE, "timestamp_ms"), (kind, key)}
        return not self._spans and all((clause.kind, clause.key) in met for clause in self._rest)

    def wanted(self, kind: str, key: str) -> str | None:
        """The one text that this must be, if a clause says so."""
        for clause in self._rest:
            if (clause.kind, clause.key, clause.comparison) == (kind, key, Comparison.EQUAL):
                return str(clause.value)
        return None

    def matches(self, trace: Trace, spans: Spans) -> bool:
        """Whether all clauses hold; spans are only read where the rest holds."""
        if not all(_holds(clause, trace) for clause in self._rest):
            return False
        if not self._spans:
            return True
        return any(
            all(clause.holds(_of_span(span, clause)) for clause in self._spans) for span in spans(trace)
        )

    @property
    def needs_content(self) -> bool:
        """Whether more of spans is asked for than what a digest knows."""
        return any(
            clause.kind == ATTRIBUTE or clause.key == "content" or clause.key.startswith(_WITHIN)
            for clause in self._spans
        )


def number_of(value: Any) -> float | None:
    """The number that an assessment is, if it is one; a truth is none."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def text_of(value: Any) -> str:
    """An assessment's value as a filter names it: texts as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _checked(clause: Clause) -> Clause:
    if clause.kind == _SPAN and clause.key not in _SPAN_FIELDS and not clause.key.startswith(_WITHIN):
        known = ", ".join(sorted(_SPAN_FIELDS))
        message = f"there is no span.{clause.key}, but span.attributes.<name> and {known}"
        raise InvalidSearchError("filter", message)
    if clause.kind == _ISSUE and clause.key != "id":
        raise InvalidSearchError("filter", f"there is no issue.{clause.key}, but id")
    if clause.key == "prompt" and str(clause.value).count("/") != 1:
        raise InvalidSearchError("filter", f"prompt is {clause.value!r}, expected 'name/version'")
    if clause.comparison is Comparison.RLIKE:
        _check_expression(str(clause.value))
    return clause


def _check_expression(text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise InvalidSearchError("filter", f"{text!r} is no regular expression: {error}") from error


def _asks_spans(clause: Clause) -> bool:
    return clause.kind == _SPAN or (clause.kind == ATTRIBUTE and clause.key == "text")


def _holds(clause: Clause, trace: Trace) -> bool:
    if clause.kind == ATTRIBUTE and clause.key == "prompt":
        return clause.value in trace.prompts
    if clause.kind == ATTRIBUTE and clause.key == "run_id" and clause.comparison is Comparison.EQUAL:
        return clause.value in trace.all_runs
    if clause.kind == _ISSUE:
        return any(said.kind == _ISSUE and said.name == clause.value for said in trace.assessments)
    if clause.kind in _ASSESSED:
        return _said(clause, trace)
    return clause.matches(trace)


def _said(clause: Clause, trace: Trace) -> bool:
    found = [
        said
        for said in trace.assessments
        if said.kind == clause.kind and said.name == clause.key and said.valid
    ]
    if clause.comparison in ABSENCE:
        return bool(found) is (clause.comparison is Comparison.IS_NOT_NULL)
    return any(clause.holds(_value(said, clause)) for said in found)


def _value(said: Assessment, clause: Clause) -> Any:
    return number_of(said.value) if clause.comparison in _RANGES else text_of(said.value)


def _of_span(span: Span, clause: Clause) -> Any:
    if clause.key in ("content", "text"):
        return json.dumps([span.name, dict(span.attributes), span.events], ensure_ascii=False)
    if clause.key.startswith(_WITHIN):
        value = span.attributes.get(clause.key.removeprefix(_WITHIN))
        return None if value is None else text_of(value)
    if clause.key == "type":
        return span.attributes.get(Attribute.TYPE)
    return getattr(span, clause.key)
