"""Removals as people ask for them and look at them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from shelflife.kernel.ids import Clock, NewId
from shelflife.kernel.paging import Page
from shelflife.tracking.errors import InvalidRemovalError, RemovalKeyReusedError, RemovalNotFoundError
from shelflife.tracking.removal import deleted_before
from shelflife.tracking.removal_model import Scope, Tally, ToldThing
from shelflife.tracking.removal_ports import Execution, Executions, RemovalReports
from shelflife.tracking.removal_search import MOST_AT_ONCE


@dataclass(frozen=True, slots=True)
class Removals:
    executions: Executions
    reports: RemovalReports
    now: Clock
    new_id: NewId
    after: timedelta

    def start(self, scope: Scope, key: str | None) -> Execution:
        """Start a removal; with the same key, it is started once.

        Raises:
            InvalidRemovalError: the scope says two things at once, or the moment is still to come.
            RemovalKeyReusedError: the key came with another scope before.
            RemovalNotStartedError: it could not be started now.
        """
        if scope.deleted_before is not None and scope.older_than_days is not None:
            raise InvalidRemovalError("deleted_before", "and older_than_days exclude each other")
        if scope.deleted_before is not None and scope.deleted_before > self.now():
            raise InvalidRemovalError(
                "deleted_before", f"is {scope.deleted_before.isoformat()}, which is still to come"
            )
        removal_id = self.new_id() if key is None else hashlib.sha256(key.encode()).hexdigest()[:26]
        self.executions.start(removal_id, scope)
        started = self.executions.find(removal_id)
        if started is None:
            return Execution(removal_id, "running", self.now(), scope=scope)
        if key is not None and started.scope != scope:
            raise RemovalKeyReusedError(key, removal_id)
        return started

    def find(self, removal_id: str) -> tuple[Execution, Tally]:
        """The removal, and what it has come to so far.

        Raises:
            RemovalNotFoundError: there is none.
        """
        found = self.executions.find(removal_id)
        if found is None:
            raise RemovalNotFoundError(removal_id)
        return found, self.reports.tally(removal_id)

    def page(self, limit: int, cursor: str | None) -> Page[Execution]:
        return self.executions.page(limit, cursor)

    def things(self, removal_id: str, limit: int, cursor: str | None) -> Page[ToldThing]:
        """What became of things, about `limit` of them.

        Raises:
            RemovalNotFoundError: there is no such removal.
        """
        self.find(removal_id)
        return self.reports.page(removal_id, -(-limit // MOST_AT_ONCE), cursor)

    def deleted_before(self, execution: Execution) -> datetime | None:
        """What was deleted before it goes; only known of a removal that was looked at itself."""
        if execution.scope is None:
            return None
        return deleted_before(execution.scope, execution.started_at, self.after)
