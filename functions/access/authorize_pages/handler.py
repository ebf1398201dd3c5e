"""The gateway's authorizer of what MLflow's pages ask: says who calls, by a browser's session or by a token.

As `authorize`, it never denies. It alone takes cookies, so that a session opens the routes of the pages and
no others.
"""

from typing import Any

from aws_lambda_powertools.utilities.data_classes.api_gateway_authorizer_event import (
    APIGatewayAuthorizerEventV2,
)

from shelflife.access import session
from shelflife.access.wiring import access
from shelflife.entry.observe import observed


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    with observed("authorize_pages", context) as outcome:
        headers = {name.lower(): value for name, value in APIGatewayAuthorizerEventV2(event).headers.items()}
        told = headers.get("authorization")
        method = event["requestContext"]["http"]["method"]
        text = session.token_of(event.get("cookies") or (), method, headers)
        principal = access().identify(told) if told else access().holder(text)
        outcome.note(principal=principal.name if principal else None)
        known = {"principal": principal.name, "role": principal.role.value} if principal else {}
        return {"isAuthorized": True, "context": known}
