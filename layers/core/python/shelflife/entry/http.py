"""The HTTP door: an API Gateway event in, the answer of one use case out.

Takes both event formats, 1.0 (REST API) and 2.0 (HTTP API), so that either gateway may stand before it.
Powertools routes; this module adds who may call, typed bodies, and errors in the protocol's own form.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from aws_lambda_powertools.event_handler import (
    APIGatewayHttpResolver,
    APIGatewayRestResolver,
    Response,
)
from pydantic import BaseModel, ValidationError

from shelflife.contracts.access import Principal, Role
from shelflife.entry.forms import (
    JSON,
    AnswerTooLargeError,
    RouteNotFoundError,
    UnauthenticatedError,
    failure_of,
    render,
)
from shelflife.entry.observe import Outcome, logger, observed
from shelflife.kernel.errors import FieldFault, ForbiddenError, InvalidError
from shelflife.kernel.names import Context
from shelflife.kernel.paging import DEFAULT_LIMIT, MAX_LIMIT

B = TypeVar("B")
Handler = Callable[..., Any]
#: Lambda's limit of an answer is 6 MB; what the envelope takes is left out.
ANSWER_LIMIT = 5_900_000

_RANK = {role: rank for rank, role in enumerate(Role)}


class RoleRequiredError(ForbiddenError):
    def __init__(self, principal: Principal, required: Role) -> None:
        super().__init__(f"{principal.name!r} is {principal.role}, this needs {required}")


class InvalidBodyError(InvalidError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the body cannot be read: {reason}", [FieldFault("body", reason)])


class InvalidParameterError(InvalidError):
    def __init__(self, name: str, value: str, expected: str) -> None:
        super().__init__(
            f"parameter {name!r} is {value!r}, expected {expected}",
            [FieldFault(name, f"expected {expected}")],
        )


@dataclass(frozen=True, slots=True)
class Call(Generic[B]):
    """A request that may be answered: the caller is known and has the role; `body` is parsed."""

    principal: Principal
    body: B
    raw: bytes
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else None

    def page(self) -> tuple[int, str | None]:
        """`limit` and `cursor` of a list."""
        text = self.parameter("limit") or str(DEFAULT_LIMIT)
        if not text.isdecimal() or not 1 <= int(text) <= MAX_LIMIT:
            raise InvalidParameterError("limit", text, f"a number from 1 to {MAX_LIMIT}")
        return int(text), self.parameter("cursor")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is not just 200 with a model's JSON; bytes go out as they are."""

    body: Any = None
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON


#: Stands for nobody on routes that are open to all.
ANYBODY = Principal(name="anybody", role=Role.VIEWER)


class HttpDoor:
    """The routes of one context.

    ``door = HttpDoor(Context.REGISTRY)``, then ``@door.get("/v1/registry/models/<name>")``, then
    ``handler = door.handle``. A route's function takes the `Call` and the path's parameters.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._routes: list[tuple[str, str, Handler]] = []

    def get(self, path: str, *, role: Role | None = Role.VIEWER) -> Callable[[Handler], Handler]:
        return self.route("GET", path, role=role)

    def post(
        self, path: str, *, role: Role | None = Role.CONTRIBUTOR, body: type[BaseModel] | None = None
    ) -> Callable[[Handler], Handler]:
        return self.route("POST", path, role=role, body=body)

    def put(
        self, path: str, *, role: Role | None = Role.CONTRIBUTOR, body: type[BaseModel] | None = None
    ) -> Callable[[Handler], Handler]:
        return self.route("PUT", path, role=role, body=body)

    def delete(
        self, path: str, *, role: Role | None = Role.CONTRIBUTOR, body: type[BaseModel] | None = None
    ) -> Callable[[Handler], Handler]:
        return self.route("DELETE", path, role=role, body=body)

    def route(
        self, method: str, path: str, *, role: Role | None, body: type[BaseModel] | None = None
    ) -> Callable[[Handler], Handler]:
        """Answer `method path` with the function below; no `role` leaves the route open to all."""

        def add(handler: Handler) -> Handler:
            self._routes.append((method, path, self._guarded(handler, role, body, path)))
            return handler

        return add

    @property
    def routes(self) -> tuple[tuple[str, str], ...]:
        return tuple((method, path) for method, path, _ in self._routes)

    def handle(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer the event; an error of any kind becomes an answer in the protocol's form."""
        resolver = self._http if event.get("version") == "2.0" else self._rest
        with observed(f"{self.context}/http", context) as outcome:
            resolver.append_context(outcome=outcome)
            answer: dict[str, Any] = resolver.resolve(event, context)
            outcome.note(status=answer["statusCode"])
            outcome.failed = answer["statusCode"] >= HTTPStatus.INTERNAL_SERVER_ERROR
            return answer

    @cached_property
    def _http(self) -> Any:
        return self._equipped(APIGatewayHttpResolver())

    @cached_property
    def _rest(self) -> Any:
        return self._equipped(APIGatewayRestResolver())

    def _equipped(self, resolver: Any) -> Any:
        for method, path, guarded in self._routes:
            resolver.route(path, method=method)(_bound(resolver, guarded))
        resolver.not_found(lambda _error: _nothing_here(resolver.current_event))
        return resolver

    def _guarded(
        self, handler: Handler, role: Role | None, body: type[BaseModel] | None, route: str
    ) -> Callable[..., Response[Any]]:
        def guarded(event: Any, outcome: Outcome, **parameters: str) -> Response[Any]:
            outcome.door = f"{self.context} {event.http_method} {route}"
            try:
                call = _call_of(event, role, body)
                outcome.note(principal=call.principal.name)
                return _response(handler(call, **parameters))
            except Exception as error:  # noqa: BLE001 - the last place where an answer can be made of it
                return _failed(error, event.path)

        return guarded


def _bound(resolver: Any, guarded: Callable[..., Response[Any]]) -> Callable[..., Response[Any]]:
    def bound(**parameters: str) -> Response[Any]:
        return guarded(resolver.current_event, resolver.context["outcome"], **parameters)

    return bound


def _call_of(event: Any, role: Role | None, body: type[BaseModel] | None) -> Call[Any]:
    principal = _principal_of(event) if role is not None else ANYBODY
    if role is not None and _RANK[principal.role] < _RANK[role]:
        raise RoleRequiredError(principal, role)
    raw = _bytes_of(event)
    return Call(
        principal=principal,
        body=_parsed(raw, body) if body is not None else None,
        raw=raw,
        method=event.http_method,
        path=event.path,
        query=event.resolved_query_string_parameters,
        headers={name.lower(): value for name, value in event.headers.items()},
    )


def _principal_of(event: Any) -> Principal:
    """What the authorizer found out; format 2.0 keeps it one level deeper."""
    authorizer = (event.raw_event.get("requestContext") or {}).get("authorizer") or {}
    known = authorizer.get("lambda", authorizer) or {}
    if not known.get("role"):
        raise UnauthenticatedError
    return Principal(name=known["principal"], role=Role(known["role"]))


def _bytes_of(event: Any) -> bytes:
    body = event.raw_event.get("body") or ""
    if not event.raw_event.get("isBase64Encoded"):
        return bytes(body.encode())
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise InvalidBodyError(str(error)) from error


def _parsed(raw: bytes, body: type[BaseModel]) -> BaseModel:
    try:
        return body.model_validate_json(raw or b"{}")
    except ValidationError as error:
        if any(fault["type"] == "json_invalid" for fault in error.errors(include_url=False)):
            raise InvalidBodyError(error.errors(include_url=False)[0]["msg"]) from error
        raise


def _response(answered: Any) -> Response[Any]:
    answer = answered if isinstance(answered, Answer) else Answer(answered)
    body = answer.body
    if isinstance(body, BaseModel):
        body = body.model_dump_json()
    elif body is not None and not isinstance(body, bytes | str):
        body = json.dumps(body, separators=(",", ":"))
    if body is not None and len(body) > ANSWER_LIMIT:
        raise AnswerTooLargeError(len(body), ANSWER_LIMIT)
    return Response(int(answer.status), answer.content_type, body or "", headers=dict(answer.headers))


def _failed(error: Exception, path: str) -> Response[Any]:
    failure = failure_of(error)
    if failure.status is HTTPStatus.INTERNAL_SERVER_ERROR:
        logger().exception("unexpected", exc_info=error)
    told = render(failure, path)
    return Response(int(told.status), told.content_type, told.body, headers=dict(told.headers))


def _nothing_here(event: Any) -> Response[Any]:
    return _failed(RouteNotFoundError(event.http_method, event.path), event.path)
