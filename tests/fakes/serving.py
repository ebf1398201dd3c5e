from dataclasses import dataclass, field
from datetime import datetime

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
from shelflife.serving.model import AliasMove, Deployment, Revision
from shelflife.serving.ports import LoadedModel, ModelLoad
from shelflife.serving.sessions import OnnxModel


@dataclass
class MemoryDeployments:
    deployments: dict[str, Deployment] = field(default_factory=dict)
    kept_revisions: dict[tuple[str, int], Revision] = field(default_factory=dict)
    news: list[News] = field(default_factory=list)

    def add(self, deployment: Deployment, news: News) -> None:
        if deployment.name in self.deployments:
            raise DeploymentExistsError(deployment.name)
        self.deployments[deployment.name] = deployment
        self.news.append(news)

    def find(self, name: str) -> Deployment | None:
        return self.deployments.get(name)

    def page(self, limit: int, cursor: str | None) -> Page[Deployment]:
        after = (decode_cursor(cursor) or {}).get("after", "")
        left = [self.deployments[name] for name in sorted(self.deployments) if name > after]
        more = encode_cursor({"after": left[limit - 1].name}) if len(left) > limit else None
        return Page(items=tuple(left[:limit]), next_cursor=more)

    def remove(self, deployment: Deployment) -> None:
        if self.deployments.pop(deployment.name, None) is None:
            raise DeploymentNotFoundError(deployment.name)

    def change(self, changed: Deployment) -> None:
        before = self.deployments.get(changed.name)
        if before is None or before.change != changed.change - 1:
            raise DeploymentChangedError(changed.name)
        self.deployments[changed.name] = changed

    def activate(self, changed: Deployment, revision: Revision, news: News) -> None:
        if (changed.name, revision.revision) in self.kept_revisions:
            raise DeploymentChangedError(changed.name)
        self.change(changed)
        self.kept_revisions[changed.name, revision.revision] = revision
        self.news.append(news)

    def revisions(self, name: str, limit: int, cursor: str | None) -> Page[Revision]:
        before = (decode_cursor(cursor) or {}).get("before", 10**8)
        newest = sorted((number for known, number in self.kept_revisions if known == name), reverse=True)
        left = [self.kept_revisions[name, number] for number in newest if number < before]
        more = encode_cursor({"before": left[limit - 1].revision}) if len(left) > limit else None
        return Page(items=tuple(left[:limit]), next_cursor=more)

    def revision(self, name: str, number: int) -> Revision | None:
        return self.kept_revisions.get((name, number))

    def serving_version(self, name: str, model_name: str, version: int) -> Revision | None:
        served = [one for one in self._of_model(name, model_name) if one.serving.version == version]
        return max(served, key=lambda one: one.revision, default=None)

    def versions(self, name: str, model_name: str) -> list[int]:
        return sorted({one.serving.version for one in self._of_model(name, model_name)})

    def _of_model(self, name: str, model_name: str) -> list[Revision]:
        return [
            one
            for (known, _), one in self.kept_revisions.items()
            if known == name and one.serving.model_name == model_name
        ]


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
    """Models by digest, all of them in memory from when they are asked for; what is not here cannot serve."""

    models: dict[str, OnnxModel] = field(default_factory=dict)
    loads: int = 0
    kept: dict[str, LoadedModel] = field(default_factory=dict)
    untold: list[ModelLoad] = field(default_factory=list)

    def load(self, reference: ModelVersionReference) -> OnnxModel:
        self.loads += 1
        stored = reference.candidate.model
        found = self.models.get(stored.sha256)
        known = self.kept.pop(stored.sha256, None)
        if known is None:
            self.untold.append(ModelLoad(stored.sha256, stored.size_bytes, 1.0, failed=found is None))
        if found is None:
            raise ModelUnusableError(reference.model_name, reference.version, "its file is broken")
        self.kept[stored.sha256] = LoadedModel(stored.sha256, stored.size_bytes)
        return found

    def loaded(self) -> list[LoadedModel]:
        return list(self.kept.values())

    def unload(self, digest: str) -> bool:
        return self.kept.pop(digest, None) is not None

    def new_loads(self) -> list[ModelLoad]:
        told, self.untold = self.untold, []
        return told


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
        return f"memory:{batch.deployment}/{batch.hour:%Y/%m/%d/%H}/{batch_id}"

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
