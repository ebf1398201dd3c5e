"""HTTP: removals for good of what was deleted; for administrators."""

from http import HTTPStatus
from typing import Any

from pydantic import Field

from shelflife.contracts.access import Role
from shelflife.entry.http import Answer, Call, HttpDoor
from shelflife.kernel.ids import Moment
from shelflife.kernel.model import Model
from shelflife.kernel.names import Context, Header
from shelflife.tracking.removal_model import Scope, Tally
from shelflife.tracking.removal_ports import Execution
from shelflife.tracking.wiring_removal import removals

door = HttpDoor(Context.TRACKING)
handler = door.handle

_PATH = "/v1/tracking/removals"


class StartRemoval(Model):
    """A dry run, unless it is said that it is none."""

    dry_run: bool = True
    deleted_before: Moment | None = None
    older_than_days: float | None = Field(default=None, ge=0, le=36_500)
    experiment_ids: tuple[str, ...] = Field(default=(), max_length=1000)


@door.post(_PATH, role=Role.ADMIN, body=StartRemoval)
def start_removal(call: Call[StartRemoval]) -> Answer:
    """Begin to remove what was deleted; the same Idempotency-Key is answered with the same removal."""
    scope = Scope(**dict(call.body), asked_by=call.principal.name)
    started = removals().start(scope, call.headers.get(Header.IDEMPOTENCY_KEY))
    return Answer(_shown(started, Tally()), HTTPStatus.ACCEPTED)


@door.get(_PATH, role=Role.ADMIN)
def list_removals(call: Call[None]) -> dict[str, object]:
    """Newest first, those of the last 90 days."""
    page = removals().page(*call.page())
    return {"removals": [_listed(one) for one in page.items], "next_cursor": page.next_cursor}


@door.get(f"{_PATH}/<removal_id>", role=Role.ADMIN)
def get_removal(call: Call[None], removal_id: str) -> object:  # noqa: ARG001 - every route takes its call
    return _shown(*removals().find(removal_id))


@door.get(f"{_PATH}/<removal_id>/things", role=Role.ADMIN)
def list_removed_things(call: Call[None], removal_id: str) -> dict[str, object]:
    """What became of each run, logged model and experiment."""
    page = removals().things(removal_id, *call.page())
    return {"things": [one.model_dump(mode="json") for one in page.items], "next_cursor": page.next_cursor}


def _listed(execution: Execution) -> dict[str, Any]:
    return {
        "removal_id": execution.removal_id,
        "status": execution.status,
        "started_at": execution.started_at.isoformat(),
        "ended_at": execution.ended_at.isoformat() if execution.ended_at else None,
    }


def _shown(execution: Execution, tally: Tally) -> dict[str, Any]:
    scope = execution.scope or Scope()
    moment = removals().deleted_before(execution)
    problem = {"error": execution.error, "cause": execution.cause} if execution.error else None
    return _listed(execution) | {
        "dry_run": scope.dry_run,
        "deleted_before": moment.isoformat() if moment else None,
        "experiment_ids": list(scope.experiment_ids),
        "asked_by": scope.asked_by,
        "tally": tally.model_dump(mode="json"),
        "problem": problem,
    }
