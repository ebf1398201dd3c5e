"""Activation: versions are tried as they are registered, and deployments catch up with their aliases."""

from dataclasses import dataclass

from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.registry import ModelVersionPromoted, ModelVersionRegistered
from shelflife.contracts.serving import DeploymentCreated, ExperimentEnded, RolloutEnded
from shelflife.kernel.ids import Clock
from shelflife.serving.errors import DeploymentChangedError, ModelUnusableError
from shelflife.serving.model import (
    ActivationFailure,
    AliasMove,
    Change,
    DeployableVersion,
    Deployment,
)
from shelflife.serving.ports import Aliases, Deployments, Models, Versions
from shelflife.serving.rollouts import RolloutControl
from shelflife.serving.shifts import Shifts
from shelflife.serving.strategy import AT_ONCE
from shelflife.serving.traffic import only


@dataclass(frozen=True, slots=True)
class Activations:
    """Being told again, or late, changes nothing: what counts is the newest move that is known."""

    deployments: Deployments
    aliases: Aliases
    versions: Versions
    models: Models
    shifts: Shifts
    rollouts: RolloutControl
    now: Clock

    def register(self, told: ModelVersionRegistered) -> None:
        """Try the version, so that it can be deployed, or not, before anybody asks for it."""
        self._try(told.registered)

    def follow(self, told: ModelVersionPromoted) -> None:
        """Let every deployment that follows the alias answer with the promoted version.

        A version that cannot answer is noted on the deployments, which go on with what they answered with.

        Raises:
            DeploymentChangedError: somebody wrote one of them meanwhile; all others have caught up.
        """
        move = AliasMove(
            alias=told.alias,
            serving=told.promoted,
            position=AliasMove.position_of(told.happened_at, told.event_id),
        )
        if self.aliases.keep(move):
            self._catch_up(move, self.aliases.followers(told.promoted.model_name, told.alias))

    def start(self, told: DeploymentCreated) -> None:
        """Let a new deployment answer with what its alias points to already, if that was ever told."""
        self._start(told.deployment, told.model_name, told.alias)

    def go_on(self, told: RolloutEnded | ExperimentEnded) -> None:
        """Let a deployment whose traffic is free again follow what its alias did meanwhile."""
        self._start(told.deployment, told.model_name, told.alias)

    def _start(self, deployment: str, model_name: str, alias: str) -> None:
        move = self.aliases.find(model_name, alias)
        if move is not None:
            self._catch_up(move, [deployment])

    def _catch_up(self, move: AliasMove, names: list[str]) -> None:
        behind = [deployment for name in names if (deployment := self._behind(name, move))]
        unusable = self._try(move.serving) if behind else None
        lost: DeploymentChangedError | None = None
        for deployment in behind:
            try:
                self._move(deployment, move, unusable)
            except DeploymentChangedError as error:
                lost = error
        if lost is not None:
            raise lost

    def _behind(self, name: str, move: AliasMove) -> Deployment | None:
        """The deployment, unless it is gone, follows something else by now, needs nothing, or cannot yet.

        During a rollout or an experiment its traffic is not ours: when that is over, we are told (`go_on`).
        """
        found = self.deployments.find(name)
        if found is None or (found.model_name, found.alias) != (move.serving.model_name, move.alias):
            return None
        if found.rollout_id is not None or found.experiment_id is not None:
            return None
        failed = found.last_failure is not None and found.last_failure.rollout_id is None
        new = found.followed < move.position or (found.followed == move.position and failed)
        return found if new else None

    def _try(self, reference: ModelVersionReference) -> str | None:
        """Why the version cannot answer, which is kept; nothing if it can."""
        unusable: str | None = None
        try:
            self.models.load(reference)
        except ModelUnusableError as error:
            unusable = error.reason
        self.versions.keep(DeployableVersion(reference=reference, unusable=unusable))
        return unusable

    def _move(self, deployment: Deployment, move: AliasMove, unusable: str | None) -> None:
        if deployment.is_stable(move.serving):
            self.deployments.change(deployment.followed_to(move))
        elif unusable is not None:
            failure = ActivationFailure(
                model_version=move.serving.version, reason=unusable, failed_at=self.now()
            )
            self.deployments.change(deployment.followed_to(move).failed(failure))
        else:
            self._hand_over(deployment, move)

    def _hand_over(self, deployment: Deployment, move: AliasMove) -> None:
        version = move.serving.version
        reason = f"alias {move.alias!r} moved to version {version}"
        change = Change(changed_by="alias", reason=reason)
        following, strategy = deployment.followed_to(move), self.rollouts.rollouts.strategy(deployment.name)
        if deployment.stable is None or strategy == AT_ONCE:
            self.shifts.shift(following, only(version), change)
        else:
            self.rollouts.begin(following, version, strategy, change)
