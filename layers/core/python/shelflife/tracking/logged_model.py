"""What a run made to be loaded, with the names and units of MLflow's protocol."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from shelflife.tracking.model import Metric


class LoggedModelStatus(StrEnum):
    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"


class Measured(NamedTuple):
    """A metric of a model, and what it was measured on."""

    run_id: str
    metric: Metric
    dataset_name: str | None = None
    dataset_digest: str | None = None

    @property
    def name(self) -> tuple[str, str, str | None, str | None]:
        """What it replaces an older value of."""
        return self.run_id, self.metric.key, self.dataset_name, self.dataset_digest


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model with its params, tags and the latest value of each of its metrics; times are milliseconds."""

    model_id: str
    experiment_id: str
    name: str
    artifact_uri: str
    creation_time: int
    last_update_time: int
    model_type: str = ""
    source_run_id: str = ""
    status: LoggedModelStatus = LoggedModelStatus.PENDING
    status_message: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    measured: tuple[Measured, ...] = ()
    #: When it was deleted, of a deleted one.
    deleted_at: int | None = None
    part: int = 0
    revision: int = 0
