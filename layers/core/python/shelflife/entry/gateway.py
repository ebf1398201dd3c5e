"""A gateway's event as a call: who calls, what is asked, and the bytes of it.

Takes both event formats, 1.0 (REST API) and 2.0 (HTTP API), so that either gateway may stand before a door.
It imports no router: doors that must start fast use it too.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Generic, TypeVar, get_origin
from urllib.parse import parse_qs

from pydantic import BaseModel, ValidationError

from shelflife.contracts.access import Principal, Role
from shelflife.entry.forms import JSON, InvalidInputError, UnauthenticatedError
from shelflife.kernel.errors import FieldFault, ForbiddenError, InvalidError
from shelflife.kernel.paging import DEFAULT_LIMIT, MAX_LIMIT

B = TypeVar("B")
M = TypeVar("M", bound=BaseModel)
#: Lambda's limit of an answer is 6 MB; what the envelope takes is left out.
ANSWER_LIMIT = 5_900_000
#: Stands for nobody on routes that are open to all.
ANYBODY = Principal(name="anybody", role=Role.VIEWER)

_RANK = {role: rank for rank, role in enumerate(Role)}
_DEFAULT_STAGE = "$default"
#: MLflow's pages call every path of its API by this other name.
_API, _PAGES_API = "/api/", "/ajax-api/"


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
    #: Who calls, also on a route that is open to all; nobody, if the caller is not known.
    known: Principal | None = None

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else None

    def parameters(self, kind: type[M]) -> M:
        """The whole query string as a model; only lists repeat their name.

        Raises:
            InvalidInputError: a parameter is not what the model takes.
        """
        lists = {name for name, field in kind.model_fields.items() if get_origin(field.annotation) is tuple}
        told = {name: values if name in lists else values[0] for name, values in self.query.items()}
        try:
            return kind.model_validate(told)
        except ValidationError as error:
            raise InvalidInputError(error) from error

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


def admitted(event: Mapping[str, Any], role: Role | None) -> Principal:
    """Who calls, if it may call a route that needs the role; no role lets anybody in.

    Raises:
        UnauthenticatedError: nobody is known to call.
        RoleRequiredError: the caller's role is a lesser one.
    """
    if role is None:
        return ANYBODY
    principal = principal_of(event)
    if _RANK[principal.role] < _RANK[role]:
        raise RoleRequiredError(principal, role)
    return principal


def known_of(event: Mapping[str, Any]) -> Principal | None:
    """Who calls, if that is known."""
    try:
        return principal_of(event)
    except UnauthenticatedError:
        return None


def principal_of(event: Mapping[str, Any]) -> Principal:
    """What the authorizer found out; format 2.0 keeps it one level deeper.

    Raises:
        UnauthenticatedError: it found nobody.
    """
    authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
    known = authorizer.get("lambda", authorizer) or {}
    if not known.get("role"):
        raise UnauthenticatedError
    return _principal(known["principal"], known["role"])


@lru_cache(maxsize=256)
def _principal(name: str, role: str) -> Principal:
    """The same few callers come again and again; a model that never changes may be shared."""
    return Principal(name=name, role=Role(role))


def bytes_of(event: Mapping[str, Any]) -> bytes:
    """The body as it was sent.

    Raises:
        InvalidBodyError: it is said to be base64, and is not.
    """
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return bytes(body.encode(errors="surrogatepass"))
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise InvalidBodyError(str(error)) from error


def query_of(event: Mapping[str, Any]) -> dict[str, list[str]]:
    """Parameters with all their values; format 2.0 joins them by commas, so only its raw text is exact."""
    if event.get("version") == "2.0":
        return parse_qs(event.get("rawQueryString") or "", keep_blank_values=True)
    return dict(event.get("multiValueQueryStringParameters") or {})


def size_of(body: bytes | str) -> int:
    """Bytes of the body within Lambda's JSON: base64 takes a third more, quotes are escaped."""
    if isinstance(body, bytes):
        return (len(body) + 2) // 3 * 4
    return len(json.dumps(body, ensure_ascii=False).encode(errors="replace"))


def method_of(event: Mapping[str, Any]) -> str:
    method: str = event.get("httpMethod") or event["requestContext"]["http"]["method"]
    return method


def path_of(event: Mapping[str, Any]) -> str:
    """The path without the gateway's stage, which only format 2.0 leaves in."""
    if "rawPath" not in event:
        return str(event["path"])
    path: str = event["rawPath"]
    stage = event["requestContext"].get("stage", _DEFAULT_STAGE)
    return path if stage == _DEFAULT_STAGE else path.removeprefix(f"/{stage}")


def canonical(event: dict[str, Any]) -> dict[str, Any]:
    """The event as if it had called `/api/…` where it called `/ajax-api/…`: one route answers both."""
    path = path_of(event)
    if not path.startswith(_PAGES_API):
        return event
    named = _API + path.removeprefix(_PAGES_API)
    if "rawPath" not in event:
        return event | {"path": named}
    raw = event["rawPath"].removesuffix(path) + named
    context = event["requestContext"]
    return event | {
        "rawPath": raw,
        "requestContext": context | {"http": context["http"] | {"path": raw}},
    }
