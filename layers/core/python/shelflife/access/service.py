from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from shelflife.access.errors import TokenLifetimeError, TokenNotFoundError
from shelflife.access.model import LAST, Token, digest, token_id_of, token_in, token_text
from shelflife.access.ports import Secrets, Tokens
from shelflife.contracts.access import JobTokenIssued, Principal, Role
from shelflife.kernel.ids import Clock, NewId
from shelflife.kernel.names import JOB_TOKEN_PARAMETER
from shelflife.kernel.paging import Page

LONGEST_DAYS = 365


@dataclass(frozen=True, slots=True)
class Access:
    tokens: Tokens
    secrets: Secrets
    now: Clock
    new_id: NewId
    new_secret: Callable[[], str]
    stage_name: str

    def issue(self, name: str, role: Role, lifetime: timedelta, *, issued_by: str) -> tuple[str, Token]:
        """Make a token; its text is answered here and never again.

        Raises:
            TokenLifetimeError: the lifetime is not positive, or longer than a year.
        """
        if not timedelta() < lifetime <= timedelta(days=LONGEST_DAYS):
            raise TokenLifetimeError(lifetime / timedelta(days=1), LONGEST_DAYS)
        token_id, created_at = self.new_id(), self.now()
        text = token_text(token_id, self.new_secret())
        token = Token(
            token_id=token_id,
            name=name,
            role=role,
            sha256=digest(text),
            last_four=text[-LAST:],
            created_at=created_at,
            created_by=issued_by,
            expires_at=created_at + lifetime,
        )
        self.tokens.add(token)
        return text, token

    def identify(self, authorization: str | None) -> Principal | None:
        """Who sends this Authorization header; nobody if its token is unknown, wrong or expired."""
        return self.holder(token_in(authorization) if authorization else None)

    def holder(self, text: str | None) -> Principal | None:
        """Whose token this is; nobody's if it is unknown, wrong or expired."""
        token = self.token_of(text)
        return Principal(name=token.name, role=token.role) if token else None

    def token_of(self, text: str | None) -> Token | None:
        """What is kept of the token with this text, if it opens anything now."""
        token_id = token_id_of(text) if text else None
        token = self.tokens.find(token_id) if token_id else None
        if text is None or token is None or not token.opens_with(text, self.now()):
            return None
        return token

    def page(self, limit: int, cursor: str | None) -> Page[Token]:
        return self.tokens.page(limit, cursor)

    def revoke(self, token_id: str) -> None:
        """End a token; callers that the gateway has cached are refused a minute later at the latest.

        Raises:
            TokenNotFoundError: there is none.
        """
        self.tokens.remove(token_id)

    def issue_job_token(self, job_id: str, lifetime: timedelta) -> JobTokenIssued:
        """Leave a contributor's token for a job in its encrypted parameter.

        Asked again for the same job, the parameter holds the newest token, and older ones expire.
        """
        text, token = self.issue(f"job:{job_id}", Role.CONTRIBUTOR, lifetime, issued_by="train_model")
        parameter_name = self._parameter(job_id)
        self.secrets.put(parameter_name, text)
        return JobTokenIssued(
            token_id=token.token_id, parameter_name=parameter_name, expires_at=token.expires_at
        )

    def revoke_job_token(self, job_id: str, token_id: str) -> None:
        """End a job's token; doing it again changes nothing."""
        self.secrets.remove(self._parameter(job_id))
        try:
            self.tokens.remove(token_id)
        except TokenNotFoundError:
            return

    def _parameter(self, job_id: str) -> str:
        return JOB_TOKEN_PARAMETER.format(stage=self.stage_name, job_id=job_id)
