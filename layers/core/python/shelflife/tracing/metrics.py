"""Figures over traces, their spans and their assessments: what the pages of an experiment draw."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from shelflife.tracing.errors import InvalidTraceMetricsError
from shelflife.tracing.metric_filters import MetricFilter, Row
from shelflife.tracing.model import ALWAYS, NANOSECONDS, Digest, Metadata, Tag, Trace, Window
from shelflife.tracing.totals import cost_in, usage_in

TIME_BUCKET = "time_bucket"
_HUNDRED = 100
DAY = 86_400_000
_YES_OR_NO = {"yes": 1.0, "no": 0.0}


class View(StrEnum):
    TRACES = "TRACES"
    SPANS = "SPANS"
    ASSESSMENTS = "ASSESSMENTS"


class Kind(StrEnum):
    COUNT = "COUNT"
    SUM = "SUM"
    AVG = "AVG"
    PERCENTILE = "PERCENTILE"
    MIN = "MIN"
    MAX = "MAX"


class Aggregation(NamedTuple):
    kind: Kind
    percentile: float | None = None

    @property
    def name(self) -> str:
        return f"P{self.percentile}" if self.kind is Kind.PERCENTILE else self.kind.value


class Point(NamedTuple):
    dimensions: Mapping[str, str]
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Question:
    view: View
    metric: str
    aggregations: tuple[Aggregation, ...]
    dimensions: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    interval_seconds: int | None = None
    first: int | None = None
    last: int | None = None
    limit: int = 1000

    @property
    def window(self) -> Window:
        """Times of the traces to look at: a span may have begun long after its trace."""
        slack = DAY if self.view is View.SPANS else 0
        return Window(
            ALWAYS.first if self.first is None else max(self.first - slack, 0),
            ALWAYS.last if self.last is None else max(self.last, 0),
        )

    def checked(self) -> "Metric":
        """The metric that is asked for.

        Raises:
            InvalidTraceMetricsError: there is no such metric, or it cannot be looked at like this.
        """
        metrics = METRICS[self.view]
        _check("metric_name", [self.metric], metrics)
        metric = metrics[self.metric]
        _check("aggregation_type", [asked.kind for asked in self.aggregations], metric.kinds)
        _check("dimensions", self.dimensions, metric.dimensions)
        for kind, percent in self.aggregations:
            if kind is Kind.PERCENTILE and (percent is None or not 0 <= percent <= _HUNDRED):
                raise InvalidTraceMetricsError("percentile_value", str(percent), "a number from 0 to 100")
        if self.interval_seconds and (self.first is None or self.last is None):
            raise InvalidTraceMetricsError("start_time_ms and end_time_ms", "None", "times, for intervals")
        return metric


@dataclass(frozen=True, slots=True)
class Metric:
    value: Callable[[Row], Any]
    kinds: frozenset[Kind]
    dimensions: frozenset[str]
    #: Costs of spans count at the time of the span, all else at that of the trace.
    by_span_time: bool = False


def answered(
    question: Question, traces: Iterable[Trace], digests: Callable[[Trace], Sequence[Digest]]
) -> list[Point]:
    """The figures, by time and dimensions in their order; what lacks a dimension or a value is left out."""
    metric = question.checked()
    filters = [MetricFilter(text, question.view) for text in question.filters]
    groups: defaultdict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for row in _rows(question.view, traces, digests):
        if not (_within(row, metric, question) and all(wanted.matches(row) for wanted in filters)):
            continue
        group = _group(row, question)
        value = metric.value(row)
        if value is not None and None not in group:
            groups[group].append(value)
    names = [TIME_BUCKET] if question.interval_seconds else []
    names += question.dimensions
    points = [_point(names, group, groups[group], question) for group in sorted(groups)]
    if not names and not points and _counts(question):
        points = [Point({}, {asked.name: 0.0 for asked in question.aggregations})]
    return points[: question.limit]


def _counts(question: Question) -> bool:
    return all(asked.kind is Kind.COUNT for asked in question.aggregations)


def _check(field: str, asked: Iterable[str], known: Iterable[str]) -> None:
    for name in asked:
        if name not in known:
            raise InvalidTraceMetricsError(field, str(name), "one of " + (", ".join(sorted(known)) or "none"))


def _rows(view: View, traces: Iterable[Trace], digests: Callable[[Trace], Sequence[Digest]]) -> Iterator[Row]:
    for trace in traces:
        if view is View.TRACES:
            yield Row(trace)
        elif view is View.SPANS:
            yield from (Row(trace, span=digest) for digest in digests(trace))
        else:
            yield from (Row(trace, said=said) for said in trace.assessments if said.valid)


def _within(row: Row, metric: Metric, question: Question) -> bool:
    at = row.span_time if metric.by_span_time else row.trace.request_time
    return (question.first is None or at >= question.first) and (question.last is None or at <= question.last)


def _group(row: Row, question: Question) -> tuple[Any, ...]:
    found = [DIMENSIONS[name](row) for name in question.dimensions]
    if not question.interval_seconds:
        return tuple(found)
    at = row.span_time if question.view is View.SPANS else row.trace.request_time
    size = question.interval_seconds * 1000
    return (at // size * size, *found)


def _point(names: Sequence[str], group: tuple[Any, ...], values: list[Any], question: Question) -> Point:
    dimensions = dict(zip(names, group, strict=True))
    if TIME_BUCKET in dimensions:
        at = datetime.fromtimestamp(dimensions[TIME_BUCKET] / 1000, UTC)
        dimensions[TIME_BUCKET] = at.isoformat()
    if question.metric == "session_count":
        values = list(set(values))
    return Point(dimensions, {asked.name: _aggregated(asked, values) for asked in question.aggregations})


def _aggregated(asked: Aggregation, values: list[Any]) -> float:
    if asked.kind is Kind.PERCENTILE:
        return percentile(values, asked.percentile or 0)
    return _AGGREGATIONS[asked.kind](values)


def percentile(values: Sequence[float], percent: float) -> float:
    """Between the two values that stand around it, in proportion."""
    ordered = sorted(values)
    at = (len(ordered) - 1) * percent / 100
    low, high = ordered[math.floor(at)], ordered[math.ceil(at)]
    return float(low + (high - low) * (at - math.floor(at)))


_AGGREGATIONS: Mapping[Kind, Callable[[list[Any]], float]] = {
    Kind.COUNT: lambda values: float(len(values)),
    Kind.SUM: lambda values: float(sum(values)),
    Kind.AVG: lambda values: float(sum(values) / len(values)),
    Kind.MIN: lambda values: float(min(values)),
    Kind.MAX: lambda values: float(max(values)),
}


def _latency(row: Row) -> int | None:
    span = row.span
    return (span.end_ns - span.start_ns) // NANOSECONDS if span and span.end_ns else None


def _assessed(row: Row) -> float | None:
    value = row.said.value if row.said else None
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        return _YES_OR_NO.get(value.strip().lower())
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _of_span(name: str) -> Callable[[Row], Any]:
    return lambda row: getattr(row.span, name)


DIMENSIONS: Mapping[str, Callable[[Row], Any]] = {
    "trace_name": lambda row: row.trace.tags.get(Tag.NAME),
    "trace_status": lambda row: row.trace.state.value,
    "span_name": _of_span("name"),
    "span_type": _of_span("type"),
    "span_status": _of_span("status"),
    "span_model_name": _of_span("model"),
    "span_model_provider": _of_span("provider"),
    "assessment_name": lambda row: row.said.name if row.said else None,
    "assessment_value": lambda row: row.said_json,
}
_COUNT = frozenset({Kind.COUNT})
_FIGURES = frozenset({Kind.AVG, Kind.MIN, Kind.MAX, Kind.PERCENTILE})
_SUMS = _FIGURES | {Kind.SUM}
_NAMED = frozenset({"trace_name"})
_MODELS = frozenset({"span_model_name", "span_model_provider"})


def _tokens(name: str) -> Metric:
    return Metric(lambda row: usage_in(row.trace).get(name), _SUMS, _NAMED)


def _cost(name: str) -> Metric:
    return Metric(lambda row: cost_in(row.span).get(name), _SUMS, _MODELS, by_span_time=True)


METRICS: Mapping[View, Mapping[str, Metric]] = {
    View.TRACES: {
        "trace_count": Metric(lambda row: row.trace.trace_id, _COUNT, _NAMED | {"trace_status"}),
        "session_count": Metric(lambda row: row.trace.metadata.get(Metadata.SESSION), _COUNT, frozenset()),
        "latency": Metric(lambda row: row.trace.duration, _FIGURES, _NAMED),
        **{
            name: _tokens(name)
            for name in (
                "input_tokens",
                "output_tokens",
                "total_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
            )
        },
    },
    View.SPANS: {
        "span_count": Metric(
            _of_span("span_id"), _COUNT, _MODELS | {"span_name", "span_type", "span_status"}
        ),
        "latency": Metric(_latency, _FIGURES, frozenset({"span_name", "span_status"})),
        **{name: _cost(name) for name in ("input_cost", "output_cost", "total_cost")},
    },
    View.ASSESSMENTS: {
        "assessment_count": Metric(
            lambda row: row.said.assessment_id if row.said else None,
            _COUNT,
            frozenset({"assessment_name", "assessment_value"}),
        ),
        "assessment_value": Metric(_assessed, _FIGURES, frozenset({"assessment_name"})),
    },
}
