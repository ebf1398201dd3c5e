"""What MLflow's clients send. They are of many versions, so fields that are not known here are passed over.

Numbers may come as texts, enumerations by name; a run may be called `run_uuid` (the oldest clients).
"""

from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shelflife.tracking.model import Entries, Metric, RunStatus, View, finite

MAX_BATCH_METRICS = 1000
MAX_BATCH_PARAMS = 100
MAX_BATCH_TAGS = 100
MAX_BATCH_ENTRIES = 1000
MAX_RUNS = 50_000
MAX_HISTORY = 25_000
MAX_EXPERIMENTS = 50_000
_KEY = 250
_PARAM = 6000
_TAG = 8000
_LONG = 2**63

Key = Annotated[str, Field(min_length=1, max_length=_KEY)]
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


class SentExperimentTag(Request):
    key: Key
    value: str = Field("", max_length=20_000)


class SentParam(Request):
    key: Key
    value: ParamValue = ""


class SentMetric(Request):
    key: Key
    value: float
    timestamp: Milliseconds
    step: Long = 0

    def metric(self) -> Metric:
        return Metric(self.key, finite(self.value), self.timestamp, self.step)


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


class SetTag(RunId, SentTag):
    pass


class DeleteTag(RunId):
    key: Key


class LogBatch(RunId):
    metrics: tuple[SentMetric, ...] = Field((), max_length=MAX_BATCH_METRICS)
    params: tuple[SentParam, ...] = Field((), max_length=MAX_BATCH_PARAMS)
    tags: tuple[SentTag, ...] = Field((), max_length=MAX_BATCH_TAGS)

    @model_validator(mode="after")
    def _few(self) -> Self:
        count = len(self.metrics) + len(self.params) + len(self.tags)
        if count > MAX_BATCH_ENTRIES:
            msg = f"a batch may have {MAX_BATCH_ENTRIES} entries together, not {count}"
            raise ValueError(msg)
        return self

    def entries(self) -> Entries:
        return Entries(
            metrics=tuple(sent.metric() for sent in self.metrics),
            params=tuple((sent.key, sent.value) for sent in self.params),
            tags=tuple((sent.key, sent.value) for sent in self.tags),
        )


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


class UploadedFile(Request):
    #: The file's path where the client has it.
    path: str = Field(min_length=1)

    @property
    def file_name(self) -> str:
        return self.path.replace("\\", "/").rpartition("/")[2]


class BeginUpload(UploadedFile):
    num_parts: int = Field(1, ge=0, le=10_000)


class SentPart(Request):
    part_number: int
    etag: str


class EndUpload(UploadedFile):
    upload_id: str = Field(min_length=1)
    parts: tuple[SentPart, ...] = ()

    def etags(self) -> list[str]:
        """The parts' tags in order."""
        return [part.etag for part in sorted(self.parts, key=lambda part: part.part_number)]
