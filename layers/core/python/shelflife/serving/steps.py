"""A rollout's steps, as the workflow takes them; asked again for the same, it is answered the same.

People may pause or abort the rollout at any moment: each question reads it anew, and writes only what was
not changed since.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from shelflife.kernel.ids import Clock
from shelflife.serving.capture_ports import Windows
from shelflife.serving.endings import Endings, insisting
from shelflife.serving.errors import (
    DeploymentNotFoundError,
    RolloutNotFoundError,
    RolloutTakenError,
)
from shelflife.serving.figures import Figures, merged
from shelflife.serving.judgement import Judgement, Verdict, judge
from shelflife.serving.model import Change
from shelflife.serving.ports import Deployments, Executions, Rollouts
from shelflife.serving.rollout import AppliedStep, Rollout, RolloutState
from shelflife.serving.shifts import Shifts
from shelflife.serving.strategy import LOOKS_PER_STEP, InsufficientData, Step, looks
from shelflife.serving.tasks import (
    Action,
    ApplyStep,
    EndRollout,
    ExecutionEnd,
    HoldRollout,
    Progress,
    RolloutTask,
    StoppedRollout,
)

_WORKFLOW = "deploy_model"
_STOPPED = {
    ExecutionEnd.ABORTED: (RolloutState.ABORTED, "was stopped"),
    ExecutionEnd.TIMED_OUT: (RolloutState.FAILED, "timed out"),
    ExecutionEnd.FAILED: (RolloutState.FAILED, "failed"),
}
#: What was answered before a rollout is its baseline where the stable variant has no traffic any more.
_BEFORE = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_WHOLE = 100
#: Causes of failed tasks hold whole traces.
_LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class RolloutSteps:
    deployments: Deployments
    rollouts: Rollouts
    windows: Windows
    executions: Executions
    shifts: Shifts
    endings: Endings
    now: Clock

    def apply(self, asked: ApplyStep) -> Progress:
        """Give the candidate the step's weight, as a new revision.

        Raises:
            RolloutTakenError: another execution carries the rollout.
            DeploymentChangedError: somebody else changed the deployment or the rollout meanwhile.
        """
        rollout = self._carried(asked)
        stays = self._stays(rollout)
        if stays is not None:
            return stays
        if len(rollout.applied) <= asked.number:
            rollout = self._applied(rollout, asked.number)
        return self._baking(rollout, 0.0)

    def judge(self, asked: RolloutTask) -> Progress:
        """Look at the figures of the step; what to do next.

        Raises:
            RolloutTakenError: another execution carries the rollout.
            RolloutChangedError: somebody else changed it meanwhile.
        """
        rollout = self._carried(asked)
        stays = self._stays(rollout)
        if stays is not None:
            return stays
        step = rollout.step
        if step is None:
            return Progress(action=Action.APPLY, number=0)
        elapsed = (self.now() - rollout.applied[-1].started_at).total_seconds()
        if not step.is_judged:
            return self._baking(rollout, elapsed) if elapsed < step.bake_seconds else _next(rollout)
        judgement = self._judged(rollout, step)
        return self._decided(self.rollouts.change(rollout.judged(judgement)), judgement, elapsed)

    def hold(self, asked: HoldRollout) -> None:
        """Keep the token with which a paused rollout goes on; one that is not paused any more goes on now.

        Raises:
            RolloutChangedError: somebody else changed it meanwhile.
        """
        rollout = self._carried(asked)
        if rollout.state is RolloutState.PAUSED:
            self.rollouts.change(rollout.model_copy(update={"task_token": asked.task_token}))
        else:
            self.executions.go_on(asked.task_token)

    def end(self, asked: EndRollout) -> Rollout:
        """End the rollout with this outcome, unless it has one already.

        Raises:
            RolloutTakenError: another execution carries the rollout.
            DeploymentChangedError: somebody else changed the deployment or the rollout meanwhile.
        """
        rollout = self._carried(asked)
        if rollout.state.is_over:
            return rollout
        reason = asked.reason[:_LONGEST_REASON]
        change = Change(changed_by=_WORKFLOW, reason=reason, rollout_id=rollout.rollout_id)
        return self.endings.end(rollout, asked.outcome, change)

    def end_stopped(self, told: StoppedRollout) -> None:
        """End the rollout that this execution left under way; the deployment answers as before it.

        Nothing is done for a rollout that is over, or that another execution carries.

        Raises:
            DeploymentChangedError: others kept changing the deployment or the rollout.
        """
        outcome, what = _STOPPED[told.status]
        reason = f"its execution {what}" + (f": {told.cause}" if told.cause else "")
        asked = EndRollout(
            deployment=told.deployment,
            rollout_id=told.rollout_id,
            execution=told.execution,
            outcome=outcome,
            reason=reason,
        )
        with suppress(RolloutNotFoundError, RolloutTakenError):
            insisting(lambda: self.end(asked))

    def _carried(self, asked: RolloutTask) -> Rollout:
        """The rollout, which this execution carries from the first time that it asks."""
        rollout = self.rollouts.find(asked.deployment, asked.rollout_id)
        if rollout is None:
            raise RolloutNotFoundError(asked.deployment, asked.rollout_id)
        if rollout.execution is None:
            return self.rollouts.change(rollout.model_copy(update={"execution": asked.execution}))
        if rollout.execution != asked.execution:
            raise RolloutTakenError(asked.deployment, asked.rollout_id)
        return rollout

    def _stays(self, rollout: Rollout) -> Progress | None:
        """Why nothing is to be done now."""
        if rollout.state is RolloutState.PAUSED:
            return Progress(action=Action.HOLD)
        deployment = self.deployments.find(rollout.deployment)
        gone = deployment is None or deployment.rollout_id != rollout.rollout_id
        if rollout.state.is_over:
            return Progress(action=Action.STOP, outcome=rollout.state, reason=rollout.outcome or "")
        if gone:
            reason = "the deployment was deleted"
            return Progress(action=Action.FINISH, outcome=RolloutState.ABORTED, reason=reason)
        return None

    def _applied(self, rollout: Rollout, number: int) -> Rollout:
        deployment = self.deployments.find(rollout.deployment)
        if deployment is None:
            raise DeploymentNotFoundError(rollout.deployment)
        step = rollout.strategy.steps[number]
        of = f"step {number + 1} of {len(rollout.strategy.steps)}"
        change = Change(
            changed_by=_WORKFLOW,
            reason=f"{of}: version {rollout.to_version} has {step.weight:g} percent",
            rollout_id=rollout.rollout_id,
        )
        applied = AppliedStep(number=number, revision=deployment.revision + 1, started_at=self.now())
        rollout = rollout.at_step(applied)
        self.shifts.shift(deployment, rollout.rule(step), change, rollout=rollout)
        return rollout.written

    def _judged(self, rollout: Rollout, step: Step) -> Judgement:
        applied = rollout.applied[-1]
        stable, observed = rollout.before.stable.name, rollout.observed(step)
        candidate = self._figures(rollout, applied.revision, observed)
        if step.weight < _WHOLE:
            baseline = self._figures(rollout, applied.revision, stable)
        else:
            earlier = (rollout.before_revision, *(one.revision for one in rollout.applied[:-1]))
            baseline = merged([self._figures(rollout, revision, stable) for revision in earlier])
        return judge(baseline, candidate, rollout.strategy.criteria, looks(rollout.strategy))

    def _figures(self, rollout: Rollout, revision: int, variant: str) -> Figures:
        since = rollout.started_at - _BEFORE
        if rollout.applied and revision == rollout.applied[-1].revision:
            since = rollout.applied[-1].started_at
        return self.windows.between(rollout.deployment, revision, variant, since, self.now() + _MINUTE)

    def _decided(self, rollout: Rollout, judgement: Judgement, elapsed: float) -> Progress:
        strategy, step = rollout.strategy, rollout.strategy.steps[rollout.applied[-1].number]
        if judgement.verdict is Verdict.UNHEALTHY:
            return _ended(RolloutState.ROLLED_BACK, judgement.why)
        if elapsed < step.bake_seconds:
            return self._baking(rollout, elapsed)
        if judgement.verdict is Verdict.HEALTHY:
            return _next(rollout)
        if elapsed < step.bake_seconds + strategy.patience_seconds:
            wait = max(ceil(strategy.patience_seconds / LOOKS_PER_STEP), 1)
            return Progress(
                action=Action.BAKE, number=rollout.applied[-1].number, wait_seconds=wait, reason=judgement.why
            )
        if strategy.on_insufficient_data is InsufficientData.GO_ON:
            return _next(rollout)
        return _ended(RolloutState.ROLLED_BACK, f"insufficient data: {judgement.why}")

    def _baking(self, rollout: Rollout, elapsed: float) -> Progress:
        step = rollout.strategy.steps[rollout.applied[-1].number]
        check = max(1, ceil(step.bake_seconds / LOOKS_PER_STEP)) if step.is_judged else step.bake_seconds
        left = max(0, ceil(step.bake_seconds - elapsed))
        return Progress(action=Action.BAKE, number=rollout.applied[-1].number, wait_seconds=min(check, left))


def _next(rollout: Rollout) -> Progress:
    if rollout.next_step is not None:
        return Progress(action=Action.APPLY, number=rollout.next_step)
    return _ended(RolloutState.SUCCEEDED, f"version {rollout.to_version} answers everything")


def _ended(outcome: RolloutState, reason: str) -> Progress:
    return Progress(action=Action.FINISH, outcome=outcome, reason=reason)
