"""Is a candidate as good as the baseline? Asked again and again while a rollout bakes.

A criterion is *unhealthy* when its value is above the limit beyond chance: when a lower bound of the true
value is above it. The bound fails with a chance of alpha / (looks x criteria), so that by Bonferroni the
chance that a candidate within all limits is ever found unhealthy, over all looks of a rollout, is at most
alpha. That costs some samples against tighter group-sequential bounds, and asks nothing of how the looks and
criteria hang together; most of the tests are exact, which no plan of normal increments is.

It is *healthy* when there are enough samples and the value is within the limit, and *insufficient data*
otherwise: too few samples, or a value above the limit that may be chance. Formulas: comparisons.py and
bounds.py.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from shelflife.kernel.model import Model
from shelflife.serving import comparisons
from shelflife.serving.comparisons import Comparison
from shelflife.serving.figures import Figures

Criterion = Literal["error_rate", "refusals", "latency", "predictions", "shadow", "label_loss"]
Limit = float | None
_Compare = Callable[[Figures, Figures], Comparison]


class Verdict(StrEnum):
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    INSUFFICIENT_DATA = "insufficient_data"


class Criteria(Model):
    """How much worse a candidate may be; null switches a criterion off.

    Rises of error and refusal rates are shares of the requests (0.01 is one point), ratios are to the
    baseline. A criterion that is `required` holds a healthy verdict up until it has its samples; the others
    count once they have them: labels may come days later, and a rollout may have no shadow. Shadow
    disagreement is off unless asked for, because a better model disagrees as well.
    """

    minimum_samples: int = Field(default=200, ge=30)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    max_error_increase: Limit = Field(default=0.01, ge=0, le=1)
    max_refusal_increase: Limit = Field(default=0.05, ge=0, le=1)
    max_latency_ratio: Limit = Field(default=1.5, ge=1, allow_inf_nan=False)
    max_prediction_psi: Limit = Field(default=0.2, gt=0, allow_inf_nan=False)
    max_shadow_disagreement: Limit = Field(default=None, ge=0, le=1)
    max_label_loss_ratio: Limit = Field(default=1.1, ge=1, allow_inf_nan=False)
    required: tuple[Criterion, ...] = ("error_rate", "latency", "predictions")

    @model_validator(mode="after")
    def _judges_something(self) -> Self:
        if not self.limits:
            raise ValueError("every criterion is off: nothing would ever be found healthy")
        return self

    @property
    def limits(self) -> dict[Criterion, float]:
        """The limits of the criteria that are on."""
        every: dict[Criterion, Limit] = {
            "error_rate": self.max_error_increase,
            "refusals": self.max_refusal_increase,
            "latency": self.max_latency_ratio,
            "predictions": self.max_prediction_psi,
            "shadow": self.max_shadow_disagreement,
            "label_loss": self.max_label_loss_ratio,
        }
        return {name: limit for name, limit in every.items() if limit is not None}


class Finding(Model):
    """What one criterion says.

    `bound` is the least that the value truly is, as far as chance allows; told where the value is above its
    limit.
    """

    criterion: Criterion
    verdict: Verdict
    value: float | None
    bound: float | None
    limit: float
    baseline_samples: int
    candidate_samples: int
    required: bool
    why: str

    @property
    def fewest(self) -> int:
        return min(self.baseline_samples, self.candidate_samples)

    @property
    def decided(self) -> bool:
        return self.verdict is not Verdict.INSUFFICIENT_DATA


class Judgement(Model):
    verdict: Verdict
    findings: tuple[Finding, ...]
    why: str


def judge(baseline: Figures, candidate: Figures, criteria: Criteria, looks: int = 1) -> Judgement:
    """The verdict of this look; `looks` is how often the whole rollout will look, over all of its steps.

    Give both sides the figures of the same minutes, with the same weights: those of one step. Over steps of
    different weights, a bad hour would count more for one side than for the other.

    Raises:
        ValueError: a rollout that never looks.
    """
    if looks < 1:
        raise ValueError(f"a rollout looks at least once, not {looks} times")
    limits = criteria.limits
    alpha = criteria.alpha / (looks * len(limits))
    findings = tuple(
        _found(name, limit, _COMPARE[name](baseline, candidate), criteria, alpha)
        for name, limit in limits.items()
    )
    verdict, telling = _together(findings, criteria.minimum_samples)
    return Judgement(verdict=verdict, findings=findings, why=". ".join(one.why for one in telling))


def _together(findings: Sequence[Finding], minimum: int) -> tuple[Verdict, Sequence[Finding]]:
    """The verdict, and the findings that it rests on."""
    by_verdict = {verdict: [one for one in findings if one.verdict is verdict] for verdict in Verdict}
    if by_verdict[Verdict.UNHEALTHY]:
        return Verdict.UNHEALTHY, by_verdict[Verdict.UNHEALTHY]
    waiting = [one for one in by_verdict[Verdict.INSUFFICIENT_DATA] if one.required or one.fewest >= minimum]
    if waiting or not by_verdict[Verdict.HEALTHY]:
        return Verdict.INSUFFICIENT_DATA, waiting or findings
    return Verdict.HEALTHY, by_verdict[Verdict.HEALTHY]


def _found(name: Criterion, limit: float, seen: Comparison, criteria: Criteria, alpha: float) -> Finding:
    bound = seen.lower(alpha) if seen.value is not None and seen.value > limit else None
    enough = min(seen.samples) >= criteria.minimum_samples
    harms = bound is not None and bound > limit and (enough or seen.is_exact)
    fits = enough and seen.value is not None and seen.value <= limit
    verdict = Verdict.UNHEALTHY if harms else Verdict.HEALTHY if fits else Verdict.INSUFFICIENT_DATA
    reasons = {
        Verdict.UNHEALTHY: f"above the limit of {limit:g}, and not by chance",
        Verdict.HEALTHY: f"within the limit of {limit:g}",
        Verdict.INSUFFICIENT_DATA: f"above the limit of {limit:g}, which may be chance"
        if enough
        else f"too few to say, {criteria.minimum_samples:,} are needed on both sides",
    }
    return Finding(
        criterion=name,
        verdict=verdict,
        value=seen.value,
        bound=bound,
        limit=limit,
        baseline_samples=seen.samples[0],
        candidate_samples=seen.samples[1],
        required=name in criteria.required,
        why=f"{name}: {seen.told}; {reasons[verdict]}",
    )


_COMPARE: dict[Criterion, _Compare] = {
    "error_rate": comparisons.error_rates,
    "refusals": comparisons.refusal_rates,
    "latency": comparisons.latencies,
    "predictions": comparisons.predictions,
    "shadow": comparisons.disagreements,
    "label_loss": comparisons.label_losses,
}
