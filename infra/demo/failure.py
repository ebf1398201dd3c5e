"""When the story goes wrong: which state, which function, which log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from rich.console import Console

    from infra.installation import Installation

_BAD = {"FAILED", "TIMED_OUT", "ABORTED"}
_ERROR_LINES = 3


def explain(step: str, error: Exception, installation: Installation, console: Console) -> None:
    """Say what failed where, as far as the cloud can still tell."""
    console.print(f"\n[red]failed at: {step}[/red]", markup=True)
    console.print(f"  {type(error).__name__}: {error}", markup=False, soft_wrap=True)
    try:
        for line in _evidence(installation):
            console.print(f"  {line}", markup=False, soft_wrap=True)
    except (BotoCoreError, ClientError, RuntimeError, OSError) as lost:
        console.print(f"  the cloud cannot say more: {type(lost).__name__}", markup=False)
    console.print(f"  log of the cloud: {installation.folder / 'log' / 'cloud.log'}", markup=False)
    console.print(f"  logs of jobs: {installation.folder / 'jobs'}", markup=False)


def _evidence(installation: Installation) -> list[str]:
    account = installation.account
    lines = []
    states = account.client("stepfunctions")
    for machine in states.list_state_machines()["stateMachines"]:
        for execution in states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]:
            if execution["status"] in _BAD:
                lines += [_failed_state(states, machine["name"], execution)]
    return lines + _failed_functions(account)


def _failed_state(states: Any, machine: str, execution: dict[str, Any]) -> str:
    described = states.describe_execution(executionArn=execution["executionArn"])
    history = states.get_execution_history(executionArn=execution["executionArn"])["events"]
    entered = [
        event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event
    ]
    state = entered[-1] if entered else "its start"
    return f"state machine {machine}: {execution['status']} at {state}: {described.get('cause', '')[:400]}"


def _failed_functions(account: Any) -> list[str]:
    """The last errors that functions have logged."""
    logs = account.client("logs")
    lines = []
    for function in account.client("lambda").list_functions()["Functions"]:
        group = function.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{function['FunctionName']}"
        try:
            events = logs.filter_log_events(logGroupName=group, filterPattern="ERROR")["events"]
        except ClientError:
            continue
        name = function.get("Description", "").rpartition(": ")[2]
        found = [event["message"] for event in events if '"level":"ERROR"' in event["message"]]
        lines += [
            f"function {name}: {_said(message)} (shelflife logs {name})" for message in found[-_ERROR_LINES:]
        ]
    return lines


def _said(message: str) -> str:
    try:
        record = json.loads(message)
    except ValueError:
        return message[:300]
    return f"{record.get('message')}: {record.get('exception', '')[-300:]}"
