"""Moving between an MLflow server and a deployment of ours, with progress, a report and an exit code."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from infra.cli.cloud import UsageError
from infra.deploy.account import Account
from infra.deploy.deployer import Deployer
from infra.installation import read_endpoints
from infra.moving.journal import Journal, name_of
from infra.moving.keeping import KeepingTarget
from infra.moving.mover import Moved, Mover
from infra.moving.plan import Choice, Plan, planned
from infra.moving.protocol import ProtocolTarget
from infra.moving.reader import Reader
from infra.moving.server import Credentials, MovingError, Server, UnreachableError
from infra.moving.target import Target
from infra.moving.verification import Report, Verification

OUR_TOKEN: Final = "SHELFLIFE_TOKEN"  # noqa: S105 - the name of a variable
_TRUE: Final = frozenset({"true", "1"})
_MEBIBYTE: Final = 1 << 20
_SHOWN: Final = 20
console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of a move."""

    choice: Choice
    workers: int
    folder: Path
    dry_run: bool
    verify: bool


def foreign(url: str) -> Server:
    """Somebody's MLflow server, known by the variables that MLflow's own clients read."""
    insecure = os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in _TRUE
    verify = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or not insecure
    credentials = Credentials(
        token=os.environ.get("MLFLOW_TRACKING_TOKEN"),
        user=os.environ.get("MLFLOW_TRACKING_USERNAME"),
        password=os.environ.get("MLFLOW_TRACKING_PASSWORD"),
    )
    return Server(url, credentials, verify=verify)


def ours(find: Callable[[], Account], stage: str, state: Path) -> Server:
    """Our own API: the local cloud's with its token, or a stage's on AWS with yours.

    Raises:
        UsageError: there is no token.
    """
    account = find()
    endpoints = read_endpoints(state)
    if endpoints is not None and endpoints.aws_endpoint_url == account.endpoint_url:
        return Server(endpoints.api_url, Credentials(token=endpoints.token))
    token = os.environ.get(OUR_TOKEN)
    if not token:
        raise UsageError(f"set {OUR_TOKEN} to an admin's token: `shelflife token create moving --role admin`")
    outputs = Deployer(account, lambda *_: None).outputs(f"shelflife-{stage}-edge")
    return Server(outputs["ApiUrl"], Credentials(token=token))


def bring(source: Server, target: Server, asked: Asked) -> bool:
    """Move everything that was chosen, verify it, and tell; whether all is equal.

    Raises:
        MovingError: it cannot be done, or not now: a server went away, and the same command goes on.
    """
    reader = Reader(source)
    console.print(f"from  {source.url}  (MLflow {_version(reader)})", soft_wrap=True)
    console.print(f"to    {target.url}  (MLflow {_version(Reader(target))})", soft_wrap=True)
    with console.status("counting"):
        plan = planned(reader, asked.choice)
    _tell_plan(plan)
    if asked.dry_run:
        return True
    path = asked.folder / name_of(source.url, target.url)
    journal = Journal(path, source.url, target.url)
    try:
        return _moved(reader, _target(target, journal), plan, asked)
    except UnreachableError as error:
        raise MovingError(f"{error}; what was moved is in {path}: run the same command again") from error
    finally:
        journal.close()


def _moved(reader: Reader, target: Target, plan: Plan, asked: Asked) -> bool:
    if not target.keeps_ids:
        console.print(
            "The target gives out ids itself: runs are tagged shelflife.run_id, and references are changed.",
            soft_wrap=True,
        )
    began = time.monotonic()
    with _progress(plan, "moving") as tell:
        moved = Mover(reader, target, target.journal, plan, asked.workers, tell).run()
    _tell_moved(moved, time.monotonic() - began)
    if not asked.verify:
        return not moved.problems
    began = time.monotonic()
    with _progress(plan, "verifying") as tell:
        report = Verification(reader, target, target.journal, plan, asked.workers, tell).run()
    _tell_report(report, time.monotonic() - began)
    return report.equal and not moved.problems


def _target(server: Server, journal: Journal) -> Target:
    """One that keeps ids, if it is ours."""
    if server.find("/v1/access/me") is not None:
        return KeepingTarget(server, journal)
    return ProtocolTarget(server, journal)


def _version(reader: Reader) -> str:
    try:
        return reader.version()
    except httpx.HTTPError as error:  # pragma: no cover - what else a proxy may answer
        raise MovingError(f"{reader.server.url} is no MLflow server: {error}") from error


@contextmanager
def _progress(plan: Plan, doing: str) -> Iterator[Callable[[str, int], None]]:
    columns: tuple[Any, ...] = (
        TextColumn("{task.description:24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, TaskID] = {
            name: progress.add_task(f"{doing} {name}", total=count) for name, count in plan.counts.items()
        }

        def tell(name: str, more: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(f"{doing} {name}", total=None)
            progress.advance(tasks[name], more)

        yield tell


def _tell_plan(plan: Plan) -> None:
    for name, count in plan.counts.items():
        console.print(f"  {name:14} {count:>10,}")


def _tell_moved(moved: Moved, seconds: float) -> None:
    size = moved.bytes / _MEBIBYTE
    console.print(f"moved in {seconds:.1f} s, {moved.files:,} files of {size:,.1f} MiB among it")
    for problem in moved.problems[:_SHOWN]:
        console.print(f"refused  {problem}", style="red", markup=False, soft_wrap=True)
    if len(moved.problems) > _SHOWN:
        console.print(f"refused  and {len(moved.problems) - _SHOWN} more", style="red")


def _tell_report(report: Report, seconds: float) -> None:
    table = Table("what", "source", "equal at the target")
    for name, tally in report.tallies.items():
        table.add_row(name, f"{tally.source:,}", f"{tally.equal:,}")
    console.print(table)
    for difference in report.differences[:_SHOWN]:
        console.print(f"differs  {difference}", style="red", markup=False, soft_wrap=True)
    if report.different > _SHOWN:
        console.print(f"differs  and {report.different - _SHOWN} more", style="red")
    told = "everything is equal" if report.equal else f"{report.different:,} differences"
    console.print(f"verified in {seconds:.1f} s: {told}")
