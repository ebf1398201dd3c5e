"""The HTTP door: an API Gateway event in, the answer of one use case out.

Takes both event formats, 1.0 (REST API) and 2.0 (HTTP API), so that either gateway may stand before it.
Powertools routes; this module adds who may call, typed bodies, and errors in the protocol's own form.
"""

import base64
import json
import re
from collections.abc import Callable
from functools import cached_property
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import (
    APIGatewayHttpResolver,
    APIGatewayRestResolver,
    Response,
)
from pydantic import BaseModel, ValidationError

from shelflife.contracts.access import Role
from shelflife.entry.forms import (
    JSON,
    AnswerTooLargeError,
    ContentTypeError,
    InvalidInputError,
    MethodNotAllowedError,
    RouteNotFoundError,
    failure_of,
    is_mlflow,
    render,
)
from shelflife.entry.gateway import (
    ANSWER_LIMIT,
    ANYBODY,
    Answer,
    Call,
    InvalidBodyError,
    InvalidParameterError,
    RoleRequiredError,
    admitted,
    bytes_of,
    canonical,
    known_of,
    query_of,
    size_of,
)
from shelflife.entry.observe import Outcome, logger, observed
from shelflife.kernel.names import Context

__all__ = [
    "ANSWER_LIMIT",
    "ANYBODY",
    "Answer",
    "Call",
    "HttpDoor",
    "InvalidBodyError",
    "InvalidParameterError",
    "RoleRequiredError",
]

Handler = Callable[..., Any]


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
        event = canonical(event)
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
        resolver.not_found(lambda _error: self._nothing_here(resolver.current_event))
        return resolver

    def _nothing_here(self, event: Any) -> Response[Any]:
        """404, or 405 where another method would be answered."""
        method, path = event.http_method, event.path
        allowed = sorted({known for known, route in self.routes if _covers(route, path)})
        error = MethodNotAllowedError(method, path, allowed) if allowed else RouteNotFoundError(method, path)
        return _failed(error, path)

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


def _covers(route: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"<\w+>", "[^/]+", route), path) is not None


def _bound(resolver: Any, guarded: Callable[..., Response[Any]]) -> Callable[..., Response[Any]]:
    def bound(**parameters: str) -> Response[Any]:
        return guarded(resolver.current_event, resolver.context["outcome"], **parameters)

    return bound


def _call_of(event: Any, role: Role | None, body: type[BaseModel] | None) -> Call[Any]:
    principal = admitted(event.raw_event, role)
    raw = bytes_of(event.raw_event)
    headers = {name.lower(): value for name, value in event.headers.items()}
    if body is not None and raw:
        _check_type(event, headers.get("content-type"))
    return Call(
        principal=principal,
        body=_parsed(raw, body) if body is not None else None,
        raw=raw,
        method=event.http_method,
        path=event.path,
        query=query_of(event.raw_event),
        headers=headers,
        known=known_of(event.raw_event),
    )


def _check_type(event: Any, content_type: str | None) -> None:
    """MLflow takes JSON only from who says that it is; our own routes take nothing else anyway.

    Raises:
        ContentTypeError: the caller says something else, or nothing.
    """
    told = (content_type or "").partition(";")[0].strip().lower()
    if is_mlflow(event.path) and event.http_method in {"POST", "PUT"} and told != JSON:
        raise ContentTypeError(content_type)


def _parsed(raw: bytes, body: type[BaseModel]) -> BaseModel:
    try:
        return body.model_validate_json(raw or b"{}")
    except ValidationError as error:
        if any(fault["type"] == "json_invalid" for fault in error.errors(include_url=False)):
            raise InvalidBodyError(error.errors(include_url=False)[0]["msg"]) from error
        raise InvalidInputError(error) from error


def _response(answered: Any) -> Response[Any]:
    answer = answered if isinstance(answered, Answer) else Answer(answered)
    body = answer.body
    if isinstance(body, BaseModel):
        body = body.model_dump_json()
    elif body is not None and not isinstance(body, bytes | str):
        body = json.dumps(body, separators=(",", ":"))
    if body is not None and (size := size_of(body)) > ANSWER_LIMIT:
        raise AnswerTooLargeError(size, ANSWER_LIMIT)
    told = base64.b64encode(body).decode("ascii") if isinstance(body, bytes) else body or ""
    response = Response(int(answer.status), answer.content_type, told, headers=dict(answer.headers))
    # Powertools would write bytes that are said to be JSON as JSON once more.
    response.base64_encoded = isinstance(body, bytes)
    return response


def _failed(error: Exception, path: str) -> Response[Any]:
    failure = failure_of(error)
    if failure.status is HTTPStatus.INTERNAL_SERVER_ERROR:
        logger().exception("unexpected", exc_info=error)
    told = render(failure, path)
    return Response(int(told.status), told.content_type, told.body, headers=dict(told.headers))
