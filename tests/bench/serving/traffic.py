"""What a traffic rule adds to a request: one variant, beside as many as a rule may have."""

from collections.abc import Callable
from itertools import count
from time import perf_counter

from shelflife.serving.model import DeployableVersion
from shelflife.serving.served import EVERYBODY, Routing, ServedModels
from shelflife.serving.traffic import MOST_LIVE
from tests.bench.measure import Figure, repeated
from tests.bench.serving.models import model
from tests.bench.serving.warm import interleaved
from tests.fakes.deployments import deployment, rule
from tests.fakes.onnx_models import reference_of
from tests.fakes.serving import MemoryDeployments, MemoryVersions

_BUDGET = 5.0
_ROUNDS = repeated(60)
_CALLS = 400
#: Shares that follow each other without a pattern, the same for both rules.
_STEP = 0.6180339887


def run() -> list[Figure]:
    figures = []
    for asked, key in (("anybody", None), ("a sticky key", "customer-4711")):
        routing = EVERYBODY if key is None else Routing(key=key)
        alone, many = interleaved(
            _choosing(1, routing), _choosing(MOST_LIVE, routing), rounds=_ROUNDS, calls=_CALLS
        )
        figures += [
            Figure(f"who answers {asked}, one variant", alone, "µs", runs=_ROUNDS),
            Figure(f"  {MOST_LIVE} variants, above that", many - alone, "µs", _BUDGET, _ROUNDS),
        ]
    return figures


def _choosing(variants: int, routing: Routing) -> Callable[[], object]:
    trees = model("mlp")
    versions, deployments = MemoryVersions(), MemoryDeployments()
    references = [
        reference_of(trees.content, trees.signature, version=version) for version in range(1, variants + 1)
    ]
    for reference in references:
        versions.keep(DeployableVersion(reference=reference))
    by = rule(*((version, 100 / variants) for version in range(1, variants + 1)))
    deployments.deployments["bikes"] = deployment(references[0], by=by)
    numbers = count(1)
    served = ServedModels(deployments, versions, perf_counter, lambda: next(numbers) * _STEP % 1.0)
    return lambda: served.find("bikes", routing)
