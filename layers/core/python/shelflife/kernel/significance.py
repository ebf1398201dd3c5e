"""Upper tails of the distributions that the statistics are tested against: no scipy in a zip function.

Formulas: Press et al., Numerical Recipes, 3rd edition, sections 6.2 (incomplete gamma function), 6.4
(incomplete beta function) and 6.14 (Student, binomial, Kolmogorov-Smirnov); checked against scipy in the
tests.
"""

import math

_TERMS = 1000
#: The beta fraction needs about as many terms as the root of its larger parameter: enough for 10^8 samples.
_BETA_TERMS = 20_000
_PRECISION = 1e-12
_TINY = 1e-300
#: Below this the Kolmogorov tail is 1 to twelve digits, and its series needs ever more terms.
_KOLMOGOROV_ONE = 0.2


def chi_squared_tail(statistic: float, degrees: int) -> float:
    """The chance of a chi-squared value of at least this one; 1 without degrees of freedom."""
    half, point = degrees / 2, statistic / 2
    if degrees < 1 or point <= 0:
        return 1.0
    lower = point < half + 1
    tail = 1 - _lower_series(half, point) if lower else _upper_fraction(half, point)
    return min(max(tail, 0.0), 1.0)


def kolmogorov_tail(distance: float, baseline_size: int, window_size: int) -> float:
    """The asymptotic chance of a two-sample KS distance of at least this one.

    With ties, and with distances read off bins, it is an upper bound: the test becomes cautious.
    """
    scaled = distance * math.sqrt(baseline_size * window_size / (baseline_size + window_size))
    if scaled < _KOLMOGOROV_ONE:
        return 1.0
    terms = ((-1) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101))
    return min(max(2 * math.fsum(terms), 0.0), 1.0)


def normal_tails(score: float) -> float:
    """The chance of a standard normal value at least this far from 0, on either side."""
    return math.erfc(abs(score) / math.sqrt(2))


def student_tail(score: float, degrees: float) -> float:
    """The chance of a value of Student's t of at least this one, with any positive number of degrees."""
    square = score * score
    if square < 1:
        # The square of a small score would be lost beside many degrees.
        beyond = (1 - beta_share(0.5, degrees / 2, square / (degrees + square))) / 2
    else:
        beyond = beta_share(degrees / 2, 0.5, degrees / (degrees + square)) / 2
    return beyond if score >= 0 else 1 - beyond


def at_least(hits: int, trials: int, rate: float) -> float:
    """The chance of at least so many hits in so many trials, each a hit with this chance."""
    return 1.0 if hits <= 0 else beta_share(hits, trials - hits + 1, rate)


def at_most(hits: int, trials: int, rate: float) -> float:
    """The chance of at most so many hits in so many trials, each a hit with this chance."""
    return 1.0 if hits >= trials else beta_share(trials - hits, hits + 1, 1 - rate)


def beta_share(one: float, other: float, point: float) -> float:
    """The regularised incomplete beta function I of two positive parameters, up to this point of 0 to 1.

    0 where a parameter is 0 or less: no such chance.
    """
    if one <= 0 or other <= 0 or point <= 0:
        return 0.0
    if point >= 1:
        return 1.0
    scale = math.exp(
        math.lgamma(one + other)
        - math.lgamma(one)
        - math.lgamma(other)
        + one * math.log(point)
        + other * math.log1p(-point)
    )
    # The fraction converges quickly only below the mean of the distribution.
    if point < (one + 1) / (one + other + 2):
        return min(scale * _beta_fraction(one, other, point) / one, 1.0)
    return max(1 - scale * _beta_fraction(other, one, 1 - point) / other, 0.0)


def _beta_fraction(one: float, other: float, point: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    upper, lower = 1.0, 1 / _away_from_zero(1 - (one + other) * point / (one + 1))
    product = lower
    for step in range(1, _BETA_TERMS):
        even = step * (other - step) * point / ((one + 2 * step - 1) * (one + 2 * step))
        odd = -(one + step) * (one + other + step) * point / ((one + 2 * step) * (one + 2 * step + 1))
        for factor in (even, odd):
            lower = 1 / _away_from_zero(1 + factor * lower)
            upper = _away_from_zero(1 + factor / upper)
            product *= upper * lower
        if abs(upper * lower - 1) < _PRECISION:
            break
    return product


def _lower_series(half: float, point: float) -> float:
    """The regularised lower incomplete gamma function P, by its series."""
    term = total = 1 / half
    for step in range(1, _TERMS):
        term *= point / (half + step)
        total += term
        if term < total * _PRECISION:
            break
    return total * _scale(half, point)


def _upper_fraction(half: float, point: float) -> float:
    """The regularised upper incomplete gamma function Q, by Lentz's continued fraction."""
    base = point + 1 - half
    upper, lower = 1 / _TINY, 1 / base
    product = lower
    for step in range(1, _TERMS):
        factor = -step * (step - half)
        base += 2
        lower = 1 / _away_from_zero(factor * lower + base)
        upper = _away_from_zero(base + factor / upper)
        product *= upper * lower
        if abs(upper * lower - 1) < _PRECISION:
            break
    return product * _scale(half, point)


def _scale(half: float, point: float) -> float:
    return math.exp(half * math.log(point) - point - math.lgamma(half))


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
