"""Activation: deployments catch up with the alias that they follow."""

from dataclasses import dataclass

from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.registry import ModelVersionPromoted
from shelflife.contracts.serving import DeploymentActivated, DeploymentCreated
from shelflife.kernel.ids import Clock, NewId
from shelflife.serving.errors import DeploymentChangedError, ModelUnusableError
from shelflife.serving.model import ActivationFailure, AliasMove, Deployment, Revision
from shelflife.serving.ports import Aliases, Deployments, Models


@dataclass(frozen=True, slots=True)
class Activations:
    """Being told again, or late, changes nothing: what counts is the newest move that is known."""

    deployments: Deployments
    aliases: Aliases
    models: Models
    now: Clock
    new_id: NewId

    def follow(self, told: ModelVersionPromoted) -> None:
        """Let every deployment that follows the alias serve the promoted version.

        A version that cannot serve is noted on the deployments, which go on with what they served.

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
        """Let a new deployment serve what its alias points to already, if that was ever told."""
        move = self.aliases.find(told.model_name, told.alias)
        if move is not None:
            self._catch_up(move, [told.deployment])

    def _catch_up(self, move: AliasMove, names: list[str]) -> None:
        behind = [deployment for name in names if (deployment := self._behind(name, move))]
        failure = self._failure(move.serving) if behind else None
        lost: DeploymentChangedError | None = None
        for deployment in behind:
            try:
                self._move(deployment, move, failure)
            except DeploymentChangedError as error:
                lost = error
        if lost is not None:
            raise lost

    def _behind(self, name: str, move: AliasMove) -> Deployment | None:
        """The deployment, unless it is gone, follows something else by now, or needs nothing."""
        found = self.deployments.find(name)
        if found is None or (found.model_name, found.alias) != (move.serving.model_name, move.alias):
            return None
        done = found.serves(move.serving) and found.last_failure is None
        return None if found.followed > move.position or done else found

    def _failure(self, reference: ModelVersionReference) -> ActivationFailure | None:
        """Why the version cannot serve; nothing if it can."""
        try:
            self.models.load(reference)
        except ModelUnusableError as error:
            return ActivationFailure(
                model_version=reference.version, reason=error.reason, failed_at=self.now()
            )
        return None

    def _move(self, deployment: Deployment, move: AliasMove, failure: ActivationFailure | None) -> None:
        if deployment.serves(move.serving):
            self.deployments.change(deployment.kept(move))
        elif failure is not None:
            self.deployments.change(deployment.failed(move, failure))
        else:
            self._activate(deployment, move)

    def _activate(self, deployment: Deployment, move: AliasMove) -> None:
        at, number = self.now(), deployment.revision + 1
        revision = Revision(
            deployment=deployment.name, revision=number, serving=move.serving, activated_at=at
        )
        news = DeploymentActivated(
            event_id=self.new_id(),
            happened_at=at,
            deployment=deployment.name,
            revision=number,
            serving=move.serving,
        )
        self.deployments.activate(deployment.activated(move, number), revision, news)
