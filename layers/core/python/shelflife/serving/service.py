"""Deployments, as people manage them; what they answer with follows their aliases (activation.py)."""

from dataclasses import dataclass

from shelflife.contracts.serving import DeploymentCreated, DeploymentRemoved
from shelflife.kernel.ids import Clock, NewId
from shelflife.kernel.paging import Page
from shelflife.serving.errors import (
    DeploymentChangedError,
    DeploymentNotFoundError,
    ExperimentRunningError,
    InvalidRequestError,
    RolloutRunningError,
)
from shelflife.serving.model import (
    CachePolicy,
    CapturePolicy,
    CaptureWish,
    Change,
    Deployment,
    Revision,
    is_name,
)
from shelflife.serving.ports import Deployments
from shelflife.serving.shifts import Shifts
from shelflife.serving.traffic import TrafficRule


@dataclass(frozen=True, slots=True)
class Serving:
    deployments: Deployments
    shifts: Shifts
    now: Clock
    new_id: NewId
    new_key: NewId

    def create(
        self, name: str, *, model_name: str, alias: str, capture: CaptureWish, created_by: str
    ) -> Deployment:
        """Make a deployment that follows the alias; it waits until a version has it.

        A name that was used before goes on with its revision numbers, for captures and reports carry them.

        Raises:
            DeploymentExistsError: the name is taken.
        """
        newest = self.deployments.revisions(name, 1, None).items
        at = self.now()
        deployment = Deployment(
            name=name,
            model_name=model_name,
            alias=alias,
            capture=CapturePolicy.of(capture, self.new_key()),
            created_at=at,
            created_by=created_by,
            reason=f"no version of model {model_name!r} with alias {alias!r} was activated yet",
            revision=newest[0].revision if newest else 0,
        )
        news = DeploymentCreated(
            event_id=self.new_id(), happened_at=at, deployment=name, model_name=model_name, alias=alias
        )
        self.deployments.add(deployment, news)
        return deployment

    def find(self, name: str) -> Deployment:
        """The deployment as it is now.

        Raises:
            DeploymentNotFoundError: there is none.
        """
        found = self.deployments.find(name) if is_name(name) else None
        if found is None:
            raise DeploymentNotFoundError(name)
        return found

    def page(self, limit: int, cursor: str | None) -> Page[Deployment]:
        return self.deployments.page(limit, cursor)

    def revisions(self, name: str, limit: int, cursor: str | None) -> Page[Revision]:
        """What the deployment served, newest first; known also after its removal.

        Raises:
            DeploymentNotFoundError: it never served, and does not exist.
        """
        found = self.deployments.revisions(name, limit, cursor) if is_name(name) else Page[Revision](items=())
        if not found.items:
            self.find(name)
        return found

    def shift(
        self, name: str, rule: TrafficRule, change: Change, *, expected_revision: int | None = None
    ) -> Deployment:
        """Let the deployment answer by this rule; requests follow a few seconds later at the latest.

        Asked again for the rule that it has, nothing changes. `expected_revision` is the one that the caller
        has seen: if the deployment is at another, nothing changes either.

        Raises:
            DeploymentNotFoundError: there is none.
            RolloutRunningError: a rollout is changing its traffic.
            ExperimentRunningError: an experiment needs its traffic as it is.
            VersionUnknownError: the rule names a version that the registry never told of.
            VersionNotDeployableError: the rule names a version that cannot answer.
            DeploymentChangedError: it is at another revision, or somebody else changed it meanwhile.
        """
        deployment = self.find(name)
        if deployment.rollout_id is not None:
            raise RolloutRunningError(name, deployment.rollout_id)
        if deployment.experiment_id is not None:
            raise ExperimentRunningError(name, deployment.experiment_id)
        if expected_revision not in (None, deployment.revision):
            raise DeploymentChangedError(name)
        if deployment.traffic is not None and deployment.traffic.rule == rule:
            return deployment
        return self.shifts.shift(deployment, rule, change)

    def capture(self, name: str, wish: CaptureWish) -> Deployment:
        """Let the deployment's requests be captured as wished, from a few seconds later on at the latest.

        Values go on to be hashed under the key that they were hashed under before.

        Raises:
            DeploymentNotFoundError: there is none.
            InvalidRequestError: it masks what the model does not have, or what shadows would have to see.
            DeploymentChangedError: somebody else changed it meanwhile.
        """
        deployment = self.find(name)
        _check_masks(deployment, wish)
        key = deployment.capture.key or self.new_key()
        return self.deployments.change(deployment.captured_by(CapturePolicy.of(wish, key)))

    def cache(self, name: str, policy: CachePolicy | None) -> Deployment:
        """Let answers be kept by that policy, or not at all; requests follow a few seconds later.

        Raises:
            DeploymentNotFoundError: there is none.
            DeploymentChangedError: somebody else changed it meanwhile.
        """
        deployment = self.find(name)
        if deployment.cache == policy:
            return deployment
        return self.deployments.change(deployment.caching(policy))

    def remove(self, name: str) -> None:
        """End the deployment; requests are refused a few seconds later at the latest.

        Raises:
            DeploymentNotFoundError: there is none.
        """
        deployment = self.find(name)
        told = DeploymentRemoved(
            event_id=self.new_id(),
            happened_at=self.now(),
            deployment=name,
            model_name=deployment.model_name,
        )
        self.deployments.remove(deployment, told)


def _check_masks(deployment: Deployment, wish: CaptureWish) -> None:
    """Nothing can be said of a deployment that does not answer yet."""
    if deployment.stable is None or deployment.traffic is None:
        return
    signature = deployment.stable.candidate.signature
    features = [tensor.name for tensor in signature.inputs]
    known = features + [tensor.name for tensor in signature.outputs]
    for field, names in (("hidden", wish.hidden), ("hashed", wish.hashed)):
        for name in names:
            if name not in known:
                raise InvalidRequestError(field, f"there is no feature or output {name!r}, but {known}")
            if name in features and deployment.traffic.rule.shadows:
                raise InvalidRequestError(field, f"shadow variants have to see feature {name!r}")
