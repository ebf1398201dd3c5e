"""What a scan reads: merged profiles of captures, and how captured answers compare with the truth."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shelflife.contracts.data import StoredObject
from shelflife.kernel.profiles import Profile
from shelflife.monitoring.model import Watched
from shelflife.monitoring.report import ErrorPoint


@dataclass(frozen=True, slots=True)
class CapturedWindow:
    """All captures of one revision since a moment, rounded down to its hour, merged.

    `fingerprint` stands for the profiles that were merged; `profile` is nothing if there were none.
    """

    profile: Profile | None
    first_at: datetime | None
    last_at: datetime | None
    profile_count: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class JoinedLabels:
    """Labels met by captured rows: the mean loss of the rows, and of stretches of time."""

    rows: int
    mean_loss: float | None
    standard_error: float | None
    unmatched: int
    mismatched: int
    points: tuple[ErrorPoint, ...]


class Baselines(Protocol):
    def read(self, baseline: StoredObject) -> Profile:
        """The profile of the rows that a model was trained on."""


class Windows(Protocol):
    def merged(self, watched: Watched, since: datetime, until: datetime) -> CapturedWindow:
        """What the revision captured since then.

        Raises:
            ProfileMismatchError: the profiles were not all counted over the same bins.
        """


class Outcomes(Protocol):
    def fingerprint(self, watched: Watched, since: datetime) -> str:
        """Stands for the labels that `joined` would read; empty if there are none."""

    def joined(self, watched: Watched, since: datetime) -> JoinedLabels:
        """Compare the revision's captured answers since then with their labels.

        The loss of a regression's row is its absolute error, of a classification's 0 or 1. Of a capture
        that was labelled more than once, the last label counts.
        """
