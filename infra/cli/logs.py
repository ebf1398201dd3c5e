"""What functions have logged."""

from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from infra.cli.cloud import UsageError
from infra.deploy.account import Account

console = Console(highlight=False)


def functions(account: Account) -> dict[str, dict[str, Any]]:
    """The platform's functions by `<context>/<use case>`; each says so in its description."""
    pages = account.client("lambda").get_paginator("list_functions").paginate()
    found = [function for page in pages for function in page["Functions"]]
    return {
        function["Description"].rpartition(": ")[2]: function
        for function in found
        if function.get("Description", "").startswith("shelflife ")
    }


def show(account: Account, name: str, since: datetime) -> None:
    known = functions(account)
    if name not in known:
        raise UsageError(f"there is no function {name!r}; there are {', '.join(sorted(known)) or 'none'}")
    function = known[name]
    group = function.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{function['FunctionName']}"
    events = (
        account.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=group, startTime=int(since.timestamp() * 1000))
    )
    for page in events:
        for event in page["events"]:
            at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
            console.print(f"{at:%H:%M:%S.%f} {event['message'].rstrip()}", soft_wrap=True, markup=False)
