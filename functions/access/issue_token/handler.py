"""Invoked by an operator with AWS credentials: how an installation gets its first token."""

from datetime import timedelta

from shelflife.access.wiring import access
from shelflife.contracts.access import Role
from shelflife.entry.task import task
from shelflife.kernel.model import Model


class IssueToken(Model):
    name: str
    role: Role
    expires_in_days: float = 90


class TokenIssued(Model):
    token: str
    token_id: str
    expires_at: str


@task(IssueToken)
def handler(asked: IssueToken) -> TokenIssued:
    text, token = access().issue(
        asked.name, asked.role, timedelta(days=asked.expires_in_days), issued_by="operator"
    )
    return TokenIssued(token=text, token_id=token.token_id, expires_at=token.expires_at.isoformat())
