"""A training plan says what to train, from what and how; a training job is what became of it."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator

from shelflife.contracts.data import DatasetManifest
from shelflife.contracts.models import Task
from shelflife.contracts.training import StartTraining
from shelflife.contracts.validation import Verdict
from shelflife.kernel.ids import Moment, Name
from shelflife.kernel.model import Model

Trigger = Literal["request", "drift"]
ColumnName = Annotated[str, Field(min_length=1, max_length=200)]
HyperparameterValue = bool | int | float | str | None


class Algorithm(StrEnum):
    HIST_GRADIENT_BOOSTING = "hist_gradient_boosting"
    GRADIENT_BOOSTING = "gradient_boosting"
    RANDOM_FOREST = "random_forest"
    LINEAR = "linear"


class Backend(StrEnum):
    """Where the job runs: the same image under the same contract either way."""

    SAGEMAKER = "sagemaker"
    BATCH = "batch"


class JobState(StrEnum):
    """A refused job trained a model that did not pass its gates."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        return self not in (JobState.QUEUED, JobState.RUNNING)


#: An execution of the workflow ends after two days, whatever happens.
LONGEST_SECONDS = 172_800


class DatasetChoice(Model):
    name: Name
    version: Annotated[int, Field(ge=1)] | Literal["latest"] = "latest"


class FeatureKinds(Model):
    """Features whose kind is not left to their column's."""

    numeric: tuple[ColumnName, ...] = ()
    categorical: tuple[ColumnName, ...] = ()


def _form_of_features(value: Any) -> str:
    return "kinds" if isinstance(value, dict | FeatureKinds) else "names"


Features = Annotated[
    Annotated[tuple[ColumnName, ...], Tag("names")] | Annotated[FeatureKinds, Tag("kinds")],
    Discriminator(_form_of_features),
]


class Split(Model):
    """Which rows are held out: some of each class at random, or the last ones in the order of `by`.

    An ordered split without `by` takes the rows in the order of the dataset.
    """

    kind: Literal["random", "ordered"] = "random"
    by: ColumnName | None = None
    holdout_fraction: float = Field(default=0.2, gt=0, lt=1)


#: By vCPUs: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html.
_FARGATE_MEMORY_MB = {
    1: range(2048, 8192 + 1, 1024),
    2: range(4096, 16_384 + 1, 1024),
    4: range(8192, 30_720 + 1, 1024),
    8: range(16_384, 61_440 + 1, 4096),
    16: range(32_768, 122_880 + 1, 8192),
}


class Resources(Model):
    """`instance_type` is SageMaker's; `vcpus` and `memory_mb` are Batch's, in the sizes that Fargate has."""

    instance_type: str | None = Field(default=None, pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")
    vcpus: Literal[1, 2, 4, 8, 16] = 1
    memory_mb: int = Field(default=2048, validate_default=True)

    @field_validator("memory_mb")
    @classmethod
    def _is_offered(cls, memory_mb: int, info: ValidationInfo) -> int:
        vcpus = info.data.get("vcpus")
        offered = _FARGATE_MEMORY_MB.get(vcpus or 0)
        if offered and memory_mb not in offered:
            raise ValueError(
                f"{vcpus} vCPUs come with {offered[0]} to {offered[-1]} MB in steps of {offered.step}"
            )
        return memory_mb


class Limits(Model):
    # Batch accepts no less than a minute; a workflow ends after two days.
    max_seconds: int = Field(default=3600, ge=60, le=86_400)


class TrainingPlan(Model):
    """`features` are names, whose kinds follow from their columns, or names by kind."""

    model_name: Name
    dataset: DatasetChoice
    target: ColumnName
    features: Features
    task: Task
    algorithm: Algorithm = Algorithm.HIST_GRADIENT_BOOSTING
    hyperparameters: dict[str, HyperparameterValue] = Field(default_factory=dict)
    split: Split = Split()
    seed: int = Field(default=0, ge=0, lt=2**31)
    backend: Backend = Backend.SAGEMAKER
    resources: Resources = Resources()
    limits: Limits = Limits()
    tags: dict[str, str] = Field(default_factory=dict, max_length=20)


class CheckedPlan(Model):
    """A plan that a dataset version can be trained by: kinds, version and hyperparameters are settled."""

    plan: TrainingPlan
    manifest: DatasetManifest
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    hyperparameters: dict[str, HyperparameterValue]


class JobOrder(Model):
    """`plan.json`: all that a job is told, except where its API and its token are."""

    job_id: str
    checked: CheckedPlan
    output_uri: str


class JobFailure(Model):
    """`state` is the state of the workflow that failed; `reason` is for people."""

    state: str
    reason: str


class Refusal(Model):
    """Why a candidate was not registered."""

    evaluation_id: str
    reasons: tuple[str, ...]


class TrainingJob(Model):
    """`revision` counts the changes, so that none is written over another.

    `backend_job` is the job's name at its back end, `dataset_version` what the plan's `latest` was.
    """

    job_id: str
    revision: int = 0
    state: JobState
    plan: TrainingPlan
    trigger: Trigger
    reason: str | None = None
    requested_by: str
    requested_at: Moment
    ended_at: Moment | None = None
    execution_arn: str | None = None
    dataset_version: int | None = None
    backend_job: str | None = None
    run_id: str | None = None
    metrics: dict[str, float] | None = None
    model_version: int | None = None
    evaluation_id: str | None = None
    refusal: Refusal | None = None
    failure: JobFailure | None = None


class PlanTraining(Model):
    """The input of the workflow, and which execution of it asks."""

    start: StartTraining
    execution_arn: str


class PlannedJob(Model):
    """Everything that the workflow needs to start a job; one of `sagemaker` and `batch` is there.

    Both hold parameters under the names that the services know them by.
    """

    job_id: str
    model_name: Name
    backend: Backend
    plan_uri: str
    api_url_parameter: str
    token_lifetime_seconds: int
    sagemaker: dict[str, Any] | None = None
    batch: dict[str, Any] | None = None


class RecordResult(Model):
    job_id: str


class RecordOutcome(Model):
    """`model_version` is nothing if the candidate was refused."""

    job_id: str
    verdict: Verdict
    model_version: int | None = None


class RecordFailure(Model):
    """`progress` is the state of the execution when it failed; how far it came is read from its keys."""

    execution_arn: str
    progress: dict[str, Any]


class OutcomeRecorded(Model):
    job_id: str | None
    state: JobState | None
    failure: JobFailure | None = None
