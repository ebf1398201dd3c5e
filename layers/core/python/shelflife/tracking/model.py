"""Experiments, runs and their metrics, with the names and units of MLflow's protocol.

Times are milliseconds since 1970, as clients send them: a run may be logged long after it happened.
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from shelflife.kernel.model import Model

#: The experiment of runs that name none; it is there from the beginning.
DEFAULT_EXPERIMENT_ID = "0"
DEFAULT_EXPERIMENT_NAME = "Default"
#: Relative to the tracking server, so that runs stay readable when its address changes.
ARTIFACT_ROOT = "mlflow-artifacts:/"
#: The tag that holds a run's name a second time; clients read either.
RUN_NAME_TAG = "mlflow.runName"
#: The tag of a run's input that says what it was read for.
DATASET_CONTEXT_TAG = "mlflow.data.context"
#: The tag that clients before logged models read a run's models from.
MODEL_HISTORY_TAG = "mlflow.log-model.history"


class Lifecycle(StrEnum):
    ACTIVE = "active"
    DELETED = "deleted"


class View(StrEnum):
    """Which lifecycles a search looks at."""

    ACTIVE_ONLY = "ACTIVE_ONLY"
    DELETED_ONLY = "DELETED_ONLY"
    ALL = "ALL"

    def shows(self, lifecycle: Lifecycle) -> bool:
        return self is View.ALL or (self is View.ACTIVE_ONLY) == (lifecycle is Lifecycle.ACTIVE)


class RunStatus(StrEnum):
    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class Experiment(Model):
    experiment_id: str
    name: str
    artifact_location: str
    lifecycle: Lifecycle
    creation_time: int
    last_update_time: int
    tags: dict[str, str]
    #: Counts the changes, so that a change which did not see the one before is noticed.
    revision: int = 0
    #: It is deleted, and on its way to be gone for good: nobody can restore it.
    removing: bool = False


class Metric(NamedTuple):
    key: str
    value: float
    timestamp: int
    step: int
    #: The logged model that it is of, and what it was measured on; kept with the model.
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None

    @property
    def rank(self) -> tuple[int, int, float]:
        """What makes one value of a metric the latest: step before time before value; NaN counts as 0."""
        return self.step, self.timestamp, 0.0 if math.isnan(self.value) else self.value


def finite(value: float) -> float:
    """The value as MLflow keeps it: infinities become the largest float, NaN stays."""
    return math.copysign(sys.float_info.max, value) if math.isinf(value) else value


class Entries(NamedTuple):
    """What one call logs to a run."""

    metrics: tuple[Metric, ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


class Dataset(NamedTuple):
    """What a run read; name and digest tell it from others of its experiment."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


class DatasetInput(NamedTuple):
    dataset: Dataset
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def context(self) -> str | None:
        """What the run read it for, such as training."""
        return dict(self.tags).get(DATASET_CONTEXT_TAG)


class ModelOutput(NamedTuple):
    """A logged model that the run made at a step."""

    model_id: str
    step: int = 0


class DatasetSummary(NamedTuple):
    experiment_id: str
    name: str
    digest: str
    context: str | None


class Segment(NamedTuple):
    """A part of an experiment's runs, large enough to search and small enough to keep together."""

    experiment_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run with its params, its tags and the latest value of each of its metrics."""

    run_id: str
    experiment_id: str
    run_name: str
    user_id: str
    status: RunStatus
    start_time: int
    artifact_uri: str
    lifecycle: Lifecycle = Lifecycle.ACTIVE
    end_time: int | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    inputs: tuple[DatasetInput, ...] = ()
    model_inputs: tuple[str, ...] = ()
    model_outputs: tuple[ModelOutput, ...] = ()
    #: When it was deleted, of a deleted one.
    deleted_at: int | None = None
    revision: int = 0
    #: The number of its segment, which it keeps.
    part: int = 0
    #: Values logged so far, about: those that come late or twice need not count.
    points: int = 0
    #: Whether the index tells what is true of it.
    settled: bool = False

    @property
    def segment(self) -> Segment:
        return Segment(self.experiment_id, self.part)
