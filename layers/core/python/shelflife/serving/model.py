"""Deployments: a name that serves whatever version a model's alias points to."""

import hashlib
import re
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import Field

from shelflife.contracts.models import ModelVersionReference
from shelflife.kernel.ids import Moment, Name
from shelflife.kernel.model import Model

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_HASHED_BITS = 64


class State(StrEnum):
    #: No version has been activated yet.
    WAITING = "waiting"
    READY = "ready"
    #: The alias points to a version that cannot serve, and none served before it.
    FAILED = "failed"


class CapturePolicy(Model):
    """Which share of the requests is captured for monitoring."""

    sampling_rate: float = Field(default=1.0, ge=0, le=1)

    def takes(self, capture_id: str) -> bool:
        return is_sampled(capture_id, self.sampling_rate)


class Variant(Model):
    """What answers a deployment's requests."""

    model_version: int


class ActivationFailure(Model):
    """A version that the alias pointed to, and why it could not serve."""

    model_version: int
    reason: str
    failed_at: Moment


class AliasMove(Model):
    """Where a model's alias points to, as the registry told it last.

    `position` orders moves: the bus may deliver them in any order, and an older one must not win.
    """

    alias: Name
    serving: ModelVersionReference
    position: str

    @staticmethod
    def position_of(happened_at: datetime, event_id: str) -> str:
        """Text that sorts by time; always with microseconds, which `isoformat` leaves out when zero."""
        return f"{happened_at.astimezone(UTC).isoformat(timespec='microseconds')}#{event_id}"


class Deployment(Model):
    """A deployment as it is now.

    `followed` is the position of the newest alias move that was followed, `change` counts the writes of
    this record, so that two writers cannot both win.
    """

    name: Name
    model_name: Name
    alias: Name
    capture: CapturePolicy
    created_at: Moment
    created_by: str
    state: State = State.WAITING
    reason: str | None = None
    revision: int = 0
    serving: ModelVersionReference | None = None
    last_failure: ActivationFailure | None = None
    followed: str = ""
    change: int = 0

    @property
    def variant(self) -> Variant | None:
        return Variant(model_version=self.serving.version) if self.serving else None

    def serves(self, reference: ModelVersionReference) -> bool:
        """Whether it answers with this version already."""
        return self.serving is not None and self.serving.version == reference.version

    def activated(self, move: AliasMove, revision: int) -> "Deployment":
        changed: dict[str, object] = {
            "state": State.READY,
            "reason": None,
            "revision": revision,
            "serving": move.serving,
            "last_failure": None,
        }
        return self._following(move, changed)

    def kept(self, move: AliasMove) -> "Deployment":
        """It serves what the alias points to already: an older failure is over."""
        return self._following(move, {"last_failure": None})

    def failed(self, move: AliasMove, failure: ActivationFailure) -> "Deployment":
        """It goes on with what it served before, if anything."""
        changed: dict[str, object] = {"last_failure": failure}
        if self.serving is None:
            changed |= {"state": State.FAILED, "reason": failure.reason}
        return self._following(move, changed)

    def _following(self, move: AliasMove, changed: dict[str, object]) -> "Deployment":
        return self.model_copy(update={"followed": move.position, "change": self.change + 1, **changed})


class Revision(Model):
    """One activation: what a deployment served from `activated_at` until the next one. Never changed."""

    deployment: Name
    revision: int
    serving: ModelVersionReference
    activated_at: Moment


def is_name(text: str) -> bool:
    """Whether a deployment could have this name; what is in a path may be anything."""
    return _NAME.fullmatch(text) is not None


def is_sampled(capture_id: str, rate: float) -> bool:
    """Whether this share of all ids includes the id; the same id gets the same answer everywhere."""
    if rate in (0, 1):
        return rate == 1
    place = int.from_bytes(hashlib.sha256(capture_id.encode()).digest()[: _HASHED_BITS // 8])
    return place < rate * float(1 << _HASHED_BITS)
