"""Requests of AWS without botocore: where a service is, and connections that are kept open to it."""

import http.client
from collections.abc import Mapping
from threading import local
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from shelflife.aws.signing import Target, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What is larger is not held in memory here: botocore streams it.
LARGEST_BYTES = 16 * 1024 * 1024
#: What says that requests go another way than straight to the region's own endpoint.
_DETOURS = ("HTTPS_PROXY", "https_proxy", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")
#: Partitions whose endpoints end otherwise; botocore knows how.
_ELSEWHERE = ("cn-", "us-iso", "us-isob", "eu-isoe", "us-isof", "eusc-")


class Endpoint(NamedTuple):
    scheme: str
    host: str


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    content: bytes


class Connections(local):
    """One connection per thread and host, kept open."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._open: dict[Endpoint, http.client.HTTPConnection] = {}

    def exchanged(
        self,
        place: Endpoint,
        target: Target,
        headers: Mapping[str, str],
        body: bytes,
        seconds: float | None = None,
    ) -> Answer | None:
        for connection in self._candidates(place):
            try:
                connection.request(target.method, quoted(target.path), body or None, dict(headers))
                connection.sock.settimeout(seconds or self._seconds)
                answer = connection.getresponse()
                if (answer.length or 0) > LARGEST_BYTES:
                    connection.close()
                    self._open.pop(place, None)
                    return None
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if connection is not self._open.pop(place, None) or isinstance(error, TimeoutError):
                    raise
            else:
                self._open[place] = connection
                return Answer(answer.status, answer.headers, content)
        return None

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1].close()

    def _candidates(self, place: Endpoint) -> "Iterator[http.client.HTTPConnection]":
        """The open one, which the other side may have closed during a freeze; then a new one."""
        kept = self._open.get(place)
        if kept is not None:
            yield kept
        kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
        yield kind(place.host, timeout=self._seconds)


def endpoint(service: str, environ: Mapping[str, str]) -> Endpoint | None:
    """Where the service is; None where only botocore can tell."""
    region = environ.get("AWS_REGION", "")
    given = environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environ.get("AWS_ENDPOINT_URL")
    if given:
        parts = urlsplit(given)
        return Endpoint(parts.scheme, parts.netloc) if parts.path in ("", "/") else None
    if not region or region.startswith(_ELSEWHERE) or any(environ.get(name) for name in _DETOURS):
        return None
    return Endpoint("https", f"{service}.{region}.amazonaws.com")
