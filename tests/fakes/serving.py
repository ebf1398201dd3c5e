from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shelflife.aws.items import TableUnavailableError
from shelflife.contracts.data import StoredObject
from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.serving import CapturedProfile
from shelflife.kernel.news import News
from shelflife.kernel.paging import Page, decode_cursor, encode_cursor
from shelflife.kernel.profiles import Profile
from shelflife.serving.captures import Capture, CaptureBatch, CapturedRows, FileState
from shelflife.serving.columns import Columns, ColumnTypes
from shelflife.serving.errors import (
    CaptureClaimedError,
    CaptureFileLostError,
    DeploymentChangedError,
    DeploymentExistsError,
    DeploymentNotFoundError,
    ModelUnusableError,
)
from shelflife.serving.figures import Figures, merged
from shelflife.serving.model import AliasMove, DeployableVersion, Deployment, Revision
from shelflife.serving.ports import WatchedVariant
from shelflife.serving.sessions import OnnxModel
from shelflife.serving.settings import TABLE


@dataclass
class MemoryDeployments:
    deployments: dict[str, Deployment] = field(default_factory=dict)
    kept_revisions: dict[tuple[str, int], Revision] = field(default_factory=dict)
    news: list[News] = field(default_factory=list)
    broken: bool = False

    def add(self, deployment: Deployment, news: News) -> None:
        if deployment.name in self.deployments:
            raise DeploymentExistsError(deployment.name)
        self.deployments[deployment.name] = deployment
        self.news.append(news)

    def find(self, name: str) -> Deployment | None:
        if self.broken:
            raise TableUnavailableError(TABLE.context, "ThrottlingException")
        return self.deployments.get(name)

    def page(self, limit: int, cursor: str | None) -> Page[Deployment]:
        after = (decode_cursor(cursor) or {}).get("after", "")
        left = [self.deployments[name] for name in sorted(self.deployments) if name > after]
        more = encode_cursor({"after": left[limit - 1].name}) if len(left) > limit else None
        return Page(items=tuple(left[:limit]), next_cursor=more)

    def remove(self, deployment: Deployment) -> None:
        if self.deployments.pop(deployment.name, None) is None:
            raise DeploymentNotFoundError(deployment.name)

    def change(self, deployment: Deployment) -> Deployment:
        before = self.deployments.get(deployment.name)
        if before is None or before.change != deployment.change:
            raise DeploymentChangedError(deployment.name)
        self.deployments[deployment.name] = deployment.written
        return deployment.written

    def shift(self, deployment: Deployment, revision: Revision, news: News | None) -> Deployment:
        if (deployment.name, revision.revision) in self.kept_revisions:
            raise DeploymentChangedError(deployment.name)
        written = self.change(deployment)
        self.kept_revisions[deployment.name, revision.revision] = revision
        if news is not None:
            self.news.append(news)
        return written

    def revisions(self, name: str, limit: int, cursor: str | None) -> Page[Revision]:
        before = (decode_cursor(cursor) or {}).get("before", 10**8)
        newest = sorted((number for known, number in self.kept_revisions if known == name), reverse=True)
        left = [self.kept_revisions[name, number] for number in newest if number < before]
        more = encode_cursor({"before": left[limit - 1].revision}) if len(left) > limit else None
        return Page(items=tuple(left[:limit]), next_cursor=more)

    def revision(self, name: str, number: int) -> Revision | None:
        return self.kept_revisions.get((name, number))

    def revision_with(self, name: str, model_name: str, version: int) -> Revision | None:
        live = [one for one in self._of_model(name, model_name) if version in _live(one)]
        return max(live, key=lambda one: one.revision, default=None)

    def versions(self, name: str, model_name: str) -> list[int]:
        return sorted({version for one in self._of_model(name, model_name) for version in _live(one)})

    def _of_model(self, name: str, model_name: str) -> list[Revision]:
        return [
            one
            for (known, _), one in self.kept_revisions.items()
            if known == name and one.model_name == model_name
        ]


def _live(revision: Revision) -> set[int]:
    return {variant.model_version for variant in revision.traffic.rule.live}


@dataclass
class MemoryVersions:
    kept: dict[tuple[str, int], DeployableVersion] = field(default_factory=dict)

    def keep(self, version: DeployableVersion) -> None:
        self.kept[version.reference.model_name, version.reference.version] = version

    def find(self, model_name: str, version: int) -> DeployableVersion | None:
        return self.kept.get((model_name, version))


@dataclass
class MemoryAliases:
    deployments: MemoryDeployments
    moves: dict[tuple[str, str], AliasMove] = field(default_factory=dict)

    def keep(self, move: AliasMove) -> bool:
        key = (move.serving.model_name, move.alias)
        known = self.moves.get(key)
        if known is not None and known.position > move.position:
            return False
        self.moves[key] = move
        return True

    def find(self, model_name: str, alias: str) -> AliasMove | None:
        return self.moves.get((model_name, alias))

    def followers(self, model_name: str, alias: str) -> list[str]:
        return sorted(
            one.name
            for one in self.deployments.deployments.values()
            if (one.model_name, one.alias) == (model_name, alias)
        )


@dataclass
class MemoryModels:
    """Models by digest; what is not here cannot serve."""

    models: dict[str, OnnxModel] = field(default_factory=dict)
    loads: int = 0
    loaded: set[str] = field(default_factory=set)

    def load(self, reference: ModelVersionReference) -> OnnxModel:
        self.loads += 1
        digest = reference.candidate.model.sha256
        found = self.models.get(digest)
        if found is None:
            raise ModelUnusableError(reference.model_name, reference.version, "its file is broken")
        self.loaded.add(digest)
        return found

    def forget(self, reference: ModelVersionReference) -> None:
        self.loaded.discard(reference.candidate.model.sha256)


@dataclass
class MemoryCaptures:
    """A queue that takes `room` messages and loses what comes after."""

    room: int = 1000
    messages: list[CapturedRows] = field(default_factory=list)

    def send(self, capture: Capture) -> int:
        dropped = 0
        for text in capture.messages():
            if text is None or len(self.messages) >= self.room:
                dropped += 1
            else:
                self.messages.append(CapturedRows.model_validate_json(text))
        return dropped


@dataclass
class MemoryClaims:
    uris: dict[str, str] = field(default_factory=dict)

    def claim(self, claim_key: str, uri: str, at: datetime) -> str:
        del at  # nothing expires here
        return self.uris.setdefault(claim_key, uri)

    def reclaim(self, claim_key: str, before: str, uri: str, at: datetime) -> None:
        del at
        if self.uris.get(claim_key) != before:
            raise CaptureClaimedError(claim_key)
        self.uris[claim_key] = uri


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
        found = self.files[uri]
        assert found is not None
        return found

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
