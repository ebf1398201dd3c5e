"""What MLflow's clients send. They are of many versions: fields that are not known here are passed over."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from shelflife.tracing.deletion import Deletion
from shelflife.tracing.metrics import Aggregation, Kind, Question, View
from shelflife.tracing.model import Assessment, Trace, TraceState
from shelflife.tracing.sent import (
    LONG,
    LONGEST_KEY,
    LONGEST_VALUE,
    Key,
    Long,
    Milliseconds,
    OneAssessment,
    Preview,
    Request,
    SentAssessment,
    TraceId,
    Value,
)

MAX_TRACES = 500
MAX_POINTS = 1000
MAX_LINKS = 100
MAX_PROMPTS = 100


class SentExperiment(Request):
    experiment_id: str


class Location(Request):
    mlflow_experiment: SentExperiment | None = None


class CreateAssessment(Request):
    assessment: OneAssessment


class UpdateAssessment(Request):
    assessment: SentAssessment
    update_mask: str = Field(min_length=1)


class SentTraceInfo(Request):
    trace_id: TraceId
    client_request_id: str | None = Field(None, max_length=LONGEST_VALUE)
    trace_location: Location
    request_time: Milliseconds
    execution_duration: Milliseconds | None = None
    state: TraceState = TraceState.STATE_UNSPECIFIED
    request_preview: Preview | None = None
    response_preview: Preview | None = None
    trace_metadata: dict[Key, Value] = Field(default_factory=dict)
    tags: dict[Key, Value] = Field(default_factory=dict)
    assessments: tuple[OneAssessment, ...] = ()

    @model_validator(mode="after")
    def _located(self) -> Self:
        if self.trace_location.mlflow_experiment is None:
            msg = "trace_location.mlflow_experiment is missing"
            raise ValueError(msg)
        return self

    @property
    def experiment_id(self) -> str:
        location = self.trace_location.mlflow_experiment
        return location.experiment_id if location else ""

    def trace(self, assessments: tuple[Assessment, ...]) -> Trace:
        return Trace(
            trace_id=self.trace_id,
            experiment_id=self.experiment_id,
            request_time=self.request_time,
            state=self.state,
            duration=self.execution_duration,
            client_request_id=self.client_request_id,
            request_preview=self.request_preview,
            response_preview=self.response_preview,
            metadata=self.trace_metadata,
            tags=self.tags,
            assessments=assessments,
        )


class SentTrace(Request):
    trace_info: SentTraceInfo


class StartTrace(Request):
    trace: SentTrace


class OneTrace(Request):
    trace_id: str = Field(min_length=1)
    allow_partial: bool = False


class TraceFile(Request):
    request_id: str = Field(min_length=1)


class ManyTraces(Request):
    trace_ids: tuple[str, ...] = Field(min_length=1, max_length=MAX_TRACES)
    experiment_ids: tuple[str, ...] = ()


class SearchTraces(Request):
    locations: tuple[Location, ...]
    filter: str = ""
    max_results: int = Field(100, ge=1, le=MAX_TRACES)
    order_by: tuple[str, ...] = ()
    page_token: str | None = None

    @property
    def experiment_ids(self) -> tuple[str, ...]:
        return tuple(
            place.mlflow_experiment.experiment_id for place in self.locations if place.mlflow_experiment
        )


class SearchTracesV2(Request):
    experiment_ids: tuple[str, ...] = Field(min_length=1)
    filter: str = ""
    max_results: int = Field(100, ge=1, le=MAX_TRACES)
    order_by: tuple[str, ...] = ()
    page_token: str | None = None


class SetTraceTag(Request):
    key: Key
    value: Value = ""


class DeleteTraceTag(Request):
    key: Key


class DeleteTraces(Request):
    experiment_id: str
    max_timestamp_millis: Long | None = None
    max_traces: Long | None = None
    request_ids: tuple[str, ...] = Field((), max_length=3000)

    def deletion(self) -> Deletion:
        return Deletion(self.experiment_id, self.request_ids, self.max_timestamp_millis, self.max_traces)


class LinkToRun(Request):
    trace_ids: tuple[str, ...] = Field(max_length=MAX_LINKS)
    run_id: str = Field(min_length=1, max_length=LONGEST_KEY)


class SentPrompt(Request):
    name: str = Field(min_length=1, max_length=LONGEST_KEY)
    version: str = Field(min_length=1, max_length=LONGEST_KEY)


class LinkPrompts(Request):
    trace_id: str = Field(min_length=1)
    prompt_versions: tuple[SentPrompt, ...] = Field(max_length=MAX_PROMPTS)


class SentAggregation(Request):
    aggregation_type: Kind
    percentile_value: float | None = None


class QueryMetrics(Request):
    experiment_ids: tuple[str, ...] = Field(min_length=1)
    view_type: View
    metric_name: str
    aggregations: tuple[SentAggregation, ...] = Field(min_length=1)
    dimensions: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    time_interval_seconds: Annotated[int, Field(gt=0, lt=LONG)] | None = None
    start_time_ms: Long | None = None
    end_time_ms: Long | None = None
    max_results: int = Field(MAX_POINTS, ge=1, le=MAX_POINTS)

    def question(self) -> Question:
        return Question(
            view=self.view_type,
            metric=self.metric_name,
            aggregations=tuple(
                Aggregation(asked.aggregation_type, asked.percentile_value) for asked in self.aggregations
            ),
            dimensions=self.dimensions,
            filters=self.filters,
            interval_seconds=self.time_interval_seconds,
            first=self.start_time_ms,
            last=self.end_time_ms,
            limit=self.max_results,
        )


class Pair(Request):
    key: Key
    value: Value = ""


class StartTraceV2(Request):
    experiment_id: str = "0"
    timestamp_ms: Milliseconds = 0
    request_metadata: tuple[Pair, ...] = ()
    tags: tuple[Pair, ...] = ()


class EndTraceV2(Request):
    timestamp_ms: Milliseconds = 0
    status: TraceState = TraceState.STATE_UNSPECIFIED
    request_metadata: tuple[Pair, ...] = ()
    tags: tuple[Pair, ...] = ()
