"""HTTP: what happened to a model, and what was in use at a time."""

from datetime import UTC, datetime
from typing import Any

from shelflife.entry.http import Call, HttpDoor, InvalidParameterError
from shelflife.kernel.names import Context
from shelflife.registry import native
from shelflife.registry.wiring import history

door = HttpDoor(Context.REGISTRY)
handler = door.handle


@door.get("/v1/models/<name>/history")
def get_history(call: Call[None], name: str) -> dict[str, Any]:
    at = call.parameter("at")
    if at is not None:
        moment = _moment(at)
        return native.then_json(history().at(name, moment), moment.isoformat().replace("+00:00", "Z"))
    page = history().page(name, *call.page())
    return {"changes": [native.change_json(one) for one in page.items], "next_cursor": page.next_cursor}


def _moment(text: str) -> datetime:
    """RFC 3339, or milliseconds since 1970 as MLflow tells times; without a zone it is UTC."""
    try:
        if text.isdecimal():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        # A plus in a query is a space, unless it was escaped.
        told = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except (ValueError, OverflowError, OSError) as error:
        expected = "a time such as 2026-11-20T12:00:00Z, or milliseconds since 1970"
        raise InvalidParameterError("at", text, expected) from error
    return told if told.tzinfo else told.replace(tzinfo=UTC)
