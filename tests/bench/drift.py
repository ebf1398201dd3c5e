"""A scan's arithmetic: profiles merged and compared, beside scipy on the raw rows."""

import numpy as np
from scipy import stats

from shelflife.kernel.profiles import merge, profile_over, reference_profile
from shelflife.monitoring.statistics import kolmogorov_smirnov, population_stability_index
from tests.bench.measure import Figure, median

_ROWS = 100_000
_COLUMNS = 50
_HOURS = 24


def run() -> list[Figure]:
    random = np.random.default_rng(7)
    before = {f"c{number}": random.normal(size=_ROWS) for number in range(_COLUMNS)}
    after = {name: values + 0.1 for name, values in before.items()}
    reference = reference_profile(before)
    parts = [
        profile_over(reference, dict(zip(after, hour, strict=True)))
        for hour in zip(*(np.array_split(values, _HOURS) for values in after.values()), strict=True)
    ]

    def ours() -> None:
        window = merge(parts)
        for name, column in window.columns.items():
            counts = reference.columns[name].counts, column.counts
            population_stability_index(*counts)
            kolmogorov_smirnov(*counts)

    def scipys() -> None:
        for name, values in before.items():
            stats.ks_2samp(values, after[name], method="asymp")

    counted = median(lambda: profile_over(reference, after), 3)
    scanned, raw = median(ours, 5), median(scipys, 3)
    return [
        Figure(f"count {_ROWS} rows of {_COLUMNS} columns", counted, "s", runs=3),
        Figure(f"merge {_HOURS} profiles, PSI and KS", scanned, "s", runs=5),
        Figure("scipy's KS alone, on the rows", raw, "s", runs=3),
        Figure("scan, as a share of scipy's", scanned / raw, "x", budget=0.2),
    ]
