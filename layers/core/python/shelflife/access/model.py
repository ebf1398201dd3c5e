"""API tokens: shown once, stored as a digest, never for ever."""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

from shelflife.contracts.access import Role
from shelflife.kernel.ids import Moment
from shelflife.kernel.model import Model

#: Says what it is to people and to scanners for leaked secrets.
PREFIX = "shl"
LAST = 4


class Token(Model):
    """What is kept of a token."""

    token_id: str
    name: str
    role: Role
    sha256: str
    last_four: str
    created_at: Moment
    created_by: str
    expires_at: Moment

    def opens_with(self, text: str, at: datetime) -> bool:
        """Whether this is the token's text and it has not expired; takes the same time either way."""
        return hmac.compare_digest(self.sha256, digest(text)) and at < self.expires_at


def token_text(token_id: str, secret: str) -> str:
    return f"{PREFIX}_{token_id}_{secret}"


def digest(text: str) -> str:
    """The SHA-256 of a token. The secret has 256 random bits, so no salt or slow hash is needed."""
    return hashlib.sha256(text.encode()).hexdigest()


def token_id_of(text: str) -> str | None:
    """The id within a token's text, or nothing if it is no token."""
    parts = text.split("_")
    return parts[1] if len(parts) == 3 and parts[0] == PREFIX else None  # noqa: PLR2004 - prefix, id, secret


def token_in(authorization: str) -> str | None:
    """The token of an Authorization header: a bearer token, or the password of basic authentication."""
    scheme, _, rest = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        _, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return password or None
