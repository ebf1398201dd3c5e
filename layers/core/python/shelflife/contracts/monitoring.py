"""What monitoring tells."""

from typing import ClassVar

from pydantic import Field

from shelflife.kernel.ids import Moment, Name
from shelflife.kernel.model import Model
from shelflife.kernel.news import News

#: One row's truth, as it is told: a number of a regression, a class of a classification.
LabelValue = int | float | str | bool


class Label(Model):
    """The truth of all rows of one captured request, in their order; told again, the last one counts."""

    capture_id: str = Field(min_length=1, max_length=256)
    values: tuple[LabelValue, ...] = Field(min_length=1)


class LabelBatch(Model):
    """Labels as they arrived, checked: numbers of a regression, texts of a classification."""

    batch_id: str
    deployment: Name
    received_at: Moment
    labels: tuple[Label, ...]


class LabelsReceived(News):
    """Labels came in; a `LabelBatch` is at `labels_uri`."""

    detail_type: ClassVar[str] = "labels.received"

    deployment: Name
    labels_uri: str


class DriftDetected(News):
    """A scan found what its policy calls drift; whoever can retrain may do so."""

    detail_type: ClassVar[str] = "drift.detected"

    deployment: Name
    model_name: Name
    model_version: int
    report_id: str
    report_uri: str
    drifted: tuple[str, ...]
    reason: str
