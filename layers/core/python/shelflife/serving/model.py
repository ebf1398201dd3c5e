"""Deployments: a name that answers with versions of a model, in the shares that its traffic rule says."""

import hashlib
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from shelflife.contracts.models import ModelVersionReference
from shelflife.kernel.ids import Moment, Name
from shelflife.kernel.model import Model
from shelflife.serving.traffic import Traffic

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_HASHED_BITS = 64
#: A message of a capture names what is masked in it.
MOST_MASKED = 200
ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class State(StrEnum):
    #: No version has been activated yet.
    WAITING = "waiting"
    READY = "ready"
    #: The alias points to a version that cannot serve, and none served before it.
    FAILED = "failed"


class MaskedTwiceError(ValueError):
    """One column cannot be left out and be hashed."""


class CaptureWish(Model):
    """Which share of the requests is captured, and what of them.

    Values of `hidden` features and outputs are left out, those of `hashed` ones are replaced.
    """

    sampling_rate: float = Field(default=1.0, ge=0, le=1)
    hidden: tuple[ColumnName, ...] = Field(default=(), max_length=MOST_MASKED)
    hashed: tuple[ColumnName, ...] = Field(default=(), max_length=MOST_MASKED)

    @model_validator(mode="after")
    def _is_clear(self) -> Self:
        if twice := sorted(set(self.hidden) & set(self.hashed)):
            raise MaskedTwiceError(f"{twice[0]!r} is both hidden and hashed")
        return self


class CapturePolicy(CaptureWish):
    """A wish with the secret key that values are hashed under."""

    key: str = ""

    @classmethod
    def of(cls, wish: CaptureWish, key: str) -> "CapturePolicy":
        return cls(sampling_rate=wish.sampling_rate, hidden=wish.hidden, hashed=wish.hashed, key=key)

    def takes(self, capture_id: str) -> bool:
        return is_sampled(capture_id, self.sampling_rate)

    def masks(self, name: str) -> bool:
        return name in self.hidden or name in self.hashed


class CachePolicy(Model):
    """For how long a version's answer is given again to who asks the very same."""

    ttl_seconds: int = Field(ge=1, le=7 * 24 * 3600)


class DeployableVersion(Model):
    """A registered version; `unusable` says why it cannot answer, if trying its file has shown that."""

    reference: ModelVersionReference
    unusable: str | None = None


class ActivationFailure(Model):
    """A version that the alias pointed to, and why it does not answer.

    It could not, and is tried again when the move is told again; or a rollout ended without it.
    """

    model_version: int
    reason: str
    failed_at: Moment
    rollout_id: str | None = None


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


class Change(Model):
    """Who changed a deployment's traffic, and why, in words for people."""

    changed_by: str
    reason: str
    rollout_id: str | None = None


class Revision(Model):
    """What a deployment answered with from `activated_at` until the next one. Never changed."""

    deployment: Name
    revision: int
    model_name: Name
    traffic: Traffic
    activated_at: Moment
    change: Change


class Deployment(Model):
    """A deployment as it is now.

    `stable` is the version of the traffic rule's stable variant. `rollout_id` is the rollout that is under
    way, `experiment_id` the experiment: until it is over, nobody else changes the traffic. `followed` is the
    position of the newest alias move that was followed. `change` is that of the record as it was read: a
    store counts it up with every write, so that of two writers who read the same, one wins.
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
    traffic: Traffic | None = None
    stable: ModelVersionReference | None = None
    rollout_id: str | None = None
    experiment_id: str | None = None
    cache: CachePolicy | None = None
    last_failure: ActivationFailure | None = None
    followed: str = ""
    change: int = 0

    def is_stable(self, reference: ModelVersionReference) -> bool:
        """Whether this version is what others are judged by already."""
        return self.stable is not None and self.stable.version == reference.version

    def shifted(self, traffic: Traffic, stable: ModelVersionReference) -> "Deployment":
        """It answers by this rule from now on, as its next revision."""
        return self._changed(
            state=State.READY, reason=None, revision=self.revision + 1, traffic=traffic, stable=stable
        )

    def followed_to(self, move: AliasMove) -> "Deployment":
        """It knows of the move, and no failure of an earlier one counts any more."""
        return self._changed(followed=move.position, last_failure=None)

    def failed(self, failure: ActivationFailure) -> "Deployment":
        """It goes on with what it answered with before, if anything."""
        if self.stable is None:
            return self._changed(last_failure=failure, state=State.FAILED, reason=failure.reason)
        return self._changed(last_failure=failure)

    def rolling_out(self, rollout_id: str | None) -> "Deployment":
        """Its traffic belongs to that rollout, or to nobody in particular."""
        return self._changed(rollout_id=rollout_id)

    def experimenting(self, experiment_id: str | None) -> "Deployment":
        """Its traffic stays as it is for that experiment, or may change."""
        return self._changed(experiment_id=experiment_id)

    def captured_by(self, policy: CapturePolicy) -> "Deployment":
        """Its requests are captured by this policy from now on."""
        return self._changed(capture=policy)

    def caching(self, policy: CachePolicy | None) -> "Deployment":
        """Its answers are kept by that policy, or not at all."""
        return self._changed(cache=policy)

    def _changed(self, **fields: object) -> "Deployment":
        return self.model_copy(update=fields)

    @property
    def written(self) -> "Deployment":
        """What is kept of it: the next state of its record."""
        return self.model_copy(update={"change": self.change + 1})


def is_name(text: str) -> bool:
    """Whether a deployment could have this name; what is in a path may be anything."""
    return _NAME.fullmatch(text) is not None


def is_sampled(capture_id: str, rate: float) -> bool:
    """Whether this share of all ids includes the id; the same id gets the same answer everywhere."""
    if rate in (0, 1):
        return rate == 1
    place = int.from_bytes(hashlib.sha256(capture_id.encode()).digest()[: _HASHED_BITS // 8])
    return place < rate * float(1 << _HASHED_BITS)
