"""Shifts: a deployment's traffic changes, as a revision, all at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.serving import DeploymentActivated, DeploymentShifted
from shelflife.kernel.ids import Clock, NewId
from shelflife.kernel.news import News
from shelflife.serving.errors import VersionNotDeployableError, VersionUnknownError
from shelflife.serving.model import Change, Deployment, Revision
from shelflife.serving.ports import Deployments, Versions
from shelflife.serving.traffic import Traffic, TrafficRule

if TYPE_CHECKING:
    from shelflife.serving.experiment import Experiment
    from shelflife.serving.rollout import Rollout


@dataclass(frozen=True, slots=True)
class Shifts:
    deployments: Deployments
    versions: Versions
    now: Clock
    new_id: NewId

    def shift(  # noqa: PLR0913 - half of them are what is written with it, by keyword
        self,
        deployment: Deployment,
        rule: TrafficRule,
        change: Change,
        *,
        rollout: "Rollout | None" = None,
        experiment: "Experiment | None" = None,
        news: Sequence[News] = (),
    ) -> Deployment:
        """Let the deployment answer by the rule; who listens is told if its stable version is another.

        Whatever else `deployment` says by now is written with it, and the rollout or experiment and news.

        Raises:
            VersionUnknownError: the rule names a version that the registry never told of.
            VersionNotDeployableError: the rule names a version that cannot answer.
            DeploymentChangedError: somebody else wrote the deployment meanwhile.
        """
        references = {version: self.deployable(deployment, version) for version in rule.versions}
        stable = references[rule.stable.model_version]
        traffic, at = Traffic.of(rule, deployment.traffic), self.now()
        shifted = deployment.shifted(traffic, stable)
        revision = Revision(
            deployment=shifted.name,
            revision=shifted.revision,
            model_name=shifted.model_name,
            traffic=traffic,
            activated_at=at,
            change=change,
        )
        activated = DeploymentActivated(
            event_id=self.new_id(),
            happened_at=at,
            deployment=shifted.name,
            revision=shifted.revision,
            serving=stable,
        )
        told = [*self._shifted(shifted, rule, deployment.traffic), *news]
        told += [] if deployment.is_stable(stable) else [activated]
        return self.deployments.shift(shifted, revision, rollout=rollout, experiment=experiment, news=told)

    def _shifted(self, shifted: Deployment, rule: TrafficRule, before: Traffic | None) -> list[News]:
        """The news of it, if other versions are in the traffic than before."""
        if before is not None and set(before.rule.versions) == set(rule.versions):
            return []
        told = DeploymentShifted(
            event_id=self.new_id(),
            happened_at=self.now(),
            deployment=shifted.name,
            revision=shifted.revision,
            model_name=shifted.model_name,
            versions=tuple(sorted(set(rule.versions))),
        )
        return [told]

    def deployable(self, deployment: Deployment, version: int) -> ModelVersionReference:
        """The version of the deployment's model, if it can answer.

        Raises:
            VersionUnknownError: the registry never told of it.
            VersionNotDeployableError: it cannot answer.
        """
        known = self.versions.find(deployment.model_name, version)
        if known is None:
            raise VersionUnknownError(deployment.model_name, version)
        if known.unusable is not None:
            raise VersionNotDeployableError(deployment.model_name, version, known.unusable)
        return known.reference
