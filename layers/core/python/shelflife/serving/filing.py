"""One new capture file: it takes the captures that no other file has, and is written once.

What is derived from a file (its profile, its minutes) can be written at any later time, and again: whoever
finds a file whose writer was cut off does it for them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from shelflife.aws.objects import ObjectCorruptedError, ObjectNotFoundError
from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.serving import CAPTURED_AT, CapturedProfile
from shelflife.kernel.errors import ShelflifeError
from shelflife.kernel.ids import Clock
from shelflife.kernel.profiles import Profile, ProfileMismatchError, to_json
from shelflife.serving.capture_ports import Baselines, CaptureFiles, Claims, WatchedVariant, Windows
from shelflife.serving.captures import CaptureBatch, CapturedRows, CaptureKind, FileState
from shelflife.serving.columns import Columns, column_types, columns_of, joined, without_masked
from shelflife.serving.errors import CaptureClaimedError
from shelflife.serving.profiling import captured_profile
from shelflife.serving.windows import Scale, edges_of, minutes_of


@dataclass(slots=True)
class Stored:
    """What became of a batch: messages that have to come again, and why; files that got no profile."""

    failed: dict[str, ShelflifeError] = field(default_factory=dict)
    unprofiled: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """Where files, and what is derived from them, are kept."""

    claims: Claims
    files: CaptureFiles
    windows: Windows
    baselines: Baselines
    now: Clock


class Origin(NamedTuple):
    """Where the rows of a batch come from: who answered, and the stable version that it is compared with."""

    batch: CaptureBatch
    reference: ModelVersionReference
    stable: ModelVersionReference


class Filing:
    """The new file of a batch."""

    def __init__(self, room: Room, origin: Origin, uri: str) -> None:
        self._room = room
        self._origin = origin
        self._uri = uri
        self._signature = origin.reference.candidate.signature
        self._types = column_types(origin.batch, self._signature)
        self._taken: list[Columns] = []
        self._others: dict[str, FileState] = {}

    def take(self, rows: CapturedRows) -> None:
        """Put the rows into this file unless another has them.

        Raises:
            CaptureMismatchError: they are not what the revision's model answers.
            CaptureClaimedError: another consumer is taking them now.
        """
        columns = columns_of(rows, self._signature)
        claims, now = self._room.claims, self._room.now
        holder = claims.claim(rows.claim_key, self._uri, now(), rows.answered)
        if holder != self._uri:
            state = self._settled(holder)
            if state is FileState.WRITTEN:
                return
            if state is FileState.ABSENT:
                raise CaptureClaimedError(rows.capture_id)
            claims.reclaim(rows.claim_key, holder, self._uri, now(), rows.answered)
        self._taken.append(columns)

    def finish(self, stored: Stored) -> None:
        """Write the file, and what its writer could not write beside each file that was found.

        Raises:
            CaptureFileLostError: another consumer thought that this one was cut off.
            WindowsContendedError: the file is written, but could not be added to the windows now.
        """
        if self._taken:
            columns = joined(self._taken)
            self._room.files.write(self._uri, columns, self._types)
            stored.files += 1
            stored.rows += len(columns[CAPTURED_AT])
            self._derive(self._uri, lambda: columns, stored)
        for uri, state in self._others.items():
            if state is FileState.WRITTEN:
                self._derive(uri, partial(self._room.files.read, uri), stored)

    def _settled(self, uri: str) -> FileState:
        """Whether the other file is written, which is decided here if it was not yet.

        It is absent still only if its writer is putting it at this very moment.
        """
        known = self._others.get(uri, FileState.ABSENT)
        if known is FileState.ABSENT:
            known = self._room.files.state(uri)
        if known is FileState.ABSENT:
            known = self._room.files.give_up(uri, self._types)
        self._others[uri] = known
        return known

    def _derive(self, uri: str, read: Callable[[], Columns], stored: Stored) -> None:
        """Write what is not there yet of what a written file says."""
        room = self._room
        # The file is read only if something is missing, which hardly ever is.
        profiled = self._origin.batch.kind is not CaptureKind.CAPTURES or room.files.has_profile(uri)
        added = room.windows.is_added(uri)
        if profiled and added:
            return
        columns = without_masked(read(), self._origin.batch)
        if not added:
            self._add(uri, columns)
        if not profiled:
            self._profile(uri, columns, stored)

    def _add(self, uri: str, columns: Columns) -> None:
        batch = self._origin.batch
        watched = WatchedVariant(batch.deployment, batch.revision, batch.variant)
        self._room.windows.add(uri, watched, minutes_of(columns, self._scale()), self._room.now())

    def _scale(self) -> Scale:
        candidate = self._origin.stable.candidate
        baseline, _ = self._baseline(self._origin.stable)
        edges = edges_of(baseline) if baseline else ()
        return Scale(candidate.task, edges, candidate.signature.classes)

    def _baseline(self, reference: ModelVersionReference) -> tuple[Profile | None, str]:
        """The version's baseline, or why there is none: no delivery would mend it."""
        stored = reference.candidate.baseline
        if stored is None:
            return None, ""
        try:
            return self._room.baselines.read(stored), ""
        except (ObjectNotFoundError, ObjectCorruptedError, ValueError) as error:
            return None, str(error)

    def _profile(self, uri: str, columns: Columns, stored: Stored) -> None:
        batch, reference = self._origin.batch, self._origin.reference
        baseline, reason = self._baseline(reference)
        if baseline is None:
            if reason:
                stored.unprofiled[uri] = reason
            return
        try:
            profile = captured_profile(columns, reference.candidate, baseline)
        except (ProfileMismatchError, ValueError) as error:
            stored.unprofiled[uri] = str(error)
            return
        times = columns[CAPTURED_AT]
        self._room.files.write_profile(
            uri,
            CapturedProfile(
                deployment=batch.deployment,
                model_version=reference.version,
                revision=batch.revision,
                first_at=_moment(times.min()),
                last_at=_moment(times.max()),
                row_count=len(times),
                profile_json=to_json(profile),
            ),
        )


def _moment(time: Any) -> datetime:
    moment: datetime = time.astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)
