"""Speed and size, as medians on this machine: `make bench`; `python -m tests.bench NAME …` for some of them.

Results go to `.build/bench.json`, beside what the machine was. Ratios travel better than seconds.
"""

import json
import os
import platform
import signal
import sys
from collections.abc import Callable

from infra.config import ROOT
from tests.bench import commands, decoding, drift, error_rates, installation, models, predictions, sizes
from tests.bench.measure import Figure
from tests.bench.serving import cold, costs, peers, rows, runtime, traffic, warm
from tests.bench.tracking import artifact, beside_stock, counts, growth
from tests.bench.tracking import cold as tracking_cold
from tests.bench.tracking import price as tracking_price

BENCHES: dict[str, Callable[[], list[Figure]]] = {
    "sizes": sizes.run,
    "decoding": decoding.run,
    "drift": drift.run,
    "models": models.run,
    "warm": warm.run,
    "runtime": runtime.run,
    "peers": peers.run,
    "rows": rows.run,
    "cold": cold.run,
    "traffic": traffic.run,
    "costs": costs.run,
    "error_rates": error_rates.run,
    "tracking_counts": counts.run,
    "tracking_price": tracking_price.run,
    "tracking_cold": tracking_cold.run,
    "tracking_growth": growth.run,
    "tracking_beside_stock": beside_stock.run,
    "tracking_artifact": artifact.run,
    "predictions": predictions.run,
    "installation": installation.run,
    "commands": commands.run,
}


def main(names: list[str]) -> None:
    unknown = set(names) - BENCHES.keys()
    if unknown:
        sys.exit(f"no such bench: {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    figures: list[Figure] = []
    for name in names or BENCHES:
        print(f"\n{name}")  # noqa: T201 - what a bench is for
        for figure in BENCHES[name]():
            print(f"  {figure.told()}")  # noqa: T201 - what a bench is for
            figures.append(figure)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
    told = {"machine": machine, "figures": [figure.__dict__ for figure in figures]}
    (ROOT / ".build" / "bench.json").write_text(json.dumps(told, indent=2) + "\n")
    if any(figure.missed for figure in figures):
        sys.exit("some figures miss their budget")


def _stopped(*_: object) -> None:
    """Told to end, it ends as if it were done: what it started is stopped too."""
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stopped)
    main(sys.argv[1:])
