"""Captures are stored: each once, however often and with whatever others it is delivered.

A capture is claimed for a file before the file is written. Delivered again, its claim says which file has
it. If that file is not there, its writer was cut off, or is late: the file is given up first, so that it
cannot be written any more, and then the capture is claimed for another. Nothing waits, nothing expires.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shelflife.contracts.models import ModelVersionReference
from shelflife.kernel.errors import ShelflifeError
from shelflife.kernel.ids import NewId
from shelflife.serving.captures import CaptureBatch, CapturedRows
from shelflife.serving.errors import (
    RevisionNotFoundError,
    RevisionVariantNotFoundError,
    VersionUnknownError,
)
from shelflife.serving.filing import Filing, Origin, Room, Stored
from shelflife.serving.ports import Deployments, Versions


@dataclass(frozen=True, slots=True)
class CaptureStore:
    deployments: Deployments
    versions: Versions
    room: Room
    new_id: NewId

    def store(self, messages: Mapping[str, CapturedRows]) -> Stored:
        """Store the rows of these messages (by message id), one file per variant of a revision and hour."""
        batches: dict[CaptureBatch, dict[str, CapturedRows]] = {}
        for message_id, rows in messages.items():
            batches.setdefault(rows.batch, {})[message_id] = rows
        stored = Stored()
        for batch, its_messages in batches.items():
            try:
                self._store_batch(batch, its_messages, stored)
            except ShelflifeError as error:
                stored.failed |= dict.fromkeys(its_messages, error)
        return stored

    def _store_batch(self, batch: CaptureBatch, messages: Mapping[str, CapturedRows], stored: Stored) -> None:
        filing = Filing(self.room, self._origin(batch), self.room.files.uri(batch, self.new_id()))
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

    def _origin(self, batch: CaptureBatch) -> Origin:
        revision = self.deployments.revision(batch.deployment, batch.revision)
        if revision is None:
            raise RevisionNotFoundError(batch.deployment, batch.revision)
        rule = revision.traffic.rule
        variant = rule.variant(batch.variant)
        if variant is None:
            raise RevisionVariantNotFoundError(batch.deployment, batch.revision, batch.variant)
        return Origin(
            batch,
            self._reference(revision.model_name, variant.model_version),
            self._reference(revision.model_name, rule.stable.model_version),
        )

    def _reference(self, model_name: str, version: int) -> ModelVersionReference:
        known = self.versions.find(model_name, version)
        if known is None:
            raise VersionUnknownError(model_name, version)
        return known.reference
