"""HTTP: API tokens."""

from datetime import timedelta
from http import HTTPStatus

from pydantic import Field

from shelflife.access.model import Token
from shelflife.access.wiring import access
from shelflife.contracts.access import Role
from shelflife.entry.http import Answer, Call, HttpDoor
from shelflife.kernel.model import Model
from shelflife.kernel.names import Context

door = HttpDoor(Context.ACCESS)
handler = door.handle


class TokenRequest(Model):
    name: str = Field(min_length=1, max_length=100)
    role: Role = Role.VIEWER
    expires_in_days: float = 90


@door.post("/v1/access/tokens", role=Role.ADMIN, body=TokenRequest)
def issue_token(call: Call[TokenRequest]) -> Answer:
    """Make a token; the answer is the only place where its text is ever told."""
    asked = call.body
    text, token = access().issue(
        asked.name, asked.role, timedelta(days=asked.expires_in_days), issued_by=call.principal.name
    )
    return Answer({"token": text} | _shown(token), HTTPStatus.CREATED)


@door.get("/v1/access/tokens", role=Role.ADMIN)
def list_tokens(call: Call[None]) -> dict[str, object]:
    page = access().page(*call.page())
    return {"tokens": [_shown(token) for token in page.items], "next_cursor": page.next_cursor}


@door.delete("/v1/access/tokens/<token_id>", role=Role.ADMIN)
def revoke_token(call: Call[None], token_id: str) -> Answer:  # noqa: ARG001 - every route takes its call
    access().revoke(token_id)
    return Answer(status=HTTPStatus.NO_CONTENT)


@door.get("/v1/access/me")
def who_am_i(call: Call[None]) -> object:
    return call.principal


def _shown(token: Token) -> dict[str, object]:
    return token.model_dump(mode="json", exclude={"sha256"})
