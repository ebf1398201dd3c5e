"""How a rollout ends: the deployment's traffic is nobody's again, and everybody is told."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from shelflife.contracts.serving import RolloutEnded
from shelflife.kernel.ids import Clock, NewId
from shelflife.serving.errors import DeploymentChangedError, RolloutChangedError
from shelflife.serving.model import ActivationFailure, Change, Deployment
from shelflife.serving.ports import Deployments, Rollouts
from shelflife.serving.rollout import Rollout, RolloutState
from shelflife.serving.shifts import Shifts

T = TypeVar("T")

#: How often a word is said at the most, where others wrote at the same time.
_TRIES = 5


def insisting(use: Callable[[], T]) -> T:
    """Do it again where the workflow, which looks at its rollout all the time, has written in between."""
    for _ in range(_TRIES - 1):
        with suppress(RolloutChangedError, DeploymentChangedError):
            return use()
    return use()


@dataclass(frozen=True, slots=True)
class Endings:
    deployments: Deployments
    rollouts: Rollouts
    shifts: Shifts
    now: Clock
    new_id: NewId

    def end(self, rollout: Rollout, state: RolloutState, change: Change) -> Rollout:
        """End the rollout; unless it succeeded, the deployment answers as it did before it.

        The rule, the rollout and the news of it are one write.

        Raises:
            DeploymentChangedError: somebody else changed the deployment or the rollout meanwhile.
        """
        ended = rollout.ended(state, change.reason, self.now())
        deployment = self.deployments.find(rollout.deployment)
        if deployment is None or deployment.rollout_id != rollout.rollout_id:
            # It was deleted meanwhile, and perhaps made again: there is no traffic to give back.
            return self.rollouts.change(ended)
        free = deployment.rolling_out(None)
        if state is not RolloutState.SUCCEEDED:
            free = free.failed(self._failure(ended))
        news = [self._news(ended, free)]
        if state is RolloutState.SUCCEEDED or free.traffic is None or free.traffic.rule == rollout.before:
            self.deployments.change(free, rollout=ended, news=news)
        else:
            self.shifts.shift(free, rollout.before, change, rollout=ended, news=news)
        return ended.written

    def _failure(self, ended: Rollout) -> ActivationFailure:
        return ActivationFailure(
            model_version=ended.to_version,
            reason=f"rollout {ended.state.value}: {ended.outcome}",
            failed_at=self.now(),
            rollout_id=ended.rollout_id,
        )

    def _news(self, ended: Rollout, deployment: Deployment) -> RolloutEnded:
        return RolloutEnded(
            event_id=self.new_id(),
            happened_at=self.now(),
            deployment=ended.deployment,
            rollout_id=ended.rollout_id,
            model_name=ended.model_name,
            alias=deployment.alias,
            from_version=ended.from_version,
            to_version=ended.to_version,
            outcome=ended.state.value,
            reason=ended.outcome or "",
        )
