"""Captured requests on their way to S3: what a message says, and how many it takes."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from datetime import UTC, datetime
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from shelflife.kernel.ids import Moment, Name
from shelflife.kernel.model import Model
from shelflife.serving.masking import masked

if TYPE_CHECKING:
    from shelflife.serving.served import Served

#: SQS takes 256 KiB in the smallest of its configurations.
LONGEST_MESSAGE = 256 * 1024
#: Rows differ in length: equal shares of a request are not equal shares of its bytes.
_AIM = 0.8
#: What a shadow answers has to fit into one message with what it was asked: each part gives one capture.
LONGEST_SHADOW_REQUEST = LONGEST_MESSAGE // 2

_encode = json.JSONEncoder(separators=(",", ":")).encode


class CaptureRole(StrEnum):
    LIVE = "live"
    SHADOW = "shadow"


class CaptureKind(StrEnum):
    """What a capture file holds, and the folder that it is below."""

    CAPTURES = "captures"
    SHADOWS = "shadows"
    FAILURES = "failures"


class Masked(NamedTuple):
    """Names of features and outputs whose values were left out, or hashed, before they left `predict`."""

    hidden: frozenset[str] = frozenset()
    hashed: frozenset[str] = frozenset()


NOTHING_MASKED = Masked()


class Answered(NamedTuple):
    """By whom a prediction was answered, and when: what a goal that is told of it is counted for."""

    revision: int
    variant: str
    assigned: bool
    captured_at: datetime


class CaptureBatch(NamedTuple):
    """What a capture file holds: rows of one variant of a revision that were captured in one hour (UTC)."""

    kind: CaptureKind
    deployment: str
    revision: int
    variant: str
    hour: datetime
    masked: Masked = NOTHING_MASKED


class FileState(StrEnum):
    ABSENT = "absent"
    WRITTEN = "written"
    #: An empty file stands where it would be, so that whoever was late cannot write it any more.
    GIVEN_UP = "given_up"


class CapturedRows(Model):
    """Rows of one request with their answers, one list of values per column.

    Inputs are as the caller sent them, null where missing. `first_row` is the place of the first row in
    its request: a large request travels in several messages. `assigned` says that the traffic rule chose the
    variant, and not the request. A request that was not answered has an `error` (a class name) and no rows;
    `refused` if what was asked is to blame. Rows of a shadow carry what the `live_variant` answered. Columns
    that are `hidden` are not there, of those that are `hashed` the values are text.
    """

    capture_id: str
    deployment: Name
    revision: int
    variant: Name
    role: CaptureRole = CaptureRole.LIVE
    assigned: bool = True
    model_version: int
    captured_at: Moment
    latency_ms: float
    error: str | None = None
    refused: bool = False
    hidden: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()
    first_row: int
    inputs: dict[str, list[Any]]
    outputs: dict[str, list[Any]]
    live_variant: Name | None = None
    live: dict[str, list[Any]] = Field(default_factory=dict)

    @property
    def row_count(self) -> int:
        """Rows of the capture file; a request that was not answered is one."""
        if self.error is not None:
            return 1
        return max((len(values) for of in (self.outputs, self.inputs) for values in of.values()), default=0)

    @property
    def kind(self) -> CaptureKind:
        if self.error is not None:
            return CaptureKind.FAILURES
        return CaptureKind.SHADOWS if self.role is CaptureRole.SHADOW else CaptureKind.CAPTURES

    @property
    def batch(self) -> CaptureBatch:
        hour = self.captured_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        masked = Masked(frozenset(self.hidden), frozenset(self.hashed))
        return CaptureBatch(self.kind, self.deployment, self.revision, self.variant, hour, masked)

    @property
    def answered(self) -> Answered | None:
        """None for a shadow and a failure: nobody got that answer, no goal can follow from it."""
        if self.kind is not CaptureKind.CAPTURES:
            return None
        return Answered(self.revision, self.variant, self.assigned, self.captured_at)

    @property
    def claim_key(self) -> str:
        """What is stored once: this part of this capture; ids may have any characters.

        Every shadow has its own. A caller may send a request that failed again under its id: each try is a
        failure of its own, and none of them is the capture.
        """
        key = claim_key_of(self.deployment, self.capture_id, self.first_row)
        if self.role is CaptureRole.SHADOW:
            key += f"#SHADOW#{self.variant}"
        if self.error is not None:
            key += f"#FAILURE#{self.captured_at.astimezone(UTC).isoformat(timespec='microseconds')}"
        return key


def claim_key_of(deployment: str, capture_id: str, first_row: int = 0) -> str:
    """The key of a live answer's rows; `capture_id` is the id of the prediction."""
    return f"{deployment}#{digest_of(capture_id)}#{first_row}"


def digest_of(capture_id: str) -> str:
    return hashlib.sha256(capture_id.encode()).hexdigest()


class ShadowRequest(CapturedRows):
    """Rows of one request that was answered, for the shadow variants whose names are in `shadows`."""

    shadows: tuple[Name, ...]


#: Values by column, one per row; made only when they are needed, after the answer went out.
Values = Mapping[str, list[Any]]
Read = Callable[[], Values]


class Capture:
    """A request that is captured; not a pydantic model, for it is made once per prediction.

    While the caller waits it only takes what it is given: what a message says of it is made with the message.
    """

    __slots__ = (
        "_captured_at",
        "_inputs",
        "_latency_ms",
        "_outcome",
        "_outputs",
        "_policy",
        "_served",
        "_shadows",
        "capture_id",
        "row_count",
    )

    def __init__(  # noqa: PLR0913 - keyword-only, all needed
        self,
        *,
        served: "Served",
        capture_id: str,
        captured_at: datetime,
        latency_ms: float,
        inputs: Values | Read | None = None,
        outputs: Values | Read | None = None,
        row_count: int = 0,
        error: str | None = None,
        refused: bool = False,
    ) -> None:
        self._served = served
        self._policy = served.capture
        self._captured_at = captured_at
        self._latency_ms = latency_ms
        self._outcome = error, refused
        self._shadows: Sequence[str] | None = None
        self._inputs: Values | Read = inputs or {}
        self._outputs: Values | Read = outputs or {}
        self.capture_id = capture_id
        self.row_count = row_count

    def for_shadows(self, names: Sequence[str]) -> "Capture":
        """The same rows as a `ShadowRequest`; a shadow hides what otherwise would be hashed."""
        made = copy(self)
        policy = self._policy
        hidden = (*policy.hidden, *policy.hashed)
        made._policy = policy.model_copy(update={"hidden": hidden, "hashed": ()})  # noqa: SLF001 - its own
        made._shadows = names  # noqa: SLF001 - as above
        return made

    def messages(self, longest: int = LONGEST_MESSAGE) -> Iterator[str | None]:
        """JSON of `CapturedRows`, each at most `longest` bytes; None for a row that is longer alone."""
        values = (masked(_made(self._inputs), self._policy), masked(_made(self._outputs), self._policy))
        fixed = self._fixed()
        whole = _text(fixed, values, 0, self.row_count)
        if len(whole) <= longest:
            yield whole
            return
        size = max(1, int(self.row_count / ceil(len(whole) / (longest * _AIM))))
        for first in range(0, self.row_count, size):
            yield from _parts(fixed, values, (first, min(first + size, self.row_count)), longest)

    def _fixed(self) -> dict[str, Any]:
        """What is the same in all messages of it."""
        served = self._served
        error, refused = self._outcome
        return {
            "capture_id": self.capture_id,
            "deployment": served.deployment,
            "revision": served.revision,
            "variant": served.variant,
            "assigned": served.assigned,
            "model_version": served.reference.version,
            "captured_at": self._captured_at.isoformat(),
            "latency_ms": self._latency_ms,
            "error": error,
            "refused": refused,
            "hidden": self._policy.hidden,
            "hashed": self._policy.hashed,
            **({} if self._shadows is None else {"shadows": self._shadows}),
        }


def _parts(
    fixed: dict[str, Any], values: tuple[Values, Values], rows: tuple[int, int], longest: int
) -> Iterator[str | None]:
    first, end = rows
    text = _text(fixed, values, first, end)
    if len(text) <= longest:
        yield text
    elif end - first == 1:
        yield None
    else:
        middle = (first + end) // 2
        yield from _parts(fixed, values, (first, middle), longest)
        yield from _parts(fixed, values, (middle, end), longest)


def _text(fixed: dict[str, Any], values: tuple[Values, Values], first: int, end: int) -> str:
    inputs, outputs = values
    # Only ASCII comes out, so that characters are bytes; NaN is written as such and read again as NaN.
    return _encode(
        {
            **fixed,
            "first_row": first,
            "inputs": {name: of[first:end] for name, of in inputs.items()},
            "outputs": {name: of[first:end] for name, of in outputs.items()},
        }
    )


def _made(values: Values | Read) -> Values:
    return values() if callable(values) else values
