"""How numbers, times and words appear on a report's page."""

from datetime import UTC, datetime
from html import escape

_LEAST_P = 0.001


def text(value: object) -> str:
    """Safe inside elements and quoted attributes, whatever it is."""
    return escape(str(value))


def figure(value: float | None) -> str:
    """Up to four significant digits."""
    if value is None:
        return "–"  # noqa: RUF001 - a dash stands for nothing
    if abs(value) >= 10_000:  # noqa: PLR2004 - five digits and more need no fraction
        return f"{value:,.0f}"
    return f"{value:.4g}"


def distance(value: float | None) -> str:
    """Three places: what thresholds are given in."""
    return "–" if value is None else f"{value:.3f}"  # noqa: RUF001 - a dash stands for nothing


def share(value: float) -> str:
    return f"{value * 100:.1f}".removesuffix(".0") + "%"


def chance(p_value: float | None) -> str:
    if p_value is None:
        return ""
    return "p < 0.001" if p_value < _LEAST_P else f"p = {p_value:.3f}"


def moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%d %b %Y, %H:%M} UTC"


def whole(count: int) -> str:
    return f"{count:,}"


def counted(count: int, noun: str) -> str:
    return f"{whole(count)} {noun}{'' if count == 1 else 's'}"


def words(name: str) -> str:
    """A test's name for people."""
    return _WORDS.get(name, name.replace("_", " "))


_WORDS = {
    "stability_index": "Stability index (PSI)",
    "wasserstein": "Wasserstein distance",
    "kolmogorov_smirnov": "Kolmogorov–Smirnov distance",  # noqa: RUF001 - two names take a dash
    "mean_shift": "Shift of the mean",
    "jensen_shannon": "Jensen–Shannon distance",  # noqa: RUF001 - two names take a dash
    "chi_squared": "Chi-squared",
    "missing_rate": "Missing values",
    "unseen_rate": "Unseen categories",
    "mae": "mean absolute error",
}
