"""A rollout: a version takes over a deployment's traffic step by step, or does not, and why."""

from enum import StrEnum

from shelflife.kernel.ids import Moment, Name
from shelflife.kernel.model import Model
from shelflife.serving.judgement import Judgement
from shelflife.serving.strategy import Step, Strategy
from shelflife.serving.traffic import LiveVariant, ShadowVariant, TrafficRule, live, only

_SHADOW = "{name}-shadow"
_WHOLE = 100


class RolloutState(StrEnum):
    RUNNING = "running"
    #: The traffic stays as it is until somebody lets it go on.
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    #: The candidate was judged worse, or too little could be said of it.
    ROLLED_BACK = "rolled_back"
    #: Somebody ended it.
    ABORTED = "aborted"
    #: The workflow could not go on.
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        return self not in (RolloutState.RUNNING, RolloutState.PAUSED)


class AppliedStep(Model):
    """A step as it went: the revision in which its weights are, since when, and how it was judged last."""

    number: int
    revision: int
    started_at: Moment
    judgement: Judgement | None = None


class Rollout(Model):
    """One deployment's way from a version to another.

    `before` is the rule that it comes back to if it fails, of revision `before_revision`. `execution` is the
    workflow's execution that carries it: a second one is refused. `task_token` lets a paused execution go on.
    `change` is that of the record as it was read, counted up with every write.
    """

    rollout_id: str
    deployment: Name
    model_name: Name
    from_version: int
    to_version: int
    strategy: Strategy
    before: TrafficRule
    before_revision: int
    started_at: Moment
    started_by: str
    reason: str
    state: RolloutState = RolloutState.RUNNING
    applied: tuple[AppliedStep, ...] = ()
    ended_at: Moment | None = None
    outcome: str | None = None
    execution: str | None = None
    task_token: str | None = None
    change: int = 0

    @property
    def candidate(self) -> str:
        """The name of the variant that is tried: another than any in the rule before."""
        name = only(self.to_version).stable.name
        taken = {variant.name for variant in (*self.before.live, *self.before.shadows)}
        return name if name not in taken else f"{name}-{self.rollout_id}"

    @property
    def step(self) -> Step | None:
        """The step that it is at; nothing before the first."""
        return self.strategy.steps[self.applied[-1].number] if self.applied else None

    @property
    def next_step(self) -> int | None:
        """The number of the step that comes; nothing after the last."""
        number = self.applied[-1].number + 1 if self.applied else 0
        return number if number < len(self.strategy.steps) else None

    @property
    def written(self) -> "Rollout":
        """What is kept of it: the next state of its record."""
        return self.model_copy(update={"change": self.change + 1})

    def rule(self, step: Step) -> TrafficRule:
        """The traffic of a step: the stable variant and the candidate, and nobody else."""
        candidate = live(self.to_version, step.weight, self.candidate)
        shadows: tuple[ShadowVariant, ...] = ()
        if step.shadow_rate:
            name = _SHADOW.format(name=self.candidate)
            shadows = (
                ShadowVariant(name=name, model_version=self.to_version, sampling_rate=step.shadow_rate),
            )
        if step.weight == _WHOLE:
            return TrafficRule(live=(candidate,), shadows=shadows)
        return TrafficRule(live=(self._stable(_WHOLE - step.weight), candidate), shadows=shadows)

    def observed(self, step: Step) -> str:
        """The variant whose figures are judged: a candidate without traffic is judged by its shadow."""
        return self.candidate if step.weight else _SHADOW.format(name=self.candidate)

    def at_step(self, applied: AppliedStep) -> "Rollout":
        return self.model_copy(update={"applied": (*self.applied, applied)})

    def judged(self, judgement: Judgement) -> "Rollout":
        newest = self.applied[-1].model_copy(update={"judgement": judgement})
        return self.model_copy(update={"applied": (*self.applied[:-1], newest)})

    def rebaking(self, at: Moment) -> "Rollout":
        """It goes on, and its step bakes anew."""
        again = tuple(one.model_copy(update={"started_at": at}) for one in self.applied[-1:])
        return self.model_copy(
            update={
                "state": RolloutState.RUNNING,
                "applied": (*self.applied[:-1], *again),
                "task_token": None,
            }
        )

    def ended(self, state: RolloutState, outcome: str, at: Moment) -> "Rollout":
        return self.model_copy(
            update={"state": state, "outcome": outcome, "ended_at": at, "task_token": None}
        )

    def _stable(self, weight: float) -> LiveVariant:
        return self.before.stable.model_copy(update={"weight": round(weight, 2)})
