"""A watched deployment, `bikes`, and what it captures."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from shelflife.contracts.data import StoredObject
from shelflife.contracts.models import (
    Candidate,
    DatasetReference,
    Datatype,
    ModelVersionReference,
    Signature,
    Task,
    Tensor,
)
from shelflife.contracts.monitoring import Label, LabelBatch, LabelValue
from shelflife.contracts.serving import CapturedProfile
from shelflife.kernel.profiles import Profile, profile_over, reference_profile, to_json
from shelflife.monitoring.model import Watched

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BASELINE_URI = "s3://artifacts/training/job-1/baseline.json"


def rows(size: int, *, warmer: float = 0.0, seed: int = 0) -> dict[str, Any]:
    """Hours in complete cycles, a temperature, weather, and the answers of a model."""
    random = np.random.default_rng(seed)
    temp = random.normal(10 + warmer, 4, size)
    hour = np.arange(size) % 24
    return {
        "hr": hour.astype(np.float64),
        "temp": temp,
        "weather": np.asarray(random.choice(["clear", "rain"], size, p=[0.7, 0.3]), dtype=object),
        "prediction": 5 * temp + hour + random.normal(0, 1, size),
    }


BASELINE = reference_profile(rows(4_800))
BASELINE_BODY = to_json(BASELINE).encode()


def candidate(task: Task = Task.REGRESSION, **changed: Any) -> Candidate:
    stored = StoredObject(uri="s3://artifacts/model.onnx", sha256="0" * 64, size_bytes=1)
    kinds = {"hr": Datatype.FP32, "temp": Datatype.FP32, "weather": Datatype.BYTES}
    inputs = tuple(Tensor(name=name, datatype=kind, shape=(-1, 1)) for name, kind in kinds.items())
    regression = task is Task.REGRESSION
    answer = Tensor(name="prediction" if regression else "label", datatype=Datatype.FP32, shape=(-1, 1))
    fields: dict[str, Any] = {
        "model_name": "bike-demand",
        "task": task,
        "target": "bikers",
        "signature": Signature(inputs=inputs, outputs=(answer,), classes=() if regression else ("0", "1")),
        "model": stored,
        "baseline": StoredObject(
            uri=BASELINE_URI,
            sha256=hashlib.sha256(BASELINE_BODY).hexdigest(),
            size_bytes=len(BASELINE_BODY),
        ),
        "holdout": stored,
        "metrics": {"mae": 10.0} if regression else {"accuracy": 0.9},
        "run_id": "run-1",
        "job_id": "job-1",
        "dataset": DatasetReference(name="bikeshare", version=1),
    }
    return Candidate(**(fields | changed))


def watched(revision: int = 1, activated_at: datetime = NOON, **changed: Any) -> Watched:
    made = candidate(changed.pop("task", Task.REGRESSION), **changed)
    return Watched(
        deployment="bikes",
        revision=revision,
        serving=ModelVersionReference(model_name="bike-demand", version=revision, candidate=made),
        activated_at=activated_at,
    )


def captured(
    columns: Mapping[str, Any],
    at: datetime = NOON + HOUR,
    *,
    revision: int = 1,
    deployment: str = "bikes",
    baseline: Profile = BASELINE,
) -> CapturedProfile:
    """The profile of a batch that was captured within a minute."""
    profile = profile_over(baseline, columns)
    return CapturedProfile(
        deployment=deployment,
        model_version=revision,
        revision=revision,
        first_at=at,
        last_at=at + timedelta(minutes=1),
        row_count=profile.row_count,
        profile_json=to_json(profile),
    )


def told(batch_id: str, received_at: datetime | None = None, **labels: tuple[LabelValue, ...]) -> LabelBatch:
    """Labels by capture id."""
    return LabelBatch(
        batch_id=batch_id,
        deployment="bikes",
        received_at=received_at or NOON + HOUR,
        labels=tuple(Label(capture_id=name, values=values) for name, values in labels.items()),
    )
