"""A browser's session: a cookie that holds the token, which scripts cannot read and other sites cannot use.

Where a cookie is taken, a request that may change something has to come from our own pages: browsers say so
in `Sec-Fetch-Site`, which no script can set.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

COOKIE = "shelflife_token"
#: A working day; then the token is asked for again.
LONGEST = timedelta(hours=12)
_SITE = "sec-fetch-site"
_OWN = "same-origin"
#: They change nothing.
_SAFE = frozenset({"GET", "HEAD"})
_RULES = "Path=/; HttpOnly; Secure; SameSite=Lax"


def cookie_of(text: str, expires_at: datetime, now: datetime) -> str:
    """The `Set-Cookie` that begins a session; it ends with the token at the latest."""
    seconds = int(min(LONGEST, expires_at - now).total_seconds())
    return f"{COOKIE}={text}; Max-Age={max(seconds, 0)}; {_RULES}"


def no_cookie() -> str:
    """The `Set-Cookie` that ends one."""
    return f"{COOKIE}=; Max-Age=0; {_RULES}"


def token_of(cookies: Iterable[str], method: str, headers: Mapping[str, str]) -> str | None:
    """The token of a session, if the request may use it; header names are in small letters."""
    if method not in _SAFE and headers.get(_SITE) != _OWN:
        return None
    return next((value for name, value in map(_pair, cookies) if name == COOKIE and value), None)


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether another site's page sent the request."""
    return headers.get(_SITE, _OWN) not in {_OWN, "none"}


def _pair(cookie: str) -> tuple[str, str]:
    name, _, value = cookie.partition("=")
    return name.strip(), value.strip()
