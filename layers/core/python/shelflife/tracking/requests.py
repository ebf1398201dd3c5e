"""What MLflow's clients send. They are of many versions, so fields that are not known here are passed over.

Numbers may come as texts, enumerations by name; a run may be called `run_uuid` (the oldest clients).
"""

from collections import Counter
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Json, model_validator

from shelflife.kernel.entry_names import entry_name
from shelflife.tracking.model import (
    Dataset,
    DatasetInput,
    Entries,
    Metric,
    RunStatus,
    View,
    finite,
)

MAX_BATCH_METRICS = 1000
MAX_BATCH_PARAMS = 100
MAX_BATCH_TAGS = 100
MAX_BATCH_ENTRIES = 1000
MAX_RUNS = 50_000
MAX_HISTORY = 25_000
MAX_SAMPLED = 2500
MAX_SAMPLED_RUNS = 100
MAX_EXPERIMENTS = 50_000
_KEY = 250
_PARAM = 6000
_TAG = 8000
_QUERY = 100_000
_LONG = 2**63

Key = Annotated[str, Field(min_length=1, max_length=_KEY)]
Name = Annotated[Key, AfterValidator(entry_name)]
Long = Annotated[int, Field(ge=-_LONG, lt=_LONG)]
Milliseconds = Annotated[int, Field(ge=0, lt=_LONG)]
# As in MLflow, what is too long for a param or a run's tag is cut off.
ParamValue = Annotated[str, AfterValidator(lambda text: text[:_PARAM])]
TagValue = Annotated[str, AfterValidator(lambda text: text[:_TAG])]
ExperimentName = Annotated[str, Field(min_length=1, max_length=500)]


class Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


R = TypeVar("R", bound=Request)


class SentTag(Request):
    key: Key
    value: TagValue = ""


class NamedTag(SentTag):
    """Where a tag comes alone or in a batch, MLflow looks at its name; with a new run it does not."""

    key: Name


class SentExperimentTag(Request):
    key: Name
    value: str = Field("", max_length=20_000)


class SentParam(Request):
    key: Name
    value: ParamValue = ""


class SentMetric(Request):
    key: Name
    value: float
    timestamp: Milliseconds
    step: Long = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None

    def metric(self) -> Metric:
        on = self.model_id or None, self.dataset_name, self.dataset_digest
        return Metric(self.key, finite(self.value), self.timestamp, self.step, *on)


class CreateExperiment(Request):
    name: ExperimentName
    artifact_location: str | None = Field(None, max_length=2048)
    tags: tuple[SentExperimentTag, ...] = ()


class ExperimentId(Request):
    experiment_id: str = Field(min_length=1)


class NamedExperiment(Request):
    experiment_name: str = Field(min_length=1)


class UpdateExperiment(ExperimentId):
    new_name: ExperimentName | None = None


class SetExperimentTag(ExperimentId, SentExperimentTag):
    pass


class DeleteExperimentTag(ExperimentId):
    key: Key


class SearchExperiments(Request):
    filter: str = ""
    max_results: int = Field(ge=1, le=MAX_EXPERIMENTS)
    order_by: tuple[str, ...] = ()
    page_token: str | None = None
    view_type: View = View.ACTIVE_ONLY


class CreateRun(Request):
    experiment_id: str = "0"
    user_id: str = ""
    run_name: str | None = Field(None, max_length=_TAG)
    start_time: Milliseconds | None = None
    tags: tuple[SentTag, ...] = ()


class RunId(Request):
    run_id: str = ""
    run_uuid: str = ""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.of:
            msg = "run_id is missing"
            raise ValueError(msg)
        return self

    @property
    def of(self) -> str:
        """The run's id."""
        return self.run_id or self.run_uuid


class UpdateRun(RunId):
    status: RunStatus | None = None
    end_time: Milliseconds | None = None
    run_name: str | None = Field(None, max_length=_TAG)


class LogMetric(RunId, SentMetric):
    pass


class LogParam(RunId, SentParam):
    pass


class SetTag(RunId, NamedTag):
    pass


class DeleteTag(RunId):
    key: Key


class LogBatch(RunId):
    metrics: tuple[SentMetric, ...] = Field((), max_length=MAX_BATCH_METRICS)
    params: tuple[SentParam, ...] = Field((), max_length=MAX_BATCH_PARAMS)
    tags: tuple[NamedTag, ...] = Field((), max_length=MAX_BATCH_TAGS)

    @model_validator(mode="after")
    def _few(self) -> Self:
        count = len(self.metrics) + len(self.params) + len(self.tags)
        if count > MAX_BATCH_ENTRIES:
            msg = f"a batch may have {MAX_BATCH_ENTRIES} entries together, not {count}"
            raise ValueError(msg)
        keys = Counter(sent.key for sent in self.params)
        if several := sorted(key for key, times in keys.items() if times > 1):
            msg = f"params are named several times: {', '.join(map(repr, several))}"
            raise ValueError(msg)
        return self

    def entries(self) -> Entries:
        return Entries(
            metrics=tuple(sent.metric() for sent in self.metrics),
            params=tuple((sent.key, sent.value) for sent in self.params),
            tags=tuple((sent.key, sent.value) for sent in self.tags),
        )


class SentDataset(Request):
    name: str = Field(min_length=1, max_length=500)
    digest: str = Field(min_length=1, max_length=36)
    source_type: str = ""
    source: str = ""
    # Pydantic's own method of this name is not needed here.
    dataset_schema: str | None = Field(None, alias="schema")
    profile: str | None = None


class SentInput(Request):
    tags: tuple[SentTag, ...] = ()
    dataset: SentDataset

    def read(self) -> DatasetInput:
        sent = self.dataset
        dataset = Dataset(
            sent.name, sent.digest, sent.source_type, sent.source, sent.dataset_schema, sent.profile
        )
        return DatasetInput(dataset, tuple((tag.key, tag.value) for tag in self.tags))


class SentModelInput(Request):
    model_id: Key


class LogInputs(RunId):
    datasets: tuple[SentInput, ...] = ()
    models: tuple[SentModelInput, ...] = ()


class SentModelOutput(SentModelInput):
    step: Long = 0


class LogOutputs(RunId):
    models: tuple[SentModelOutput, ...] = ()


class LogModel(RunId):
    model_json: Json[dict[str, Any]]


class SearchDatasets(Request):
    experiment_ids: tuple[str, ...] = Field(min_length=1)


class SearchRuns(Request):
    experiment_ids: tuple[str, ...] = ()
    filter: str = ""
    run_view_type: View = View.ACTIVE_ONLY
    max_results: int = Field(1000, ge=1, le=MAX_RUNS)
    order_by: tuple[str, ...] = ()
    page_token: str | None = None


class MetricHistoryPage(RunId):
    metric_key: Key
    max_results: int = Field(MAX_HISTORY, ge=1)
    page_token: str | None = None


class MetricHistories(Request):
    """One metric of several runs, with values left out evenly where there are many."""

    run_id: tuple[str, ...] = ()
    run_ids: tuple[str, ...] = ()
    metric_key: Key
    start_step: Long | None = None
    end_step: Long | None = None
    max_results: int = Field(MAX_SAMPLED, ge=1, le=MAX_SAMPLED)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        count = len(self.of)
        if not 1 <= count <= MAX_SAMPLED_RUNS:
            msg = f"run_ids names {count} runs, between 1 and {MAX_SAMPLED_RUNS} are answered"
            raise ValueError(msg)
        if (self.start_step is None) != (self.end_step is None):
            msg = "start_step and end_step come together"
            raise ValueError(msg)
        if self.start_step is not None and self.end_step is not None and self.start_step > self.end_step:
            msg = f"end_step {self.end_step} is before start_step {self.start_step}"
            raise ValueError(msg)
        return self

    @property
    def of(self) -> tuple[str, ...]:
        return self.run_ids or self.run_id

    @property
    def steps(self) -> tuple[int, int] | None:
        return None if self.start_step is None or self.end_step is None else (self.start_step, self.end_step)


class GraphQuery(Request):
    query: str = Field(min_length=1, max_length=_QUERY)
    variables: dict[str, Any] | None = None
    operation_name: str | None = Field(None, alias="operationName")
