from collections.abc import Sequence
from dataclasses import dataclass, field

from shelflife.aws.items import TableUnavailableError
from shelflife.contracts.models import ModelVersionReference
from shelflife.kernel.news import News
from shelflife.kernel.paging import Page, decode_cursor, encode_cursor
from shelflife.serving.errors import (
    DeploymentChangedError,
    DeploymentExistsError,
    DeploymentNotFoundError,
    ModelUnusableError,
    RolloutChangedError,
)
from shelflife.serving.experiment import Experiment
from shelflife.serving.model import AliasMove, DeployableVersion, Deployment, Revision
from shelflife.serving.ports import LoadedModel, ModelLoad
from shelflife.serving.rollout import Rollout
from shelflife.serving.sessions import OnnxModel
from shelflife.serving.settings import TABLE
from shelflife.serving.strategy import AT_ONCE, Strategy
from tests.fakes.experiments import MemoryExperiments


@dataclass
class MemoryRollouts:
    kept: dict[tuple[str, str], Rollout] = field(default_factory=dict)
    strategies: dict[str, Strategy] = field(default_factory=dict)

    def find(self, deployment: str, rollout_id: str) -> Rollout | None:
        return self.kept.get((deployment, rollout_id))

    def page(self, deployment: str, limit: int, cursor: str | None) -> Page[Rollout]:
        before = (decode_cursor(cursor) or {}).get("before", "~")
        ids = sorted((found for name, found in self.kept if name == deployment), reverse=True)
        left = [self.kept[deployment, found] for found in ids if found < before]
        more = encode_cursor({"before": left[limit - 1].rollout_id}) if len(left) > limit else None
        return Page(items=tuple(left[:limit]), next_cursor=more)

    def lost(self, rollout: Rollout) -> bool:
        kept = self.find(rollout.deployment, rollout.rollout_id)
        return (kept.change if kept else 0) != rollout.change

    def change(self, rollout: Rollout) -> Rollout:
        if self.lost(rollout):
            raise RolloutChangedError(rollout.deployment, rollout.rollout_id)
        self.kept[rollout.deployment, rollout.rollout_id] = rollout.written
        return rollout.written

    def strategy(self, deployment: str) -> Strategy:
        return self.strategies.get(deployment, AT_ONCE)

    def set_strategy(self, deployment: str, strategy: Strategy) -> None:
        self.strategies[deployment] = strategy


@dataclass
class MemoryExecutions:
    """Remembers the tokens with which executions went on."""

    went_on: list[str] = field(default_factory=list)

    def go_on(self, task_token: str) -> None:
        self.went_on.append(task_token)


@dataclass
class MemoryDeployments:
    deployments: dict[str, Deployment] = field(default_factory=dict)
    kept_revisions: dict[tuple[str, int], Revision] = field(default_factory=dict)
    news: list[News] = field(default_factory=list)
    rollouts: MemoryRollouts = field(default_factory=MemoryRollouts)
    experiments: MemoryExperiments = field(default_factory=MemoryExperiments)
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

    def remove(self, deployment: Deployment, news: News) -> None:
        if self.deployments.pop(deployment.name, None) is None:
            raise DeploymentNotFoundError(deployment.name)
        self.news.append(news)

    def change(
        self,
        deployment: Deployment,
        *,
        rollout: Rollout | None = None,
        experiment: Experiment | None = None,
        news: Sequence[News] = (),
    ) -> Deployment:
        self._check(deployment, rollout, experiment)
        return self._write(deployment, rollout, experiment, news)

    def shift(
        self,
        deployment: Deployment,
        revision: Revision,
        *,
        rollout: Rollout | None = None,
        experiment: Experiment | None = None,
        news: Sequence[News] = (),
    ) -> Deployment:
        self._check(deployment, rollout, experiment)
        if (deployment.name, revision.revision) in self.kept_revisions:
            raise DeploymentChangedError(deployment.name)
        self.kept_revisions[deployment.name, revision.revision] = revision
        return self._write(deployment, rollout, experiment, news)

    def _check(self, deployment: Deployment, rollout: Rollout | None, experiment: Experiment | None) -> None:
        before = self.deployments.get(deployment.name)
        if before is None or before.change != deployment.change:
            raise DeploymentChangedError(deployment.name)
        if rollout is not None and self.rollouts.lost(rollout):
            raise DeploymentChangedError(deployment.name)
        if experiment is not None and self.experiments.lost(experiment):
            raise DeploymentChangedError(deployment.name)

    def _write(
        self,
        deployment: Deployment,
        rollout: Rollout | None,
        experiment: Experiment | None,
        news: Sequence[News],
    ) -> Deployment:
        self.deployments[deployment.name] = deployment.written
        if rollout is not None:
            self.rollouts.change(rollout)
        if experiment is not None:
            self.experiments.change(experiment)
        self.news.extend(news)
        return deployment.written

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
