"""One-sided bounds of rates and quantiles that hold for small counts, and of differences of two such.

Each is beyond the true value with a chance of `alpha` at the most. Clopper and Pearson (The use of confidence
or fiducial limits, Biometrika 26, 1934) for rates, rather than Wilson's score interval: at the small alphas
that many looks leave, Wilson's lower bound for a rare event fails far more often than it says (one failure in
any number of requests: 7 % of the time instead of 0.05 %). Binomial order statistics for quantiles (David and
Nagaraja, Order Statistics, 2003, section 7.1).
"""

import math

from shelflife.kernel.significance import at_least, at_most, beta_share

#: Bounds are found to this share of themselves, or of what they lack of 1, and rounded to the safe side.
_PRECISION = 1e-6
_HALVINGS = 60


def rate_lower(hits: int, trials: int, alpha: float) -> float:
    """The smallest rate at which so many hits, or more, are no surprise."""
    if hits <= 0:
        return 0.0
    low, high = 0.0, hits / trials
    for _ in range(_HALVINGS):
        if high - low <= _PRECISION * min(high, 1 - low):
            break
        middle = (low + high) / 2
        if beta_share(hits, trials - hits + 1, middle) > alpha:
            high = middle
        else:
            low = middle
    return low


def rate_upper(hits: int, trials: int, alpha: float) -> float:
    """The largest rate at which so few hits, or fewer, are no surprise."""
    return 1 - rate_lower(trials - hits, trials, alpha)


def quantile_lower(samples: int, level: float, alpha: float) -> float | None:
    """The share of the sorted samples whose last is not above the true quantile; null if there is none."""
    low, high = 0, samples
    while low < high:
        middle = (low + high + 1) // 2
        if at_most(middle - 1, samples, level) <= alpha:
            low = middle
        else:
            high = middle - 1
    return low / samples if low else None


def quantile_upper(samples: int, level: float, alpha: float) -> float | None:
    """The share of the sorted samples whose last is not below the true quantile; null if there is none."""
    low, high = 1, samples + 1
    while low < high:
        middle = (low + high) // 2
        if at_least(middle, samples, level) <= alpha:
            high = middle
        else:
            low = middle + 1
    return low / samples if low <= samples else None


def difference_lower(one: tuple[float, float], other: tuple[float, float]) -> float:
    """A lower bound of one value minus another, from (value, its lower bound) and (value, its upper bound).

    The distances to the bounds are added like errors (Newcombe, Interval estimation for the difference
    between independent proportions, Stat. Med. 17, 1998; Zou and Donner, Construction of confidence limits
    about effect measures, Stat. Med. 27, 2008).
    """
    (value, lower), (against, upper) = one, other
    return value - against - math.hypot(value - lower, upper - against)
