"""Captures are stored: each once, however often and with whatever others it is delivered.

A capture is claimed for a file before the file is written. Delivered again, its claim says which file has
it. If that file is not there, its writer was cut off, or is late: the file is given up first, so that it
cannot be written any more, and then the capture is claimed for another. Nothing waits, nothing expires.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shelflife.aws.objects import ObjectCorruptedError, ObjectNotFoundError
from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.serving import CAPTURED_AT, CapturedProfile
from shelflife.kernel.errors import ShelflifeError
from shelflife.kernel.ids import Clock, NewId
from shelflife.kernel.profiles import ProfileMismatchError, to_json
from shelflife.serving.captures import CaptureBatch, CapturedRows, FileState
from shelflife.serving.columns import Columns, column_types, columns_of, joined
from shelflife.serving.errors import (
    CaptureClaimedError,
    RevisionNotFoundError,
    RevisionVariantNotFoundError,
    VersionUnknownError,
)
from shelflife.serving.ports import Baselines, CaptureFiles, Claims, Deployments, Versions
from shelflife.serving.profiling import captured_profile


@dataclass(slots=True)
class Stored:
    """What became of a batch: messages that have to come again, and why; files that got no profile."""

    failed: dict[str, ShelflifeError] = field(default_factory=dict)
    unprofiled: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True)
class CaptureStore:
    deployments: Deployments
    versions: Versions
    claims: Claims
    files: CaptureFiles
    baselines: Baselines
    now: Clock
    new_id: NewId

    def store(self, messages: Mapping[str, CapturedRows]) -> Stored:
        """Store the rows of these messages (by message id), one file per revision and hour."""
        batches: dict[CaptureBatch, dict[str, CapturedRows]] = {}
        for message_id, rows in messages.items():
            if rows.error is None:
                batches.setdefault(rows.batch, {})[message_id] = rows
        stored = Stored()
        for batch, its_messages in batches.items():
            try:
                self._store_batch(batch, its_messages, stored)
            except ShelflifeError as error:
                stored.failed |= dict.fromkeys(its_messages, error)
        return stored

    def _store_batch(self, batch: CaptureBatch, messages: Mapping[str, CapturedRows], stored: Stored) -> None:
        filing = _Filing(self, batch, self._reference(batch), self.files.uri(batch, self.new_id()))
        seen: dict[str, str] = {}
        for message_id, rows in messages.items():
            first = seen.setdefault(rows.claim_key, message_id)
            try:
                if first == message_id:
                    filing.take(rows)
                elif first in stored.failed:
                    stored.failed[message_id] = stored.failed[first]
            except ShelflifeError as error:
                stored.failed[message_id] = error
        filing.finish(stored)

    def _reference(self, batch: CaptureBatch) -> ModelVersionReference:
        revision = self.deployments.revision(batch.deployment, batch.revision)
        if revision is None:
            raise RevisionNotFoundError(batch.deployment, batch.revision)
        variant = revision.traffic.rule.variant(batch.variant)
        if variant is None:
            raise RevisionVariantNotFoundError(batch.deployment, batch.revision, batch.variant)
        known = self.versions.find(revision.model_name, variant.model_version)
        if known is None:
            raise VersionUnknownError(revision.model_name, variant.model_version)
        return known.reference


class _Filing:
    """One new file of a batch: it takes captures that no other file has, and is written once."""

    def __init__(
        self, store: CaptureStore, batch: CaptureBatch, reference: ModelVersionReference, uri: str
    ) -> None:
        self._store = store
        self._batch = batch
        self._reference = reference
        self._uri = uri
        self._types = column_types(reference.candidate.signature)
        self._taken: list[Columns] = []
        self._others: dict[str, FileState] = {}

    def take(self, rows: CapturedRows) -> None:
        """Put the rows into this file unless another has them.

        Raises:
            CaptureMismatchError: they are not what the revision's model answers.
            CaptureClaimedError: another consumer is taking them now.
        """
        columns = columns_of(rows, self._reference.candidate.signature)
        holder = self._store.claims.claim(rows.claim_key, self._uri, self._store.now())
        if holder != self._uri:
            state = self._settled(holder)
            if state is FileState.WRITTEN:
                return
            if state is FileState.ABSENT:
                raise CaptureClaimedError(rows.capture_id)
            self._store.claims.reclaim(rows.claim_key, holder, self._uri, self._store.now())
        self._taken.append(columns)

    def finish(self, stored: Stored) -> None:
        """Write the file, and what its writer could not write beside each file that was found.

        Raises:
            CaptureFileLostError: another consumer thought that this one was cut off.
        """
        if self._taken:
            columns = joined(self._taken)
            self._store.files.write(self._uri, columns, self._types)
            stored.files += 1
            stored.rows += len(columns[CAPTURED_AT])
            self._profile(self._uri, columns, stored)
        for uri, state in self._others.items():
            if state is FileState.WRITTEN and not self._store.files.has_profile(uri):
                self._profile(uri, self._store.files.read(uri), stored)

    def _settled(self, uri: str) -> FileState:
        """Whether the other file is written, which is decided here if it was not yet.

        It is absent still only if its writer is putting it at this very moment.
        """
        known = self._others.get(uri, FileState.ABSENT)
        if known is FileState.ABSENT:
            known = self._store.files.state(uri)
        if known is FileState.ABSENT:
            known = self._store.files.give_up(uri, self._types)
        self._others[uri] = known
        return known

    def _profile(self, uri: str, columns: Columns, stored: Stored) -> None:
        candidate = self._reference.candidate
        if candidate.baseline is None:
            return
        try:
            baseline = self._store.baselines.read(candidate.baseline)
            profile = captured_profile(columns, candidate, baseline)
        except (ProfileMismatchError, ObjectNotFoundError, ObjectCorruptedError, ValueError) as error:
            # The rows are stored; delivering them again would not mend the baseline.
            stored.unprofiled[uri] = str(error)
            return
        times = columns[CAPTURED_AT]
        self._store.files.write_profile(
            uri,
            CapturedProfile(
                deployment=self._batch.deployment,
                model_version=self._reference.version,
                revision=self._batch.revision,
                first_at=_moment(times.min()),
                last_at=_moment(times.max()),
                row_count=len(times),
                profile_json=to_json(profile),
            ),
        )


def _moment(time: Any) -> datetime:
    moment: datetime = time.astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)
