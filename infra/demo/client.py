"""The platform's API as a caller sees it: URLs, a token and JSON."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

_POLL_SECONDS = 0.5
_ERRORS_FROM = 400


class CallFailedError(RuntimeError):
    """The API said no; the text is its own."""

    def __init__(self, method: str, path: str, status: int, body: str) -> None:
        super().__init__(f"{method} {path} answered {status}: {body[:2000]}")
        self.status = status


class WaitedTooLongError(RuntimeError):
    def __init__(self, what: str, seconds: float, last: object) -> None:
        super().__init__(f"{what} did not happen in {seconds:.0f} s; last seen: {last}")


@dataclass
class Client:
    """`latencies` collects the milliseconds of predictions."""

    api_url: str
    token: str
    latencies: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        self._http = httpx.Client(base_url=self.api_url, headers=headers, timeout=40)

    def get(self, path: str) -> Any:
        return self._json("GET", path, None)

    def text(self, path: str) -> str:
        return self._answer("GET", path, None).text

    def post(self, path: str, body: Any) -> Any:
        return self._json("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        return self._json("PUT", path, body)

    def upload(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        """Send a file to a presigned address: no token goes there."""
        answer = httpx.put(url, content=body, headers=headers, timeout=60)
        if answer.status_code >= _ERRORS_FROM:
            raise CallFailedError("PUT", "the presigned address", answer.status_code, answer.text)

    def infer(self, deployment: str, inputs: list[dict[str, Any]], *, version: int | None = None) -> Any:
        """One Open Inference Protocol request."""
        path = f"/v2/models/{deployment}" + (f"/versions/{version}" if version else "") + "/infer"
        began = time.perf_counter()
        answer = self.post(path, {"inputs": inputs})
        self.latencies.append((time.perf_counter() - began) * 1000)
        return answer

    def until(
        self,
        what: str,
        path: str,
        done: Callable[[Any], bool],
        *,
        seconds: float,
        tell: Callable[[Any], None],
    ) -> Any:
        """Ask again until `done`; `tell` hears every answer.

        Raises:
            WaitedTooLongError: it was not done in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            answer = self.get(path)
            tell(answer)
            if done(answer):
                return answer
            if time.monotonic() > deadline:
                raise WaitedTooLongError(what, seconds, answer)
            time.sleep(_POLL_SECONDS)

    def _json(self, method: str, path: str, body: Any) -> Any:
        answer = self._answer(method, path, body)
        return answer.json() if answer.content else None

    def _answer(self, method: str, path: str, body: Any) -> httpx.Response:
        answer = self._http.request(method, path, json=body)
        if answer.status_code >= _ERRORS_FROM:
            raise CallFailedError(method, path, answer.status_code, answer.text)
        return answer
