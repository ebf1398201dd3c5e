"""Strategies: in which steps a version takes over a deployment's traffic, and when it does not."""

from enum import StrEnum
from math import ceil
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from shelflife.kernel.model import Model
from shelflife.serving.judgement import Criteria

#: How often a step looks at its figures while it bakes, and again as often while it waits for more of them.
LOOKS_PER_STEP = 10
_WEEK = 7 * 24 * 3600

Seconds = Annotated[int, Field(ge=0, le=_WEEK)]
Percent = Annotated[float, Field(gt=0, le=100, multiple_of=0.01)]
Share = Annotated[float, Field(ge=0, le=1)]


class InsufficientData(StrEnum):
    """What becomes of a step that had too few requests to say anything."""

    ROLL_BACK = "roll_back"
    GO_ON = "go_on"


class Step(Model):
    """The candidate has `weight` percent for `bake_seconds`, and shadows `shadow_rate` of all requests."""

    weight: float
    bake_seconds: int
    shadow_rate: float = 0.0

    @property
    def is_judged(self) -> bool:
        """Whether there will be figures of the candidate: it answers, or shadows, for a while."""
        return self.bake_seconds > 0 and (self.weight > 0 or self.shadow_rate > 0)


class _Judged(Model):
    """`patience_seconds` is how much longer a step waits for enough requests after it has baked."""

    criteria: Criteria = Criteria()
    patience_seconds: Seconds = 3600
    on_insufficient_data: InsufficientData = InsufficientData.ROLL_BACK


class AllAtOnce(_Judged):
    """The version answers everything at once; with time to bake, it is judged by what was answered before."""

    kind: Literal["all_at_once"] = "all_at_once"
    bake_seconds: Seconds = 0

    @property
    def steps(self) -> tuple[Step, ...]:
        return (Step(weight=100, bake_seconds=self.bake_seconds),)


class BlueGreen(_Judged):
    """The version (green) stands beside the old one (blue), is tried, and takes over everything in one move.

    While it is tried it answers those who name it, and sees `shadow_rate` of what blue answers. Then it bakes
    with blue ready to take over again.
    """

    kind: Literal["blue_green"] = "blue_green"
    trial_seconds: Seconds = 300
    shadow_rate: Share = 1.0
    bake_seconds: Seconds = 600

    @property
    def steps(self) -> tuple[Step, ...]:
        return (
            Step(weight=0, bake_seconds=self.trial_seconds, shadow_rate=self.shadow_rate),
            Step(weight=100, bake_seconds=self.bake_seconds),
        )


class Canary(_Judged):
    """A small share first, then everything."""

    kind: Literal["canary"] = "canary"
    weight: Annotated[float, Field(gt=0, lt=100, multiple_of=0.01)] = 10.0
    bake_seconds: Seconds = 600
    final_bake_seconds: Seconds = 0

    @property
    def steps(self) -> tuple[Step, ...]:
        return (
            Step(weight=self.weight, bake_seconds=self.bake_seconds),
            Step(weight=100, bake_seconds=self.final_bake_seconds),
        )


class Linear(_Judged):
    """The same share more, step by step."""

    kind: Literal["linear"] = "linear"
    increment: Annotated[float, Field(ge=1, le=50, multiple_of=0.01)] = 10.0
    bake_seconds: Seconds = 300
    final_bake_seconds: Seconds = 0

    @property
    def steps(self) -> tuple[Step, ...]:
        weights = [round(self.increment * at, 2) for at in range(1, ceil(100 / self.increment))]
        return (
            *(Step(weight=weight, bake_seconds=self.bake_seconds) for weight in weights),
            Step(weight=100, bake_seconds=self.final_bake_seconds),
        )


Strategy = Annotated[AllAtOnce | BlueGreen | Canary | Linear, Field(discriminator="kind")]
AT_ONCE = AllAtOnce()


_ADAPTER: TypeAdapter[AllAtOnce | BlueGreen | Canary | Linear] = TypeAdapter(Strategy)


def read(text: str) -> AllAtOnce | BlueGreen | Canary | Linear:
    """A strategy from its JSON."""
    return _ADAPTER.validate_json(text)


def looks(strategy: AllAtOnce | BlueGreen | Canary | Linear) -> int:
    """How often a rollout looks at its figures at the most: its chance of a false alarm covers them all."""
    judged = sum(step.is_judged for step in strategy.steps)
    return max(1, 2 * LOOKS_PER_STEP * judged)
