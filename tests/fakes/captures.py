from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from shelflife.aws.objects import ObjectNotFoundError
from shelflife.contracts.data import StoredObject
from shelflife.contracts.serving import CAPTURE_ID, CAPTURE_ROW, CapturedProfile
from shelflife.kernel.profiles import Profile
from shelflife.serving.capture_ports import Filed, Loss, WatchedVariant
from shelflife.serving.captures import (
    LONGEST_SHADOW_REQUEST,
    Answered,
    Capture,
    CaptureBatch,
    CapturedRows,
    FileState,
    ShadowRequest,
)
from shelflife.serving.columns import Columns, ColumnTypes
from shelflife.serving.errors import CaptureClaimedError, CaptureFileLostError
from shelflife.serving.figures import Figures, merged


@dataclass
class MemoryCaptures:
    """Takes everything, and reads it as the functions behind the queues would."""

    messages: list[CapturedRows] = field(default_factory=list)
    shadowed: list[ShadowRequest] = field(default_factory=list)

    def send(self, capture: Capture) -> None:
        self.messages += [CapturedRows.model_validate_json(text) for text in capture.messages() if text]

    def send_to_shadows(self, capture: Capture, names: Sequence[str]) -> None:
        texts = capture.for_shadows(names).messages(LONGEST_SHADOW_REQUEST)
        self.shadowed += [ShadowRequest.model_validate_json(text) for text in texts if text]


@dataclass
class MemoryClaims:
    uris: dict[str, str] = field(default_factory=dict)
    by: dict[str, Answered] = field(default_factory=dict)

    def claim(self, claim_key: str, uri: str, at: datetime, answered: Answered | None = None) -> str:
        del at  # nothing expires here
        if claim_key not in self.uris:
            self._keep(claim_key, uri, answered)
        return self.uris[claim_key]

    def reclaim(
        self, claim_key: str, before: str, uri: str, at: datetime, answered: Answered | None = None
    ) -> None:
        del at
        if self.uris.get(claim_key) != before:
            raise CaptureClaimedError(claim_key)
        self._keep(claim_key, uri, answered)

    def filed(self, claim_keys: Sequence[str]) -> dict[str, Filed]:
        return {key: Filed(self.uris[key], self.by[key]) for key in claim_keys if key in self.by}

    def answered(self, claim_keys: Sequence[str]) -> dict[str, Answered]:
        return {key: self.by[key] for key in claim_keys if key in self.by}

    def _keep(self, claim_key: str, uri: str, answered: Answered | None) -> None:
        self.uris[claim_key] = uri
        if answered is not None:
            self.by[claim_key] = answered


@dataclass
class MemoryCaptureFiles:
    files: dict[str, Columns | None] = field(default_factory=dict)
    profiles: dict[str, CapturedProfile] = field(default_factory=dict)

    def uri(self, batch: CaptureBatch, batch_id: str) -> str:
        return f"memory:{batch.kind}/{batch.deployment}/{batch.hour:%Y/%m/%d/%H}/{batch_id}"

    def state(self, uri: str) -> FileState:
        if uri not in self.files:
            return FileState.ABSENT
        return FileState.GIVEN_UP if self.files[uri] is None else FileState.WRITTEN

    def write(self, uri: str, columns: Columns, types: ColumnTypes) -> None:
        if self.state(uri) is FileState.GIVEN_UP:
            raise CaptureFileLostError(uri)
        self.files.setdefault(uri, {name: columns[name] for name in types})

    def give_up(self, uri: str, types: ColumnTypes) -> FileState:
        del types
        self.files.setdefault(uri, None)
        return self.state(uri)

    def read(self, uri: str) -> Columns:
        if uri not in self.files:
            raise ObjectNotFoundError(uri)
        # One that was given up has no rows.
        return self.files[uri] or {CAPTURE_ROW: np.empty(0), CAPTURE_ID: np.empty(0)}

    def has_profile(self, uri: str) -> bool:
        return uri in self.profiles

    def write_profile(self, uri: str, profile: CapturedProfile) -> None:
        self.profiles[uri] = profile

    @property
    def written(self) -> list[Columns]:
        return [columns for columns in self.files.values() if columns is not None]


@dataclass
class MemoryBaselines:
    profiles: dict[str, Profile] = field(default_factory=dict)

    def read(self, baseline: StoredObject) -> Profile:
        return self.profiles[baseline.sha256]


@dataclass
class MemoryWindows:
    kept: dict[tuple[WatchedVariant, datetime], Figures] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)
    already_labelled: set[str] = field(default_factory=set)

    def is_added(self, source: str) -> bool:
        return source in self.sources

    def add(
        self, source: str, watched: WatchedVariant, minutes: Mapping[datetime, Figures], at: datetime
    ) -> bool:
        del at  # nothing expires here
        if source in self.sources:
            return False
        self.sources.add(source)
        for minute, figures in minutes.items():
            self.kept[watched, minute] = self.kept.get((watched, minute), Figures()) + figures
        return True

    def add_losses(self, losses: Sequence[Loss], at: datetime) -> int:
        del at  # nothing expires here
        fresh = [loss for loss in losses if loss.claim_key not in self.already_labelled]
        for loss in fresh:
            self.already_labelled.add(loss.claim_key)
            key = (loss.watched, loss.minute)
            self.kept[key] = self.kept.get(key, Figures()) + loss.figures
        return len(fresh)

    def labelled(self, claim_keys: Sequence[str]) -> set[str]:
        return self.already_labelled & {*claim_keys}

    def minutes(
        self, watched: WatchedVariant, since: datetime, until: datetime
    ) -> list[tuple[datetime, Figures]]:
        return [
            (minute, figures)
            for (whose, minute), figures in sorted(self.kept.items(), key=lambda one: one[0])
            if whose == watched and since < min(until, minute + timedelta(minutes=1)) and minute < until
        ]

    def between(
        self, deployment: str, revision: int, variant: str, since: datetime, until: datetime
    ) -> Figures:
        found = self.minutes(WatchedVariant(deployment, revision, variant), since, until)
        return merged(figures for _, figures in found)
