"""A drift report: everything that a scan found, and the figures that its page draws."""

from typing import Literal

from shelflife.kernel.ids import Moment, Name
from shelflife.kernel.model import Model
from shelflife.monitoring.model import Outcome
from shelflife.monitoring.policy import Policy


class TestResult(Model):
    """One statistic of one column. `value` is nothing where it is not defined.

    `variant` says which of the many definitions was used. Without a `threshold` it was not judged.
    """

    __test__ = False  # pytest would take it for one of its own

    test: str
    variant: str
    value: float | None
    p_value: float | None = None
    threshold: float | None = None
    drifted: bool = False


class Bar(Model):
    """A bin as people see it: counts on both sides."""

    label: str
    baseline: int
    window: int


class Side(Model):
    """A column on one side of the comparison."""

    rows: int
    missing_rate: float
    unseen_rate: float = 0.0
    mean: float | None = None
    deviation: float | None = None
    lowest: float | None = None
    highest: float | None = None


class ColumnReport(Model):
    """`bars` are for the eye; `index_bars` are the very bins of the stability index."""

    name: str
    role: Literal["feature", "prediction"]
    kind: Literal["number", "category"]
    ignored: bool
    drifted: bool
    baseline: Side
    window: Side
    tests: tuple[TestResult, ...]
    bars: tuple[Bar, ...]
    index_bars: tuple[Bar, ...]


class ErrorPoint(Model):
    """Realised error of the rows that were captured in a stretch of time."""

    begins_at: Moment
    ends_at: Moment
    rows: int
    value: float


class RealisedError(Model):
    """What the model got wrong, once the truth was known.

    `held_out` is the same metric on the held-out rows at training. `unmatched` labels have no captured row
    in the window (yet); `mismatched` ones have another number of values than the request had rows.
    """

    metric: str
    value: float | None
    standard_error: float | None
    rows: int
    held_out: float | None
    ratio: float | None
    drifted: bool
    reason: str
    unmatched: int
    mismatched: int
    points: tuple[ErrorPoint, ...]


class Window(Model):
    """The captured rows that were looked at: since when they were sought, and when they came."""

    since: Moment
    first_at: Moment
    last_at: Moment
    row_count: int
    profile_count: int


class Report(Model):
    report_id: str
    deployment: Name
    revision: int
    model_name: Name
    model_version: int
    task: str
    dataset_name: Name
    dataset_version: int
    activated_at: Moment
    created_at: Moment
    outcome: Outcome
    reason: str
    drifted: tuple[str, ...]
    share_drifted: float
    baseline_rows: int
    window: Window
    columns: tuple[ColumnReport, ...]
    error: RealisedError | None
    policy: Policy
