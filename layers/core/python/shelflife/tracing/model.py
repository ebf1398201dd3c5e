"""Traces, their spans and what people and judges say of them, with the names and units of MLflow's protocol.

Times of traces and assessments are milliseconds since 1970, those of spans nanoseconds.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

ARTIFACT_ROOT = "mlflow-artifacts:/"
NANOSECONDS = 1_000_000


class Tag:
    """Tags of traces that mean something here."""

    NAME = "mlflow.traceName"
    ARTIFACTS = "mlflow.artifactLocation"
    SPANS = "mlflow.trace.spansLocation"


class Metadata:
    """Metadata of traces that mean something here."""

    RUN = "mlflow.sourceRun"
    SESSION = "mlflow.trace.session"
    USER = "mlflow.trace.user"
    USAGE = "mlflow.trace.tokenUsage"
    COST = "mlflow.trace.cost"
    SIZES = "mlflow.trace.sizeStats"
    #: The client has told the trace as a whole: what spans say no longer changes it.
    FINAL = "mlflow.trace.infoFinalized"


class TraceState(StrEnum):
    STATE_UNSPECIFIED = "STATE_UNSPECIFIED"
    OK = "OK"
    ERROR = "ERROR"
    IN_PROGRESS = "IN_PROGRESS"


class AssessmentKind(StrEnum):
    FEEDBACK = "feedback"
    EXPECTATION = "expectation"
    ISSUE = "issue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span with all that it holds; ids are hexadecimal, `end_ns` is 0 while it is open."""

    otel_trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    start_ns: int
    end_ns: int
    status: str = "UNSET"
    status_message: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[Mapping[str, Any], ...] = ()
    links: tuple[Mapping[str, Any], ...] = ()

    @property
    def trace_id(self) -> str:
        """What MLflow calls the trace."""
        return f"tr-{self.otel_trace_id}"


class Digest(NamedTuple):
    """What searches and metrics look at of a span."""

    span_id: str
    parent_id: str | None
    name: str
    type: str | None
    status: str
    start_ns: int
    end_ns: int
    usage: Mapping[str, Any] | None = None
    cost: Mapping[str, Any] | None = None
    model: str | None = None
    provider: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What somebody says of a trace; one that was overridden by another is no longer valid."""

    assessment_id: str
    name: str
    kind: AssessmentKind
    value: Any = None
    #: How the value was sent: as itself, or as JSON in a text.
    serialized: bool = False
    error: Mapping[str, Any] | None = None
    source_type: str = "SOURCE_TYPE_UNSPECIFIED"
    source_id: str | None = None
    created_at: int = 0
    updated_at: int = 0
    rationale: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    span_id: str | None = None
    overrides: str | None = None
    valid: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A trace without its spans.

    `home` tells this trace from an earlier one of its id that was deleted. `pieces` are the files of its
    spans, oldest first; of those that came first it knows the digests, of all if `digested`.
    """

    trace_id: str
    experiment_id: str
    request_time: int
    state: TraceState
    home: str = ""
    duration: int | None = None
    client_request_id: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    assessments: tuple[Assessment, ...] = ()
    runs: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    pieces: tuple[str, ...] = ()
    digests: tuple[Digest, ...] = ()
    digested: bool = True
    #: Counts the changes, so that a change which did not see the one before is noticed.
    revision: int = 0

    @property
    def final(self) -> bool:
        return Metadata.FINAL in self.metadata

    @property
    def end_time(self) -> int:
        return self.request_time + (self.duration or 0)

    @property
    def spans_told(self) -> int:
        """How many spans the client counted, 0 where it did not tell."""
        try:
            told = json.loads(self.metadata.get(Metadata.SIZES, "{}"))
            return int(told.get("num_spans", 0))
        except (ValueError, TypeError, AttributeError):
            return 0

    @property
    def all_runs(self) -> frozenset[str]:
        """Runs that it was logged in or linked to."""
        own = self.metadata.get(Metadata.RUN)
        return frozenset((*self.runs, own) if own else self.runs)


class Place(NamedTuple):
    """Where a trace stands in a list: the newest first, of one time by id."""

    request_time: int
    trace_id: str

    @property
    def rank(self) -> tuple[int, str]:
        return -self.request_time, self.trace_id


class Shelf(NamedTuple):
    """A list of traces that is kept in order: an experiment's, or those of it with one value of something."""

    experiment_id: str
    kind: str = ""
    value: str = ""


class ShelfKind(StrEnum):
    RUN = "RUN"
    SESSION = "SESSION"
    STATE = "STATE"


class Window(NamedTuple):
    """Times from `first` to `last`, both included."""

    first: int
    last: int


ALWAYS = Window(0, 10**18)


def place_of(trace: Trace) -> Place:
    return Place(trace.request_time, trace.trace_id)


def shelves_of(trace: Trace) -> set[Shelf]:
    """Lists that the trace stands in beside its experiment's."""
    experiment_id = trace.experiment_id
    shelves = {Shelf(experiment_id, ShelfKind.RUN, run) for run in trace.all_runs}
    if session := trace.metadata.get(Metadata.SESSION):
        shelves.add(Shelf(experiment_id, ShelfKind.SESSION, session))
    if trace.state is TraceState.ERROR:
        shelves.add(Shelf(experiment_id, ShelfKind.STATE, TraceState.ERROR))
    return shelves
