"""What serving tells, and how captures are laid out.

Keys in the capture bucket, below the deployment's name and the hour of arrival (UTC):
``captures/<deployment>/<yyyy>/<mm>/<dd>/<hh>/<batch id>.parquet`` (what live variants answered) and, beside
each, ``profiles/<deployment>/<yyyy>/<mm>/<dd>/<hh>/<batch id>.json`` (a `CapturedProfile`). Below
``shadows/`` and ``failures/``, in the same folders, are what shadow variants answered, and the requests that
any variant could not answer; neither has profiles.
"""

from typing import ClassVar

from shelflife.contracts.models import ModelVersionReference
from shelflife.kernel.ids import Moment, Name
from shelflife.kernel.model import Model
from shelflife.kernel.news import News

CAPTURES_PREFIX = "captures/{deployment}/"
PROFILES_PREFIX = "profiles/{deployment}/"
SHADOWS_PREFIX = "shadows/{deployment}/"
FAILURES_PREFIX = "failures/{deployment}/"
#: Hour folders below either prefix.
HOUR_FOLDER = "%Y/%m/%d/%H/"

#: Columns of a capture file that are not features or outputs.
CAPTURE_ID = "capture_id"
CAPTURE_ROW = "capture_row"
CAPTURED_AT = "captured_at"
CAPTURE_VERSION = "model_version"
CAPTURE_REVISION = "revision"
CAPTURE_VARIANT = "variant"
#: "live" or "shadow".
CAPTURE_ROLE = "role"
#: Of the request: the same in all of its rows.
CAPTURE_LATENCY = "latency_ms"
#: Whether the traffic rule chose the variant; false if the request did.
CAPTURE_ASSIGNED = "assigned"
#: Feature and output columns carry a prefix, so that a feature may have any name.
INPUT_COLUMN = "input.{name}"
OUTPUT_COLUMN = "output.{name}"
#: Only in files of shadows: who answered the caller, and what, of the output that holds the answer.
CAPTURE_LIVE_VARIANT = "live_variant"
LIVE_COLUMN = "live.{name}"
#: Only in files of failures: the class name of the error, and whether what was asked is to blame (4xx).
CAPTURE_ERROR = "error"
CAPTURE_REFUSED = "refused"


class CapturedProfile(Model):
    """The profile of one capture batch of one model version, over the bins of its baseline."""

    deployment: Name
    model_version: int
    revision: int
    first_at: Moment
    last_at: Moment
    row_count: int
    profile_json: str


class DeploymentCreated(News):
    """A deployment follows an alias from now on; it serves once it has caught up with it."""

    detail_type: ClassVar[str] = "deployment.created"

    deployment: Name
    model_name: Name
    alias: Name


class DeploymentActivated(News):
    """A deployment has another stable version now: the one that answers, or that others are judged by."""

    detail_type: ClassVar[str] = "deployment.activated"

    deployment: Name
    revision: int
    serving: ModelVersionReference


class DeploymentShifted(News):
    """A deployment's traffic has other versions in it now, as live variants or as shadows."""

    detail_type: ClassVar[str] = "deployment.shifted"

    deployment: Name
    revision: int
    model_name: Name
    versions: tuple[int, ...]


class DeploymentRemoved(News):
    """The deployment is no more; nothing is served by it or followed for it."""

    detail_type: ClassVar[str] = "deployment.removed"

    deployment: Name
    model_name: Name


class RolloutStarted(News):
    """A version is to take over a deployment's traffic step by step: starts the workflow `deploy_model`."""

    detail_type: ClassVar[str] = "rollout.started"

    deployment: Name
    rollout_id: str
    model_name: Name
    from_version: int
    to_version: int


class ExperimentEnded(News):
    """The deployment's traffic may change again; a `winner` is the variant that answers everything now."""

    detail_type: ClassVar[str] = "experiment.ended"

    deployment: Name
    experiment_id: str
    model_name: Name
    alias: Name
    revision: int
    winner: Name | None
    reason: str


class RolloutEnded(News):
    """`outcome` is succeeded, rolled_back, aborted or failed; `reason` is for people."""

    detail_type: ClassVar[str] = "rollout.ended"

    deployment: Name
    rollout_id: str
    model_name: Name
    alias: Name
    from_version: int
    to_version: int
    outcome: str
    reason: str
