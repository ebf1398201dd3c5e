"""Removal for good: of what was deleted long enough ago, nothing stays but what registered versions need.

A removal goes through all experiments twice. The first time it marks what is to go: from then on nobody finds
it, restores it, or writes to it. Then it waits until whoever had read it before has ended, and the second
time it removes what is marked, the thing itself last. Cut off anywhere, the next removal goes on: what is
marked is removed by whichever comes.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from shelflife.tracking.ports import Experiments
from shelflife.tracking.removal_model import Outcome, Scope
from shelflife.tracking.removal_ports import Folders, Removable, RemovalReports
from shelflife.tracking.removal_search import RemovalSearch
from shelflife.tracking.removal_settling import Settling
from shelflife.tracking.removal_tasks import FindRemovable, RemovableFound, RemoveThings, ThingsRemoved

_TOGETHER = 8


@dataclass(frozen=True, slots=True)
class Removal:
    """`grace` is longer than any function runs that writes what is removed here.

    `after` is how long deleted things stay, if a removal does not say so itself.
    """

    things: Removable
    experiments: Experiments
    folders: Folders
    reports: RemovalReports
    grace: timedelta
    after: timedelta

    def find(self, asked: FindRemovable) -> RemovableFound:
        """The next things to mark or to remove, a hundred at the most; asked again, it answers the same."""
        before = self._before(asked.asked, asked.started_at)
        search = RemovalSearch(self.things, self.experiments, asked.asked, before)
        found = search.found(asked.position)
        told = {
            "dry_run": asked.asked.dry_run,
            "grace_seconds": int(self.grace.total_seconds()),
            "tally": found.position.tally,
        }
        return found.model_copy(update=told)

    def settle(self, asked: RemoveThings) -> ThingsRemoved:
        """Mark or remove the things, and report what became of them; of a dry run, only report.

        Asked again, it goes on with what is left of them.
        """
        before = self._before(asked.asked, asked.started_at)
        settling = Settling(self.things, self.experiments, self.folders, asked, before)
        with ThreadPoolExecutor(_TOGETHER) as pool:
            told = tuple(one for one in pool.map(settling.settled, asked.things) if one is not None)
        at = asked.position
        tally = at.tally.counting(told)
        if told:
            self.reports.keep(asked.removal_id, at.page, told, tally, asked.started_at)
        kept = sum(one.outcome is Outcome.KEPT for one in told)
        behind = {"page": at.page + 1, "tally": tally, "kept_here": at.kept_here + kept}
        return ThingsRemoved(position=at.model_copy(update=behind))

    def _before(self, scope: Scope, started_at: datetime) -> int:
        """Milliseconds; what was deleted just now stays: whoever had read it before is given time to end."""
        asked = deleted_before(scope, started_at, self.after)
        return int(min(asked, started_at - self.grace).timestamp() * 1000)


def deleted_before(scope: Scope, started_at: datetime, after: timedelta) -> datetime:
    """The moment that a scope means; `after` is how long deleted things stay if it names none."""
    if scope.deleted_before is not None:
        return scope.deleted_before
    return started_at - (after if scope.older_than_days is None else timedelta(days=scope.older_than_days))
