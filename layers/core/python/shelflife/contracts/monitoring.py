"""What monitoring tells."""

from typing import ClassVar

from shelflife.kernel.ids import Name
from shelflife.kernel.news import News


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
