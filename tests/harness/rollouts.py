"""Simulated rollouts: what two variants do, look after look, drawn with numpy."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from shelflife.serving.figures import LATENCY_BOUNDS, PREDICTION_BINS, Figures
from shelflife.serving.judgement import Criteria, Criterion, Judgement, Verdict, judge

Draws = npt.NDArray[np.int64]

#: The defaults, and shadow disagreement on as well.
ALL_CRITERIA = Criteria(max_shadow_disagreement=0.1)
LIMITS: dict[Criterion, str] = {
    "error_rate": "max_error_increase",
    "refusals": "max_refusal_increase",
    "latency": "max_latency_ratio",
    "predictions": "max_prediction_psi",
    "shadow": "max_shadow_disagreement",
    "label_loss": "max_label_loss_ratio",
}
#: Edges of ten equal parts of the baseline's predictions.
EDGES = [NormalDist().inv_cdf(tenth / 10) for tenth in range(1, 10)]


@dataclass(frozen=True)
class World:
    """What is true of a variant: rates, the median of log-normal latencies, normal predictions, exponential
    losses."""

    error_rate: float = 0.005
    refusal_rate: float = 0.01
    latency_ms: float = 20.0
    latency_spread: float = 0.4
    shift: float = 0.0
    disagreement: float = 0.03
    loss: float = 1.0


#: The shift of the predictions at which the true stability index is 0.2.
SHIFT_AT_LIMIT = 0.4583
EQUAL = World()
#: Candidates that are as bad as the limits allow.
AT_LIMIT: dict[Criterion, World] = {
    "error_rate": replace(EQUAL, error_rate=0.015),
    "refusals": replace(EQUAL, refusal_rate=0.06),
    "latency": replace(EQUAL, latency_ms=30.0),
    "predictions": replace(EQUAL, shift=SHIFT_AT_LIMIT),
    "shadow": replace(EQUAL, disagreement=0.1),
    "label_loss": replace(EQUAL, loss=1.1),
}
ALL_AT_LIMIT = World(0.015, 0.06, 30.0, 0.4, SHIFT_AT_LIMIT, 0.1, 1.1)
#: Candidates that are clearly worse.
WORSE: dict[Criterion, World] = {
    "error_rate": replace(EQUAL, error_rate=0.04),
    "refusals": replace(EQUAL, refusal_rate=0.12),
    "latency": replace(EQUAL, latency_ms=45.0),
    "predictions": replace(EQUAL, shift=0.8),
    "shadow": replace(EQUAL, disagreement=0.16),
    "label_loss": replace(EQUAL, loss=1.5),
}


@dataclass(frozen=True)
class Plan:
    """Requests of each side until a look, and how often one looks; a tenth of the requests gets a label."""

    baseline: int = 2000
    candidate: int = 200
    looks: int = 20


@dataclass(frozen=True)
class Ends:
    """Shares of rollouts: found unhealthy at any look, and of the others, what the last look said."""

    unhealthy: float
    healthy: float
    insufficient: float
    #: Requests of the candidate when half of the unhealthy ones had been found.
    median_requests: float | None


def only(criterion: Criterion, limit: float | None = None) -> Criteria:
    """One criterion alone, with all of alpha; its usual limit unless another is given."""
    limits: dict[str, object] = dict.fromkeys(LIMITS.values())
    limits[LIMITS[criterion]] = ALL_CRITERIA.limits[criterion] if limit is None else limit
    return Criteria.model_validate({**limits, "required": []})


def true_index(shift: float) -> float:
    """The stability index of normal predictions that moved by so many deviations, without any chance."""
    before, after = _bin_chances(0), _bin_chances(shift)
    return float(np.sum((after - before) * np.log(after / before)))


def simulated(
    candidate: World,
    *,
    rollouts: int,
    criteria: Criteria = ALL_CRITERIA,
    plan: Plan = Plan(),
    looks_told: int | None = None,
) -> Ends:
    """How rollouts of such a candidate end; `looks_told` is what the judge is told of how often it looks."""
    random = np.random.default_rng(17)
    stops: list[int] = []
    last: list[Verdict] = []
    for _ in range(rollouts):
        stop, verdict = _rolled(random, candidate, criteria, plan, looks_told or plan.looks)
        if verdict is Verdict.UNHEALTHY:
            stops.append(stop * plan.candidate)
        last.append(verdict)
    return Ends(
        unhealthy=last.count(Verdict.UNHEALTHY) / rollouts,
        healthy=last.count(Verdict.HEALTHY) / rollouts,
        insufficient=last.count(Verdict.INSUFFICIENT_DATA) / rollouts,
        median_requests=float(np.median(stops)) if stops else None,
    )


def looked(random: np.random.Generator, world: World, batch: int, looks: int) -> list[Figures]:
    """A variant's figures at every look, all since the start."""
    refused = random.binomial(batch, world.refusal_rate, looks)
    failed = random.binomial(batch - refused, world.error_rate)
    answered = batch - refused - failed
    latencies = random.multinomial(answered, _latency_chances(world.latency_ms, world.latency_spread))
    predictions = random.multinomial(answered, _bin_chances(world.shift))
    unlike = random.binomial(answered, world.disagreement)
    labels = max(batch // 10, 1)
    losses = random.exponential(world.loss, (looks, labels))
    sums, squares = losses.sum(axis=1).cumsum(), (losses**2).sum(axis=1).cumsum()
    rows = [
        part.cumsum(axis=0).tolist() for part in (refused, failed, answered, unlike, latencies, predictions)
    ]
    return [
        Figures(
            requests=batch * (look + 1),
            rows=rows[2][look],
            refusals=rows[0][look],
            failures=rows[1][look],
            latency_counts=tuple(rows[4][look]),
            predictions=rows[2][look],
            prediction_counts=(*rows[5][look], *(0,) * (PREDICTION_BINS - len(EDGES) - 1)),
            pairs=rows[2][look],
            disagreements=rows[3][look],
            labels=labels * (look + 1),
            loss_sum=float(sums[look]),
            loss_squares=float(squares[look]),
        )
        for look in range(looks)
    ]


def _rolled(
    random: np.random.Generator, candidate: World, criteria: Criteria, plan: Plan, told: int
) -> tuple[int, Verdict]:
    verdict = Verdict.INSUFFICIENT_DATA
    for look, seen in enumerate(_judged(random, candidate, criteria, plan, told)):
        verdict = seen.verdict
        if verdict is Verdict.UNHEALTHY:
            return look + 1, verdict
    return plan.looks, verdict


def _judged(
    random: np.random.Generator, candidate: World, criteria: Criteria, plan: Plan, told: int
) -> Iterator[Judgement]:
    before = looked(random, EQUAL, plan.baseline, plan.looks)
    after = looked(random, candidate, plan.candidate, plan.looks)
    for pair in zip(before, after, strict=True):
        yield judge(*pair, criteria, told)


def _latency_chances(median: float, spread: float) -> npt.NDArray[np.float64]:
    log = NormalDist(math.log(median), spread)
    return np.diff([0.0, *(log.cdf(math.log(bound)) for bound in LATENCY_BOUNDS), 1.0])


def _bin_chances(shift: float) -> npt.NDArray[np.float64]:
    moved = NormalDist(shift, 1)
    return np.diff([0.0, *(moved.cdf(edge) for edge in EDGES), 1.0])
