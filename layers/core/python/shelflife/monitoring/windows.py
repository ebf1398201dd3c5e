"""Captured profiles in S3, merged; closed hours and days are rolled up, so that they are read once.

Keys:  profiles/<deployment>/<yyyy>/<mm>/<dd>/<hh>/<batch id>.json          written by serving
       rollups/<deployment>/<revision>-<activation>/<yyyy>/<mm>/<dd>.json   written here, days
       rollups/<deployment>/<revision>-<activation>/<yyyy>/<mm>/<dd>/<hh>.json           and hours

A roll-up names by a digest the profiles that it was made of, and counts only while exactly these are
there: a late batch makes it anew. Losing all of them costs time and nothing else.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice

from shelflife.aws.objects import ObjectNotFoundError, Objects
from shelflife.contracts.data import StoredObject
from shelflife.contracts.serving import HOUR_FOLDER, PROFILES_PREFIX, CapturedProfile
from shelflife.kernel.ids import Moment
from shelflife.kernel.model import Model
from shelflife.kernel.profiles import Profile, from_json, merge, shared, to_json
from shelflife.monitoring.model import Watched
from shelflife.monitoring.scan_ports import CapturedWindow

ROLLUPS_PREFIX = "rollups/{deployment}/{revision}-{activation:%Y%m%dt%H%M%S%f}/"
#: Connections of a botocore client.
_AT_ONCE = 10
_DAY = len("yyyy/mm/dd/")
_HOUR = len("yyyy/mm/dd/hh/")


@dataclass(frozen=True, slots=True)
class S3Baselines:
    objects: Objects

    def read(self, baseline: StoredObject) -> Profile:
        return from_json(self.objects.read(baseline.uri, sha256=baseline.sha256))


class Rollup(Model):
    """Merged profiles of one revision; `digest` stands for the keys of all profiles of the stretch."""

    digest: str
    profile_json: str | None
    first_at: Moment | None
    last_at: Moment | None
    profile_count: int


@dataclass(frozen=True, slots=True)
class _Part:
    profile: Profile
    first_at: datetime
    last_at: datetime
    profile_count: int


@dataclass(frozen=True, slots=True)
class S3Windows:
    objects: Objects
    bucket: str

    def merged(self, watched: Watched, since: datetime, until: datetime) -> CapturedWindow:
        reading = _Reading(self.objects, self.bucket, watched, until)
        uris = self.objects.keys(reading.root, after=since.strftime(HOUR_FOLDER))
        part = reading.window(uris, since)
        return CapturedWindow(
            profile=part.profile if part else None,
            first_at=part.first_at if part else None,
            last_at=part.last_at if part else None,
            profile_count=part.profile_count if part else 0,
            fingerprint=_digest(uris),
        )


@dataclass(frozen=True, slots=True)
class _Reading:
    """One scan's way through the folders of one revision."""

    objects: Objects
    bucket: str
    watched: Watched
    until: datetime

    @property
    def root(self) -> str:
        return f"s3://{self.bucket}/{PROFILES_PREFIX.format(deployment=self.watched.deployment)}"

    def window(self, uris: Sequence[str], since: datetime) -> _Part | None:
        cut_day = since.strftime(HOUR_FOLDER)[:_DAY]
        today = self.until.strftime(HOUR_FOLDER)[:_DAY]
        return _joined(
            # Only whole days that are over are worth keeping.
            self._hours(day) if name in {cut_day, today} else self._kept(name, day, self._hours)
            for name, day in self._folders(uris, _DAY)
        )

    def _hours(self, uris: Sequence[str]) -> _Part | None:
        now = self.until.strftime(HOUR_FOLDER)
        return _joined(
            self._batches(hour) if name == now else self._kept(name, hour, self._batches)
            for name, hour in self._folders(uris, _HOUR)
        )

    def _batches(self, uris: Sequence[str]) -> _Part | None:
        # Not all bodies at once: profiles of wide models are large.
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return _joined(
                self._part(body)
                for begin in range(0, len(uris), _AT_ONCE)
                for body in pool.map(self.objects.read, uris[begin : begin + _AT_ONCE])
            )

    def _part(self, body: bytes) -> _Part | None:
        captured = CapturedProfile.model_validate_json(body)
        watched = self.watched
        # In later revisions, too, the version that is watched may answer, among others. A deployment that was
        # deleted and made again counts its revisions anew.
        if (
            captured.model_version != watched.serving.version
            or captured.revision < watched.revision
            or captured.last_at < watched.activated_at
        ):
            return None
        return _Part(from_json(captured.profile_json), captured.first_at, captured.last_at, 1)

    def _kept(
        self, folder: str, uris: Sequence[str], make: Callable[[Sequence[str]], _Part | None]
    ) -> _Part | None:
        """The roll-up of a stretch, made if there is none of exactly these profiles."""
        if len(uris) == 1:
            return make(uris)
        prefix = ROLLUPS_PREFIX.format(
            deployment=self.watched.deployment,
            revision=self.watched.revision,
            activation=self.watched.activated_at,
        )
        uri, digest = f"s3://{self.bucket}/{prefix}{folder.rstrip('/')}.json", _digest(uris)
        found = self._rollup(uri)
        if found is not None and found.digest == digest:
            return _unrolled(found)
        part = make(uris)
        self.objects.write(
            uri, _rolled(part, digest).model_dump_json().encode(), content_type="application/json"
        )
        return part

    def _rollup(self, uri: str) -> Rollup | None:
        try:
            return Rollup.model_validate_json(self.objects.read(uri))
        except ObjectNotFoundError:
            return None

    def _folders(self, uris: Sequence[str], length: int) -> Iterator[tuple[str, list[str]]]:
        start = len(self.root)
        for name, group in groupby(uris, lambda uri: uri[start : start + length]):
            yield name, list(group)


def _joined(parts: Iterable[_Part | None]) -> _Part | None:
    """Fold as they come, a few at a time."""
    joined: _Part | None = None
    left = (part for part in parts if part)
    while some := list(islice(left, _AT_ONCE)):
        together = [joined, *some] if joined else some
        joined = _Part(
            # A capture policy may leave columns out, and may have been another one in between.
            profile=merge(shared([part.profile for part in together])),
            first_at=min(part.first_at for part in together),
            last_at=max(part.last_at for part in together),
            profile_count=sum(part.profile_count for part in together),
        )
    return joined


def _rolled(part: _Part | None, digest: str) -> Rollup:
    return Rollup(
        digest=digest,
        profile_json=to_json(part.profile) if part else None,
        first_at=part.first_at if part else None,
        last_at=part.last_at if part else None,
        profile_count=part.profile_count if part else 0,
    )


def _unrolled(rollup: Rollup) -> _Part | None:
    if rollup.profile_json is None or rollup.first_at is None or rollup.last_at is None:
        return None
    profile = from_json(rollup.profile_json)
    return _Part(profile, rollup.first_at, rollup.last_at, rollup.profile_count)


def _digest(uris: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(uris).encode()).hexdigest()
