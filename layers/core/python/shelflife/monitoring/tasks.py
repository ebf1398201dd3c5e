"""What the states of `drift_scan` ask and are answered; its own, so it is no contract."""

from typing import Any

from pydantic import Field

from shelflife.kernel.ids import Moment, Name
from shelflife.kernel.model import Model
from shelflife.monitoring.model import Outcome

#: A Map's output may have 256 KB, and an execution 25,000 events.
MONITORS_PER_PAGE = 40
NAMED_FAILURES = 50


class ScanDrift(Model):
    """One deployment of one execution: `scan_id` and `started_at` are the execution's."""

    deployment: Name
    scan_id: str
    started_at: Moment


class Scanned(Model):
    deployment: Name
    outcome: Outcome
    reason: str
    report_id: str | None = None
    announced: bool = False


class Tally(Model):
    """What the scans of an execution came to so far; the first failures are named."""

    scanned: int = 0
    failed: int = 0
    announced: int = 0
    outcomes: dict[str, int] = Field(default_factory=dict)
    failures: tuple[dict[str, str], ...] = ()

    def counting(self, results: list[dict[str, Any]]) -> "Tally":
        """The tally with what a page's scans answered; a failed one says `failed` and its error."""
        outcomes = dict(self.outcomes)
        for result in results:
            outcomes[result["outcome"]] = outcomes.get(result["outcome"], 0) + 1
        failures = [
            {"deployment": str(result["deployment"]), "error": str(result["error"])}
            for result in results
            if result["outcome"] == FAILED
        ]
        return Tally(
            scanned=self.scanned + len(results),
            failed=self.failed + len(failures),
            announced=self.announced + sum(bool(result.get("announced")) for result in results),
            outcomes=outcomes,
            failures=(*self.failures, *failures)[:NAMED_FAILURES],
        )


#: What the workflow says of a scan that ended in an error.
FAILED = "failed"


class MonitorPage(Model):
    """Some deployments to scan; `last` says that none come after them."""

    deployments: tuple[Name, ...] = ()
    next_cursor: str | None = None
    last: bool = False
    count: int = 0
    tally: Tally = Tally()


class ListMonitors(Model):
    """The page before, as it was answered, and what its scans answered."""

    page: MonitorPage = MonitorPage()
    results: list[dict[str, Any]] = Field(default_factory=list)
