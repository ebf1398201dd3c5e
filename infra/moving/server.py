"""An MLflow server, or ours: JSON, pages and files over HTTP, asked again when it is busy."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

Json = dict[str, Any]
Query = Mapping[str, Any]

API = "/api/2.0/mlflow"
API3 = "/api/3.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts"

_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_REFUSED_FROM = 400
_ATTEMPTS = 9
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 20.0
_TIMEOUT = httpx.Timeout(60.0, connect=20.0)
_TOLD = 500


class MovingError(RuntimeError):
    """What keeps things from being moved, and a person can mend."""


class RefusedError(MovingError):
    """The server said no; `code` is MLflow's word for it, if it has one."""

    def __init__(self, method: str, url: str, status: int, body: str) -> None:
        super().__init__(f"{method} {url} answered {status}: {body[:_TOLD]}")
        self.status = status
        self.body = body

    @property
    def missing(self) -> bool:
        return self.status == httpx.codes.NOT_FOUND

    @property
    def busy(self) -> bool:
        return self.status in _BUSY

    @property
    def exists(self) -> bool:
        return "RESOURCE_ALREADY_EXISTS" in self.body


class UnreachableError(MovingError):
    def __init__(self, method: str, url: str, reason: str, attempts: int) -> None:
        super().__init__(f"{method} {url} was tried {attempts} times, last: {reason}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a server knows us; nothing of it is ever shown."""

    token: str | None = field(default=None, repr=False)
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def basic(self) -> httpx.BasicAuth | None:
        given = not self.token and self.user is not None
        return httpx.BasicAuth(self.user or "", self.password or "") if given else None


class Server:
    """Safe to be used by several threads at once.

    Every call is repeated, with growing pauses, while the server is busy or cannot be reached: only what may
    be done twice is asked for here, unless `once` says otherwise.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        *,
        verify: bool | str = True,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = checked(url)
        known = credentials or Credentials()
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=self.url,
            headers=known.headers(),
            auth=known.basic(),
            timeout=_TIMEOUT,
            verify=verify,
            transport=transport,
            limits=httpx.Limits(max_connections=64),
        )
        # Storage is asked by presigned addresses: no token goes there.
        self._storage = httpx.Client(timeout=_TIMEOUT, verify=verify, transport=transport)

    def close(self) -> None:
        self._http.close()
        self._storage.close()

    def get(self, path: str, query: Query | None = None) -> Json:
        return self._json("GET", path, params=query)

    def find(self, path: str, query: Query | None = None) -> Json | None:
        """The answer, or nothing if there is no such thing."""
        try:
            return self.get(path, query)
        except RefusedError as error:
            if error.missing:
                return None
            raise

    def post(self, path: str, body: Json, *, once: bool = False) -> Json:
        return self._json("POST", path, once=once, json=body)

    def put(self, path: str, body: Json) -> Json:
        return self._json("PUT", path, json=body)

    def patch(self, path: str, body: Json) -> Json:
        return self._json("PATCH", path, json=body)

    def delete(self, path: str, body: Json) -> Json:
        return self._json("DELETE", path, json=body)

    def send(self, method: str, path: str, content: bytes, headers: Mapping[str, str]) -> None:
        self._answer(method, path, content=content, headers=dict(headers))

    def stream_up(self, path: str, chunks: Iterable[bytes], headers: Mapping[str, str]) -> None:
        """Send what comes, once: what is streamed cannot be sent again from here."""
        self._answer("PUT", path, once=True, content=chunks, headers=dict(headers))

    def store(self, url: str, content: bytes, headers: Mapping[str, str]) -> str:
        """Put bytes at a presigned address; the answer is their ETag."""
        answer = self._repeated(
            "PUT", url, lambda: self._storage.put(url, content=content, headers=dict(headers))
        )
        return str(answer.headers.get("etag", ""))

    def pages(
        self, path: str, name: str, query: Json, *, body: bool, size: int | None = None
    ) -> Iterator[list[Json]]:
        """Page after page of a list, read while it is asked for."""
        asked = dict(query) | ({"max_results": size} if size else {})
        while True:
            answer = self.post(path, asked) if body else self.get(path, asked)
            yield answer.get(name, [])
            token = answer.get("next_page_token")
            if not token:
                return
            asked["page_token"] = token

    @contextmanager
    def download(self, path: str, query: Query | None = None) -> Iterator[httpx.Response]:
        """A file's answer, to be read in parts; redirects are followed without the token."""
        for attempt in range(_ATTEMPTS):
            request = self._http.build_request(
                "GET", path, params=query, headers={"accept-encoding": "identity"}
            )
            try:
                answer = self._http.send(request, stream=True, follow_redirects=True)
            except httpx.TransportError as error:
                self._pause(attempt, "GET", path, type(error).__name__)
                continue
            try:
                if answer.status_code in _BUSY and attempt < _ATTEMPTS - 1:
                    self._pause(attempt, "GET", path, str(answer.status_code), answer)
                    continue
                if answer.status_code >= _REFUSED_FROM:
                    answer.read()
                    raise RefusedError("GET", path, answer.status_code, answer.text)
                yield answer
            finally:
                answer.close()
            return

    def _json(self, method: str, path: str, *, once: bool = False, **asked: Any) -> Json:
        answer = self._answer(method, path, once=once, **asked)
        told: Json = answer.json() if answer.content else {}
        return told

    def _answer(self, method: str, path: str, *, once: bool = False, **asked: Any) -> httpx.Response:
        return self._repeated(method, path, lambda: self._http.request(method, path, **asked), once=once)

    def _repeated(
        self, method: str, url: str, ask: Callable[[], httpx.Response], *, once: bool = False
    ) -> httpx.Response:
        shown = url.partition("?")[0]
        for attempt in range(_ATTEMPTS):
            last = once or attempt == _ATTEMPTS - 1
            try:
                answer = ask()
            except httpx.TransportError as error:
                if last:
                    raise UnreachableError(method, shown, type(error).__name__, attempt + 1) from error
                self._pause(attempt, method, shown, type(error).__name__)
                continue
            if answer.status_code in _BUSY and not last:
                self._pause(attempt, method, shown, str(answer.status_code), answer)
                continue
            if answer.status_code >= _REFUSED_FROM:
                raise RefusedError(method, shown, answer.status_code, answer.text)
            return answer
        raise AssertionError(method)  # pragma: no cover - the last attempt answers or raises

    def _pause(
        self, attempt: int, method: str, url: str, reason: str, answer: httpx.Response | None = None
    ) -> None:
        if attempt == _ATTEMPTS - 1:
            raise UnreachableError(method, url, reason, _ATTEMPTS)
        told = answer.headers.get("retry-after", "") if answer is not None else ""
        pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**attempt)
        jitter = pause * (0.5 + random.random() / 2)  # noqa: S311 - only spreads callers out
        self._sleep(max(jitter, min(_LONGEST_PAUSE_SECONDS, float(told))) if told.isdecimal() else jitter)


def checked(url: str) -> str:
    """The address without its last slash.

    Raises:
        MovingError: it is no HTTP address, or names a user: that would be seen by everybody on this machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise MovingError("a tracking URI must begin with http:// or https:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise MovingError(
            "a tracking URI must not hold a password: "
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        )
    return url.rstrip("/")
