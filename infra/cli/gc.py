"""Removal for good of what was deleted: looked at first, and removed only when a person says so."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.prompt import Confirm

from infra.cli.cloud import UsageError
from infra.moving.server import Json, RefusedError, Server

PATH: Final = "/v1/tracking/removals"
_RUNNING: Final = "running"
_SUCCEEDED: Final = "succeeded"
_LOOK_SECONDS: Final = 1.0
_SHOWN: Final = 20
_MEBIBYTE: Final = 1 << 20
_KINDS: Final = ("experiments", "runs", "logged_models", "traces")
console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of a removal."""

    older_than_days: float | None
    experiments: tuple[str, ...]
    dry_run: bool
    yes: bool


def collect(server: Server, asked: Asked, sleep: Callable[[float], None] = time.sleep) -> None:
    """Show what was deleted long enough ago, and remove it for good if that is wanted.

    Raises:
        UsageError: the server has no removals, or one failed.
    """
    scope: Json = {"experiment_ids": list(asked.experiments)}
    if asked.older_than_days is not None:
        scope["older_than_days"] = asked.older_than_days
    looked_at = _ended(server, scope | {"dry_run": True}, sleep)
    console.print(f"deleted before {looked_at['deleted_before']}", soft_wrap=True)
    _tell_things(server, looked_at["removal_id"])
    _tell(looked_at["tally"], "to remove")
    if asked.dry_run or not any(looked_at["tally"][kind] for kind in _KINDS):
        return
    if not asked.yes and not Confirm.ask("Remove this for good?", console=console, default=False):
        console.print("nothing was removed")
        return
    # What was shown goes: what was deleted meanwhile stays.
    same = {"experiment_ids": list(asked.experiments), "deleted_before": looked_at["deleted_before"]}
    removed = _ended(server, same | {"dry_run": False}, sleep)
    _tell(removed["tally"], "removed")
    if removed["tally"]["unfinished"]:
        console.print("There is more: run the command again.")


def _ended(server: Server, scope: Json, sleep: Callable[[float], None]) -> Json:
    doing = "looking" if scope["dry_run"] else "removing"
    try:
        removal = server.post(PATH, scope, once=True)
    except RefusedError as error:
        if error.missing:
            raise UsageError(f"{server.url} removes nothing: it is no deployment of shelflife") from error
        raise
    path = f"{PATH}/{removal['removal_id']}"
    with console.status(f"{doing} ({removal['removal_id']})") as status:
        while removal["status"] == _RUNNING:
            sleep(_LOOK_SECONDS)
            removal = server.get(path)
            counts = ", ".join(f"{removal['tally'][kind]:,} {_spelled(kind)}" for kind in _KINDS)
            status.update(f"{doing}: {counts}")
    if removal["status"] != _SUCCEEDED:
        problem = (removal["problem"] or {}).get("error") or removal["status"]
        raise UsageError(
            f"the removal {removal['removal_id']} ended with {problem}; what it began the next one finishes"
        )
    return removal


def _tell(tally: Json, what: str) -> None:
    size = tally["bytes"] / _MEBIBYTE
    for kind in _KINDS:
        console.print(f"  {_spelled(kind):14} {tally[kind]:>10,}  {what}")
    console.print(f"  {'files':14} {tally['files']:>10,}  of {size:,.1f} MiB, in all versions")
    if tally["kept"]:
        console.print(f"  {'kept':14} {tally['kept']:>10,}")


def _tell_things(server: Server, removal_id: str) -> None:
    for number, thing in enumerate(_things(server, removal_id)):
        if number == _SHOWN:
            console.print(f"  … all of them: GET {PATH}/{removal_id}/things", soft_wrap=True)
            return
        named = f"{_spelled(thing['kind'])} {thing['id']} {thing['name']}".rstrip()
        reason = f" ({thing['reason']})" if thing["reason"] else ""
        console.print(f"  {thing['outcome']:9}  {named}{reason}", markup=False, soft_wrap=True)


def _things(server: Server, removal_id: str) -> Iterator[Any]:
    cursor: str | None = None
    while True:
        query = {"cursor": cursor} if cursor else None
        page = server.get(f"{PATH}/{removal_id}/things", query)
        yield from page["things"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _spelled(kind: str) -> str:
    return kind.replace("_", " ")
