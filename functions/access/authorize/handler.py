"""The gateway's authorizer: says who calls; the functions decide what they may.

It never denies: a denial by the gateway has a fixed body, and each protocol wants its own
(docs: decisions). An unknown caller goes on without a role, and the door answers 401.
"""

from typing import Any

from aws_lambda_powertools.utilities.data_classes.api_gateway_authorizer_event import (
    APIGatewayAuthorizerEventV2,
)

from shelflife.access.wiring import access
from shelflife.entry.observe import observed


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    with observed("authorize", context) as outcome:
        headers = APIGatewayAuthorizerEventV2(event).headers
        principal = access().identify(headers.get("authorization"))
        outcome.note(principal=principal.name if principal else None)
        known = {"principal": principal.name, "role": principal.role.value} if principal else {}
        return {"isAuthorized": True, "context": known}
