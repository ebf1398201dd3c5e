"""Stream: put monitoring's news onto the bus."""

from typing import Any

from shelflife.aws.clients import client
from shelflife.entry.outbox import publish
from shelflife.kernel.settings import OutboxSettings


def handler(event: dict[str, Any], context: Any) -> Any:
    bus_name = OutboxSettings.from_env().bus_name
    return publish(event, context, bus_name=bus_name, put_events=client("events").put_events)
