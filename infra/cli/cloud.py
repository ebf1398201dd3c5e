"""Commands about an installation as a whole."""

import os
import signal
import threading
import time
from pathlib import Path

import boto3
from rich.console import Console
from rich.table import Table

from infra.deploy import assembly
from infra.deploy.account import Account
from infra.deploy.deployer import Deployer
from infra.installation import Endpoints, Installation, issue_token, read_endpoints, synthesized
from infra.local.cloud import running, stop_running

_LOOK_SECONDS = 0.5
console = Console(highlight=False)


class UsageError(RuntimeError):
    """What the person at the keyboard can mend."""


def target(folder: Path, endpoint_url: str | None, region: str | None) -> Account:
    """The account that a command means: the given endpoint, or the running local cloud."""
    record = running(folder)
    if endpoint_url:
        return Account(
            region=region or "eu-west-1", endpoint_url=endpoint_url, account_id=_local_account(endpoint_url)
        )
    if record is not None:
        return Account(record.region, record.endpoint_url, record.account)
    if region or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_ACCESS_KEY_ID"):
        found = region or boto3.Session().region_name
        if not found:
            raise UsageError("no region is set: say --region")
        return Account(region=found)
    raise UsageError(f"no local cloud runs in {folder}: start one with `make up`, or say --endpoint-url")


def up(folder: Path, port: int | None) -> None:
    """Stay in the foreground until a signal; the state is saved on the way out."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    installation = Installation(folder, console.print, port=port)
    began = time.monotonic()
    try:
        endpoints = installation.start()
        console.print(f"\nup in {time.monotonic() - began:.1f} s\n")
        for name, value in (
            ("API", endpoints.api_url),
            ("pages", pages_of(endpoints)),
            ("token", endpoints.token),
            ("AWS", endpoints.aws_endpoint_url),
        ):
            console.print(f"  {name:6} {value}", soft_wrap=True)
        console.print(
            "\nnext:\n"
            f'  export API="$(jq -r .api_url {folder}/endpoints.json)"\n'
            f'  export TOKEN="$(jq -r .token {folder}/endpoints.json)"\n'
            '  curl -H "Authorization: Bearer $TOKEN" "$API/v1/access/me"\n'
            "  .venv/bin/shelflife status\n"
            "\nCtrl-C stops it; the state is kept for the next time",
            soft_wrap=True,
        )
        # Whoever stops the cloud from elsewhere (`shelflife down`) ends this command, too.
        while running(folder) and not stopped.wait(_LOOK_SECONDS):
            pass
    finally:
        console.print("stopping")
        installation.stop()


def pages_of(endpoints: Endpoints) -> str:
    """Where MLflow's pages are: they ask for everything relative to this, so it ends with a slash."""
    return f"{endpoints.api_url.rstrip('/')}/"


def down(folder: Path) -> None:
    console.print("stopped; the state is kept" if stop_running(folder) else "no local cloud runs here")


def status(folder: Path) -> None:
    record = running(folder)
    if record is None:
        console.print("no local cloud runs here")
        return
    console.print(
        f"local cloud  {record.endpoint_url}  process {record.pid}, since {record.started_at}", soft_wrap=True
    )
    endpoints = read_endpoints(folder)
    if endpoints:
        console.print(f"API          {endpoints.api_url}", soft_wrap=True)
        console.print(f"pages        {pages_of(endpoints)}", soft_wrap=True)
    account = Account(record.region, record.endpoint_url, record.account)
    table = Table("stack", "status", "changed")
    for stack in account.cloudformation.describe_stacks()["Stacks"]:
        changed = stack.get("LastUpdatedTime") or stack["CreationTime"]
        table.add_row(stack["StackName"], stack["StackStatus"], f"{changed:%Y-%m-%d %H:%M:%S}")
    console.print(table)


def deploy(account: Account, stage: str, folder: Path) -> None:
    images = folder / "images" if account.account_id else None
    deployer = Deployer(account, lambda stack, what: console.print(f"{stack}: {what}"), images=images)
    stacks = assembly.stacks(synthesized(stage, console.print))
    deployer.prepare(stacks)
    for stack in stacks:
        console.print(f"{stack.name}: {deployer.deploy(stack)}")


def create_token(account: Account, stage: str, asked: tuple[str, str, float]) -> None:
    made = issue_token(account, stage, *asked)
    told = f"token    {made['token']}\nid       {made['token_id']}\nexpires  {made['expires_at']}"
    console.print(told, soft_wrap=True)


def _local_account(endpoint_url: str) -> str | None:
    """Emulators take the account from the access key; AWS's own endpoints want real credentials."""
    return None if ".amazonaws.com" in endpoint_url else "000000000000"
