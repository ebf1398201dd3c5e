"""Schedules, fired by hand."""

from rich.console import Console

from infra.cli.cloud import UsageError
from infra.deploy.account import Account

console = Console(highlight=False)


def names(account: Account) -> list[str]:
    pages = account.client("scheduler").get_paginator("list_schedules").paginate()
    return [schedule["Name"] for page in pages for schedule in page["Schedules"]]


def fire(account: Account, name: str) -> None:
    """Start the schedule's state machine with the schedule's own input, as the schedule would."""
    matching = [found for found in names(account) if name.replace("_", "-") in found]
    if len(matching) != 1:
        raise UsageError(
            f"{name!r} names {len(matching)} schedules; there are {', '.join(names(account)) or 'none'}"
        )
    schedule = account.client("scheduler").get_schedule(Name=matching[0])
    started = account.client("stepfunctions").start_execution(
        stateMachineArn=schedule["Target"]["Arn"], input=schedule["Target"].get("Input", "{}")
    )
    console.print(f"{matching[0]}: started {started['executionArn']}", soft_wrap=True)
