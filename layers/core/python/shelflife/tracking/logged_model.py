"""What a run made to be loaded, with the names and units of MLflow's protocol."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from shelflife.tracking.model import Metric

#: MLflow's pages read there which versions a model became.
VERSIONS_TAG = "mlflow.modelVersions"


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

    @property
    def registered(self) -> tuple[tuple[str, int], ...]:
        """The versions that it became, by name and number."""
        known = registered_in(self.tags.get(VERSIONS_TAG, ""))
        named = [one for one in known if isinstance(one, dict) and {"name", "version"} <= one.keys()]
        return tuple((one["name"], one["version"]) for one in named)


def registered_in(tag: str) -> list[Any]:
    """What a tag lists; one that somebody else wrote is begun anew."""
    try:
        known = json.loads(tag or "[]")
    except ValueError:
        return []
    return known if isinstance(known, list) else []
