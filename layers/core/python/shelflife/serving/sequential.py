"""A/B experiments that may be looked at at any time: does one variant's mean differ from another's?

The mixture sequential probability ratio test with a normal mixture over the effect (Robbins, Statistical
methods related to the law of the iterated logarithm, Ann. Math. Stat. 41, 1970; Johari, Koomen, Pekelis and
Walsh, Always valid inference: continuous monitoring of A/B tests, Operations Research 70, 2022). With d the
difference of the two means, v = s_a^2 / n_a + s_b^2 / n_b its variance and tau the spread of the mixture, the
evidence against "no difference" is

    E = sqrt(v / (v + tau^2)) exp(d^2 tau^2 / (2 v (v + tau^2)))

1 / E is an always-valid p-value, and all effects that it does not refute at level alpha are a confidence
sequence: with a chance of 1 - alpha it holds the true effect at every look at once.

Why it holds with unequal sizes that grow as they like: d has independent increments in the information 1 / v
(Jennison and Turnbull, Group Sequential Methods, 2000, chapter 3), so d / v is a Brownian motion with drift
in that time. The variances are plugged in, so that it holds asymptotically (Waudby-Smith, Arbour, Sinha,
Kennedy and Ramdas, Time-uniform central limit theory and asymptotic confidence sequences, Ann. Stat. 52,
2024), in the number of samples before the first look (Bibaut, Kallus and Lindon, arXiv:2212.14411): hence
`minimum_samples`.
"""

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from shelflife.kernel.model import Model

#: The mixture's spread where no smallest effect of interest is given, in standard deviations of a sample: the
#: sequence is tightest, for its number of samples, at about 1,600 of each variant (alpha 0.05).
DEFAULT_SPREAD = 0.1
#: What is left of a variance below this share of the squared mean is rounding.
_ROUNDING = 1e-12
#: Of a difference; what is smaller could not be squared.
_LEAST_VARIANCE = 1e-100


class Decision(StrEnum):
    A_BETTER = "a_better"
    B_BETTER = "b_better"
    UNDECIDED = "undecided"


class Goal(Model):
    """What makes a variant the better one.

    `alpha` is the chance that an experiment without any difference ever gets a decision, however often it is
    looked at. `minimum_effect` is the smallest difference of the means that matters, in the metric's unit
    (0.01 is one point of a proportion): the test is quickest about there, and correct whatever it is. Choose
    it before the experiment; it becomes the spread of the mixture.

    Samples count as independent, and the weights of the variants as fixed: a key that asks a hundred times is
    one sample of a metric per key, and a change of the weights begins a new experiment.
    """

    kind: Literal["mean", "proportion"] = "mean"
    better: Literal["higher", "lower"] = "higher"
    alpha: float = Field(default=0.05, gt=0, lt=1)
    minimum_samples: int = Field(default=100, ge=2)
    minimum_effect: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class Sums(Model):
    """One variant's metric: number of samples, their sum and that of their squares; shares have 0s and 1s."""

    count: int = Field(default=0, ge=0)
    total: float = Field(default=0.0, allow_inf_nan=False)
    squares: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        least = self.total * self.total / max(self.count, 1)
        if self.squares < least * (1 - 1e-9):
            raise ValueError(
                f"no {self.count} samples have the sum {self.total} and the squares {self.squares}"
            )
        return self

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else 0.0

    @property
    def variance(self) -> float:
        """Of one sample, unbiased; 0 where there is none, or nothing but rounding."""
        if self.count < 2:  # noqa: PLR2004 - one sample has no spread
            return 0.0
        spread = self.squares - self.total * self.mean
        return spread / (self.count - 1) if spread > _ROUNDING * self.squares else 0.0

    @property
    def share_variance(self) -> float:
        """Of one sample of a proportion, with a hit and a miss more (Agresti and Caffo, 2000): never 0."""
        share = (self.total + 1) / (self.count + 2)
        return share * (1 - share)


class Comparison(Model):
    """What an experiment shows by now: b against a.

    `effect` is the mean of b minus that of a, `lower` and `upper` the confidence sequence around it, null
    where nothing can be said yet. `p_value` is always valid: it may be compared with alpha at any time, once
    or often.
    """

    decision: Decision
    effect: float | None
    lower: float | None
    upper: float | None
    p_value: float
    samples_a: int
    samples_b: int
    why: str


def compare(a: Sums, b: Sums, goal: Goal) -> Comparison:
    """Which of the two is better, as far as is known by now."""
    return _compared(a, b, goal, rivals=1)


def compare_to_control(control: Sums, variants: Mapping[str, Sums], goal: Goal) -> dict[str, Comparison]:
    """Each variant (b) against the control (a); alpha is the chance of any false decision among them all.

    By Bonferroni: every one gets its part of alpha, so that intervals and decisions agree, the intervals hold
    together, and p-values are multiplied by the number of variants. Holm's steps would decide a little
    earlier, against the printed intervals.
    """
    return {name: _compared(control, sums, goal, len(variants)) for name, sums in variants.items()}


def log_evidence(effect: float, variance: float, spread: float) -> float:
    """The logarithm of the evidence E against no effect; `variance` is that of the estimate, above 0."""
    score, information = effect / math.sqrt(variance), _information(variance, spread)
    return (score * score * information / (1 + information) - math.log1p(information)) / 2


def radius(variance: float, spread: float, alpha: float) -> float:
    """Half the width of the confidence sequence: effects farther away have evidence over 1 / alpha."""
    information = _information(variance, spread)
    return math.sqrt(variance * (1 + 1 / information) * (math.log1p(information) - 2 * math.log(alpha)))


def _information(variance: float, spread: float) -> float:
    """What is known of an effect of the mixture's size: its square over the variance."""
    ratio = spread / math.sqrt(variance)
    return max(ratio * ratio, _LEAST_VARIANCE)


def _compared(a: Sums, b: Sums, goal: Goal, rivals: int) -> Comparison:
    counted = {"samples_a": a.count, "samples_b": b.count}
    fewest = min(a.count, b.count)
    if fewest < goal.minimum_samples:
        why = f"{fewest} samples of one variant, {goal.minimum_samples} of each are needed"
        effect = b.mean - a.mean if fewest else None
        return _unknown(effect, why, counted)
    effect = b.mean - a.mean
    variances = [one.variance if goal.kind == "mean" else one.share_variance for one in (a, b)]
    variance = variances[0] / a.count + variances[1] / b.count
    if variance < _LEAST_VARIANCE:
        return _unknown(effect, "all samples are alike: nothing tells how sure the difference is", counted)
    spread = goal.minimum_effect or DEFAULT_SPREAD * math.sqrt(sum(variances) / 2)
    reach = radius(variance, spread, goal.alpha / rivals)
    p_value = min(1.0, rivals * math.exp(min(0.0, -log_evidence(effect, variance, spread))))
    decision = _decision(effect, reach, goal)
    return Comparison(
        decision=decision,
        effect=effect,
        lower=effect - reach,
        upper=effect + reach,
        p_value=p_value,
        why=_why(decision, effect, reach),
        **counted,
    )


def _unknown(effect: float | None, why: str, counted: dict[str, int]) -> Comparison:
    return Comparison(
        decision=Decision.UNDECIDED, effect=effect, lower=None, upper=None, p_value=1.0, why=why, **counted
    )


def _decision(effect: float, reach: float, goal: Goal) -> Decision:
    if abs(effect) <= reach:
        return Decision.UNDECIDED
    return Decision.B_BETTER if (effect > 0) == (goal.better == "higher") else Decision.A_BETTER


def _why(decision: Decision, effect: float, reach: float) -> str:
    between = f"b differs from a by {effect:.4g}, between {effect - reach:.4g} and {effect + reach:.4g}"
    return f"{between}: no difference is possible still" if decision is Decision.UNDECIDED else between
