"""What a deployment's owner calls drift.

The defaults and their reasons (docs: monitoring):

- Numbers are judged by the stability index at 0.2, the banks' old rule for "has shifted", which sees shape
  and missing values; and by the earth mover's distance at 0.1 standard deviations, Evidently's choice above
  1,000 rows, which sees how far. Categories are judged by the Jensen-Shannon distance at 0.1, Evidently's
  choice as well, and by the index at 0.2, which also counts missing values.
- A distance alone says little about few rows: at 200 rows, the smallest default window, chance alone moves
  the earth mover's distance by about 0.1. So it must also be significant (`p_below`); with many rows
  everything is significant, and the distances decide.
- KS, chi-squared, the shift of the mean and the rates of missing and unseen values are measured and not
  judged, unless a threshold is set. A threshold of 0 leaves the decision to the p-value.
"""

from pydantic import Field

from shelflife.kernel.model import Model


class Thresholds(Model):
    """From where on a column has drifted, by each test; nothing means that the test is not judged."""

    stability_index: float | None = Field(default=0.2, ge=0)
    wasserstein: float | None = Field(default=0.1, ge=0)
    jensen_shannon: float | None = Field(default=0.1, ge=0, le=1)
    kolmogorov_smirnov: float | None = Field(default=None, ge=0, le=1)
    chi_squared: float | None = Field(default=None, ge=0)
    mean_shift: float | None = Field(default=None, ge=0)
    missing_rate: float | None = Field(default=None, ge=0, le=1)
    unseen_rate: float | None = Field(default=None, ge=0, le=1)


class Policy(Model):
    """When a scan judges, and when it calls what it found drift.

    `share_drifted` is of the features that are not ignored. `error_ratio` is the realised error over the
    one measured on held-out rows at training. `window_hours` reaches back from the scan, never beyond the
    activation of the revision. `cooldown_hours` pass before drift of one revision is told again.
    """

    thresholds: Thresholds = Thresholds()
    p_below: float = Field(default=0.01, gt=0, le=1)
    ignored: tuple[str, ...] = ()
    min_rows: int = Field(default=200, ge=1)
    min_labels: int = Field(default=100, ge=2)
    share_drifted: float = Field(default=0.3, gt=0, le=1)
    judge_predictions: bool = True
    error_ratio: float = Field(default=1.3, ge=1)
    window_hours: int = Field(default=168, ge=1, le=2160)
    cooldown_hours: float = Field(default=24, ge=0)
