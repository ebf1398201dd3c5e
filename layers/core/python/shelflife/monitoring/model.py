"""Who is watched, and what the last scans found; no rows, no arrays."""

import hashlib
import math
from datetime import datetime, timedelta
from enum import StrEnum

from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.monitoring import LabelValue
from shelflife.kernel.ids import Moment, Name
from shelflife.kernel.model import Model
from shelflife.monitoring.policy import Policy

#: The column of every baseline and captured profile that holds what the model answered.
PREDICTION = "prediction"


class Outcome(StrEnum):
    DRIFT = "drift"
    STEADY = "steady"
    INSUFFICIENT_DATA = "insufficient_data"
    NO_BASELINE = "no_baseline"


class Watched(Model):
    """What a deployment serves since an activation; the newest activation is the one that counts.

    Revisions order activations of one deployment, but a deployment that was deleted and made again begins
    anew, so time orders them here.
    """

    deployment: Name
    revision: int
    serving: ModelVersionReference
    activated_at: Moment

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(tensor.name for tensor in self.serving.candidate.signature.inputs)


class Scan(Model):
    """How a scan ended. `fingerprint` stands for all that it looked at: if it is the same, nothing is new."""

    scan_id: str
    scanned_at: Moment
    outcome: Outcome
    reason: str
    row_count: int
    fingerprint: str
    report_id: str | None = None


class Announcement(Model):
    """Drift that was told on the bus."""

    report_id: str
    announced_at: Moment


class Monitor(Model):
    """A watched deployment. Its policy is the default one until somebody sets another."""

    watched: Watched
    policy: Policy = Policy()
    last_scan: Scan | None = None
    announced: Announcement | None = None

    @property
    def deployment(self) -> str:
        return self.watched.deployment

    def window_since(self, at: datetime) -> datetime:
        return max(self.watched.activated_at, at - timedelta(hours=self.policy.window_hours))

    def may_announce(self, at: datetime) -> bool:
        """Whether drift found now is news: an activation forgets what was told before it."""
        cooldown = timedelta(hours=self.policy.cooldown_hours)
        return self.announced is None or at - self.announced.announced_at >= cooldown


class ReportRecord(Model):
    """A report as lists show it; the report itself is an object."""

    report_id: str
    deployment: Name
    revision: int
    model_name: Name
    model_version: int
    outcome: Outcome
    reason: str
    drifted: tuple[str, ...]
    row_count: int
    created_at: Moment
    uri: str
    html_uri: str
    announced: bool


def report_id_of(scan_id: str, deployment: str, started_at: datetime) -> str:
    """The same scan of the same deployment gets the same id again; ids sort by the scans' start."""
    digest = hashlib.sha256(f"{scan_id}/{deployment}".encode()).hexdigest()[:12]
    return f"{started_at:%Y%m%dt%H%M%S}-{digest}"


def label_text(value: LabelValue, classes: tuple[str, ...]) -> str:
    """A label as the model's classes spell it, so that 1, 1.0 and "1" are one class, and True is "true".

    A label that is no known class stays as it is: it counts as an error of the model.
    """
    spellings: tuple[str, ...]
    if isinstance(value, bool):
        spellings = (str(value), str(value).lower(), str(int(value)))
    elif isinstance(value, float) and value.is_integer():
        spellings = (str(int(value)), str(value))
    else:
        spellings = (str(value),)
    return next((text for text in spellings if text in classes), spellings[0])


def is_number(value: LabelValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
