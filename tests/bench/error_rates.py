"""How often judgement and experiments err: larger simulations of what tests/unit/serving checks in small.

Rollouts look 20 times, at 2,000 more requests of the baseline and 200 of the candidate each, and a tenth of
the requests has a label. Experiments look 200 times, up to 20,000 samples of a variant.
"""

from dataclasses import replace

from shelflife.serving.judgement import Criterion
from shelflife.serving.sequential import Decision
from tests.bench.measure import Figure
from tests.harness.experiments import (
    Experiment,
    covered,
    decided,
    naively_decided,
    samples_to_decide,
)
from tests.harness.rollouts import ALL_AT_LIMIT, AT_LIMIT, EQUAL, WORSE, World, only, simulated

_ROLLOUTS = 200
_EXPERIMENTS = 1000
_LOOKS = 200
_MOST_ALARMS = 5.0


def run() -> list[Figure]:
    return [*_rollouts(), *_experiments()]


def _rollouts() -> list[Figure]:
    found = []
    for name, world in {"equal": EQUAL, "at every limit": ALL_AT_LIMIT}.items():
        ends = simulated(world, rollouts=_ROLLOUTS)
        found += [
            Figure(f"rolled back, {name}", 100 * ends.unhealthy, "%", budget=_MOST_ALARMS),
            Figure(f"healthy at the last look, {name}", 100 * ends.healthy, "%"),
        ]
    for name, world in AT_LIMIT.items():
        found += _at_limit(name, world)
    for name, world in WORSE.items():
        ends = simulated(world, rollouts=_ROLLOUTS)
        found += [
            Figure(f"rolled back, worse {name}", 100 * ends.unhealthy, "%"),
            Figure(f"median requests, worse {name}", ends.median_requests or 0, ""),
        ]
    return found


def _at_limit(name: Criterion, world: World) -> list[Figure]:
    """One criterion alone with all of alpha: once with its looks accounted for, once without."""
    ours = simulated(world, rollouts=_ROLLOUTS, criteria=only(name))
    naive = simulated(world, rollouts=_ROLLOUTS, criteria=only(name), looks_told=1)
    return [
        Figure(f"rolled back, at the limit of {name}", 100 * ours.unhealthy, "%", budget=_MOST_ALARMS),
        Figure("  each look for itself", 100 * naive.unhealthy, "%"),
    ]


def _experiments() -> list[Figure]:
    found = []
    for told, experiment in {
        "normal": Experiment("normal", (0.0, 0.0)),
        "exponential, sizes 4 to 1": Experiment("exponential", (1.0, 1.0), (20_000, 5_000)),
        "shares of 1 %, sizes 4 to 1": Experiment("proportion", (0.01, 0.01), (20_000, 5_000)),
        "shares of 30 %": Experiment("proportion", (0.3, 0.3)),
    }.items():
        often = replace(experiment, looks=_LOOKS)
        wrong = 1 - decided(often, _EXPERIMENTS)[Decision.UNDECIDED]
        usual = naively_decided(often, _EXPERIMENTS // 2)
        found += [
            Figure(f"A/A decided, {told}", 100 * wrong, "%", budget=_MOST_ALARMS),
            Figure("  by the usual 5 % test", 100 * usual, "%"),
        ]
    for told, experiment in {
        "normal, 0.1 deviations": Experiment("normal", (0.0, 0.1), looks=_LOOKS),
        "shares of 10 % and 12 %": Experiment("proportion", (0.10, 0.12), looks=_LOOKS),
    }.items():
        right = decided(experiment, _EXPERIMENTS // 2)[Decision.B_BETTER]
        median = samples_to_decide(experiment, _EXPERIMENTS // 2)
        found += [
            Figure(f"A/B found, {told}", 100 * right, "%"),
            Figure("  median samples of each", median, ""),
        ]
    coverage = covered(Experiment("normal", (0.0, 0.05), (20_000, 10_000), _LOOKS), _EXPERIMENTS // 2, 0.05)
    return [*found, Figure("coverage of the 95 % sequence", 100 * coverage, "%")]
