"""Simulated A/B experiments: the sums of two variants, look after look, drawn with numpy."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shelflife.serving.sequential import Comparison, Decision, Goal, Sums, compare


@dataclass(frozen=True)
class Experiment:
    """What is true: each variant's mean and number of samples at the end; looks are equally far apart.

    Of kind `normal` with deviation 1, `exponential`, or `proportion`.
    """

    kind: str
    means: tuple[float, float]
    sizes: tuple[int, int] = (20_000, 20_000)
    looks: int = 50

    def goal(self, alpha: float = 0.05) -> Goal:
        return Goal(kind="proportion" if self.kind == "proportion" else "mean", alpha=alpha)

    def drawn(self, random: np.random.Generator) -> tuple[list[Sums], list[Sums]]:
        """Both variants' sums at every look."""
        a, b = (self._sums(random, mean, size) for mean, size in zip(self.means, self.sizes, strict=True))
        return a, b

    def _sums(self, random: np.random.Generator, mean: float, size: int) -> list[Sums]:
        batch = size // self.looks
        if self.kind == "proportion":
            totals = squares = random.binomial(batch, mean, self.looks).cumsum().astype(float)
        else:
            shape = (self.looks, batch)
            values = (
                random.normal(mean, 1, shape) if self.kind == "normal" else random.exponential(mean, shape)
            )
            totals, squares = values.sum(axis=1).cumsum(), (values**2).sum(axis=1).cumsum()
        return [
            Sums(count=batch * (look + 1), total=total, squares=square)
            for look, (total, square) in enumerate(zip(totals.tolist(), squares.tolist(), strict=True))
        ]


def seen(experiment: Experiment, count: int, goal: Goal) -> Iterator[Iterator[Comparison]]:
    """What is seen at every look of so many experiments."""
    random = np.random.default_rng(11)
    for _ in range(count):
        yield (compare(a, b, goal) for a, b in zip(*experiment.drawn(random), strict=True))


def decided(experiment: Experiment, count: int) -> dict[Decision, float]:
    """The shares of experiments that got each decision, by stopping at the first one."""
    ends = [
        next((look.decision for look in looks if look.decision is not Decision.UNDECIDED), Decision.UNDECIDED)
        for looks in seen(experiment, count, experiment.goal())
    ]
    return {decision: ends.count(decision) / count for decision in Decision}


def samples_to_decide(experiment: Experiment, count: int) -> float:
    """Samples of variant a at the first decision, as a median; infinite where none came."""
    return float(
        np.median(
            [
                next((look.samples_a for look in looks if look.decision is not Decision.UNDECIDED), math.inf)
                for looks in seen(experiment, count, experiment.goal())
            ]
        )
    )


def covered(experiment: Experiment, count: int, alpha: float) -> float:
    """The share of experiments whose interval holds the true effect at every look."""
    effect = experiment.means[1] - experiment.means[0]
    held = [
        all(look.lower is None or look.upper is None or look.lower <= effect <= look.upper for look in looks)
        for looks in seen(experiment, count, experiment.goal(alpha))
    ]
    return sum(held) / count


def naively_decided(experiment: Experiment, count: int) -> float:
    """The share of experiments that a 5 % test at every look calls different at some look.

    With the same minimum as ours, for a fair comparison.
    """
    random = np.random.default_rng(11)
    least = experiment.goal().minimum_samples
    alarms = 0
    for _ in range(count):
        pairs = zip(*experiment.drawn(random), strict=True)
        scores = [_score(a, b) for a, b in pairs if min(a.count, b.count) >= least]
        alarms += max(scores) > 1.96
    return alarms / count


def _score(a: Sums, b: Sums) -> float:
    variance = a.variance / a.count + b.variance / b.count
    return abs(b.mean - a.mean) / math.sqrt(variance) if variance else 0.0
