"""The HTTP door without a routing library, for the one path on which its cost is felt: inference.

It answers as `entry.http.HttpDoor` does: same calls, same roles, same errors, same records. It also reads
compressed bodies, and compresses answers for whoever accepts that (encodings.py).
"""

import base64
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from time import perf_counter
from typing import Any, NamedTuple

from shelflife.contracts.access import Principal, Role
from shelflife.entry.encodings import SHORTEST_ENCODED, decoded, encoded
from shelflife.entry.forms import (
    AnswerTooLargeError,
    MethodNotAllowedError,
    RouteNotFoundError,
    failure_of,
    render,
)
from shelflife.entry.gateway import (
    ANSWER_LIMIT,
    Answer,
    admitted,
    bytes_of,
    method_of,
    path_of,
    size_of,
)
from shelflife.entry.records import Record, Recorder, recorder
from shelflife.kernel.errors import counts_for
from shelflife.kernel.names import Context

LeanHandler = Callable[..., Answer]


class LeanCall(NamedTuple):
    """A call that may be answered, as `gateway.Call`; `record` is for what the door alone would not know.

    Headers have lower-case names. Queries are not read: no route here has any.
    """

    principal: Principal
    record: Record
    raw: bytes
    headers: Mapping[str, str]


class LeanDoor:
    """The routes of one function; ``<name>`` in a path is one part of it."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._routes: dict[tuple[str, int], list[_Route]] = {}
        self._recorder: Recorder | None = None

    def get(self, path: str, *, role: Role | None = Role.VIEWER) -> Callable[[LeanHandler], LeanHandler]:
        return self.route("GET", path, role=role)

    def post(self, path: str, *, role: Role | None = Role.VIEWER) -> Callable[[LeanHandler], LeanHandler]:
        return self.route("POST", path, role=role)

    def route(self, method: str, path: str, *, role: Role | None) -> Callable[[LeanHandler], LeanHandler]:
        """Answer `method path` with the function below; no `role` leaves the route open to all."""

        def add(handler: LeanHandler) -> LeanHandler:
            route = _Route(f"{self.context} {method} {path}", path, role, handler)
            self._routes.setdefault((method, len(route.parts)), []).append(route)
            return handler

        return add

    @property
    def routes(self) -> tuple[tuple[str, str], ...]:
        return tuple((method, route.path) for (method, _), known in self._routes.items() for route in known)

    def handle(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer the event; an error of any kind becomes an answer in the protocol's form."""
        began = perf_counter()
        record = Record(f"{self.context}/http", {"request_id": getattr(context, "aws_request_id", "")})
        try:
            answer = self._answer(event, record)
        except Exception as error:  # noqa: BLE001 - the last place where an answer can be made of it
            answer = _failed(error, event, record)
        record.fields["status"] = answer["statusCode"]
        record.failed |= answer["statusCode"] >= HTTPStatus.INTERNAL_SERVER_ERROR
        if self._recorder is None:
            self._recorder = recorder()
        self._recorder.write(record, (perf_counter() - began) * 1000)
        return answer

    def _answer(self, event: dict[str, Any], record: Record) -> dict[str, Any]:
        method, path = method_of(event), path_of(event)
        route, parameters = self._found(method, path)
        record.door = route.door
        principal = admitted(event, route.role)
        record.fields["principal"] = principal.name
        headers = event.get("headers") or {}
        headers = dict(zip(map(str.lower, headers), headers.values(), strict=True))
        raw = decoded(bytes_of(event), headers.get("content-encoding"))
        call = LeanCall(principal, record, raw, headers)
        return _told(route.handler(call, **parameters), headers.get("accept-encoding"))

    def _found(self, method: str, path: str) -> tuple["_Route", dict[str, str]]:
        parts = path.split("/")
        for route in self._routes.get((method, len(parts)), ()):
            parameters = route.matched(parts)
            if parameters is not None:
                return route, parameters
        allowed = [
            known
            for (known, size), routes in self._routes.items()
            if size == len(parts) and any(route.matched(parts) is not None for route in routes)
        ]
        raise MethodNotAllowedError(method, path, allowed) if allowed else RouteNotFoundError(method, path)


class _Route:
    __slots__ = ("_named", "_said", "door", "handler", "parts", "path", "role")

    def __init__(self, door: str, path: str, role: Role | None, handler: LeanHandler) -> None:
        self.door = door
        self.path = path
        self.role = role
        self.handler = handler
        self.parts = path.split("/")
        self._named = [(at, part[1:-1]) for at, part in enumerate(self.parts) if part.startswith("<")]
        self._said = [(at, part) for at, part in enumerate(self.parts) if not part.startswith("<")]

    def matched(self, parts: list[str]) -> dict[str, str] | None:
        for at, part in self._said:
            if parts[at] != part:
                return None
        return {name: parts[at] for at, name in self._named}


def _told(answer: Answer, accepted: str | None) -> dict[str, Any]:
    body = answer.body
    if not isinstance(body, str | bytes):
        body = json.dumps(body, separators=(",", ":"))
    headers = {"Content-Type": answer.content_type, **answer.headers}
    if accepted and len(body) >= SHORTEST_ENCODED:
        body, coding = encoded(body, accepted)
        headers |= {"Content-Encoding": coding, "Vary": "Accept-Encoding"} if coding else {}
    # JSON within JSON is twice as long at the most, so only a large body has to be measured; a character that
    # is not ASCII is up to four bytes.
    if (
        len(body) > (ANSWER_LIMIT // 2 if body.isascii() else ANSWER_LIMIT // 4)
        and (size := size_of(body)) > ANSWER_LIMIT
    ):
        raise AnswerTooLargeError(size, ANSWER_LIMIT)
    is_text = isinstance(body, str)
    return {
        "statusCode": int(answer.status),
        "headers": headers,
        "body": body if is_text else base64.b64encode(body).decode("ascii"),
        "isBase64Encoded": not is_text,
    }


def _failed(error: Exception, event: dict[str, Any], record: Record) -> dict[str, Any]:
    failure = failure_of(error)
    if failure.status is HTTPStatus.INTERNAL_SERVER_ERROR:
        record.error = error
    if variant := counts_for(error):
        record.failed = True
        record.about(deployment=variant[0], variant=variant[1])
    told = render(failure, path_of(event))
    return {
        "statusCode": int(told.status),
        "headers": {"Content-Type": told.content_type, **told.headers},
        "body": told.body,
        "isBase64Encoded": False,
    }
