"""What captures need: ways to hand them over, claims, files and the figures made of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from shelflife.contracts.data import StoredObject
from shelflife.contracts.serving import CapturedProfile
from shelflife.serving.captures import Answered, Capture, CaptureBatch, FileState

if TYPE_CHECKING:
    from shelflife.contracts.monitoring import LabelBatch
    from shelflife.kernel.profiles import Profile
    from shelflife.serving.columns import Columns, ColumnTypes
    from shelflife.serving.figures import Figures


class WatchedVariant(NamedTuple):
    """Whose figures they are: a variant's, as long as one revision lasts."""

    deployment: str
    revision: int
    variant: str


class Filed(NamedTuple):
    """A live answer that is stored: the file that its first rows are in, and who gave it."""

    uri: str
    answered: Answered


class Loss(NamedTuple):
    """What the truth of an answer's rows adds to a minute of the variant that gave it."""

    claim_key: str
    watched: WatchedVariant
    minute: datetime
    figures: "Figures"


class Captures(Protocol):
    """Both take what they are given, wait for nothing, and fail nothing."""

    def send(self, capture: Capture) -> None:
        """Hand the rows over to be stored."""

    def send_to_shadows(self, capture: Capture, names: Sequence[str]) -> None:
        """Hand the rows over to be answered by shadow variants, too."""


class Claims(Protocol):
    """Which file a capture is, or will be, stored in, and who answered it."""

    def claim(self, claim_key: str, uri: str, at: datetime, answered: Answered | None = None) -> str:
        """Claim a capture for a file; the file that it is claimed for now: this one, or an earlier one.

        `answered` is remembered with the claim, for goals that are told later.

        Raises:
            CaptureClaimedError: its claim is changing at this moment.
        """

    def reclaim(
        self, claim_key: str, before: str, uri: str, at: datetime, answered: Answered | None = None
    ) -> None:
        """Move a claim from a file that was given up to another.

        Raises:
            CaptureClaimedError: somebody else moved it first.
        """

    def filed(self, claim_keys: Sequence[str]) -> "Mapping[str, Filed]":
        """Where these live answers are stored, by claim key; without those that were never claimed."""

    def answered(self, claim_keys: Sequence[str]) -> Mapping[str, Answered]:
        """By whom these were answered, by claim key; without those that were never claimed, or by nobody."""


class CaptureFiles(Protocol):
    """Capture files: each is written once, whole, or given up for ever."""

    def uri(self, batch: CaptureBatch, batch_id: str) -> str: ...

    def state(self, uri: str) -> FileState: ...

    def write(self, uri: str, columns: "Columns", types: "ColumnTypes") -> None:
        """Write a file of rows.

        Raises:
            CaptureFileLostError: somebody gave the file up.
        """

    def give_up(self, uri: str, types: "ColumnTypes") -> FileState:
        """Make sure that the file is never written, unless it was already: what it is now."""

    def read(self, uri: str) -> "Columns":
        """The columns of a written file."""

    def has_profile(self, uri: str) -> bool:
        """Whether the file's profile was written."""

    def write_profile(self, uri: str, profile: CapturedProfile) -> None: ...


class Windows(Protocol):
    """Figures of variants, minute by minute (UTC), added up from capture files: each file once."""

    def is_added(self, source: str) -> bool:
        """Whether that file was added."""

    def add(
        self, source: str, watched: WatchedVariant, minutes: Mapping[datetime, "Figures"], at: datetime
    ) -> bool:
        """Add what a file has in each minute (100 of them at the most, less one), all or nothing.

        Whether it was added now: a file that was added before changes nothing.

        Raises:
            WindowsContendedError: others keep writing the same minutes.
        """

    def add_losses(self, losses: Sequence[Loss], at: datetime) -> int:
        """Add each answer's loss once, whoever tells it how often: the first one; how many were added now.

        No answer may be among them twice.

        Raises:
            WindowsContendedError: others keep writing the same minutes; some are added, told again all are.
        """

    def labelled(self, claim_keys: Sequence[str]) -> set[str]:
        """Those of the answers whose losses were added."""

    def minutes(
        self, watched: WatchedVariant, since: datetime, until: datetime
    ) -> "list[tuple[datetime, Figures]]":
        """The minutes that began before `until` and ended after `since`, in order, without empty ones."""

    def between(
        self, deployment: str, revision: int, variant: str, since: datetime, until: datetime
    ) -> "Figures":
        """All of these minutes together: a minute that is only partly within counts as a whole."""


class LabelBatches(Protocol):
    def read(self, uri: str) -> "LabelBatch":
        """Labels that monitoring took in."""


class Later(Protocol):
    def put(self, text: str, delay: timedelta) -> None:
        """Send a message that is seen after the delay, of 15 minutes at the most.

        Raises:
            QueueUnavailableError: nobody knows whether it was sent.
        """


class Baselines(Protocol):
    def read(self, baseline: StoredObject) -> "Profile": ...
