"""Requests to AWS signed by hand: Signature Version 4, for the few calls that cannot wait for botocore.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html; a test compares
every header with botocore's own signer.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """What Lambda gives every function in its environment."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Credentials | None":
        """None where credentials come another way, as they do under SnapStart."""
        key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
        return cls(key, secret, environ.get("AWS_SESSION_TOKEN")) if key and secret else None


class Target(NamedTuple):
    """Where a request goes; `path` is as the service's documents spell it, not yet quoted."""

    service: str
    region: str
    host: str
    method: str
    path: str


def signed(
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
    credentials: Credentials,
    now: float | None = None,
) -> dict[str, str]:
    """The headers (in lower case) with `authorization` and what it needs; all of them are signed."""
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    digest = hashlib.sha256(body).hexdigest()
    known = {"host": target.host, **headers, "x-amz-date": at}
    if target.service == "s3":
        known["x-amz-content-sha256"] = digest
    if credentials.session_token:
        known["x-amz-security-token"] = credentials.session_token
    names = sorted(known)
    listed = ";".join(names)
    request = "\n".join(
        (
            target.method,
            quoted(target.path),
            "",
            *(f"{name}:{known[name].strip()}" for name in names),
            "",
            listed,
            digest,
        )
    )
    scope = f"{at[:8]}/{target.region}/{target.service}/aws4_request"
    text = f"{_ALGORITHM}\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = _key(credentials.secret_access_key, at[:8], target.region, target.service)
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    known["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={listed}, Signature={signature}"
    )
    return known


def quoted(path: str) -> str:
    return quote(path, safe="/-_.~")


@lru_cache(maxsize=8)
def _key(secret: str, day: str, region: str, service: str) -> bytes:
    """Good for a day."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
