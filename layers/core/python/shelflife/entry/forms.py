"""The form that an error takes: each protocol's own, by the path that was called.

This module alone knows HTTP statuses.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import ValidationError

from shelflife.kernel.errors import (
    ConflictError,
    FieldFault,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ShelflifeError,
    TooLargeError,
    UnavailableError,
    UnsupportedFormError,
)

JSON = "application/json"
_MLFLOW_API = "/api/"
PROBLEM_JSON = "application/problem+json"
_SHOWN = 80
_RETRY_AFTER_SECONDS = "1"


class UnauthenticatedError(ShelflifeError):
    def __init__(self) -> None:
        super().__init__("no valid API token was sent: use Authorization: Bearer <token>")


class InvalidInputError(InvalidError):
    """A body or parameters whose fields are not what the route takes; each fault names its field and value.

    Only what a caller sent is told like this: a record of ours that cannot be read is no fault of the caller.
    """

    def __init__(self, error: ValidationError) -> None:
        faults = field_faults(error)
        super().__init__("; ".join(f"{fault.field}: {fault.message}" for fault in faults[:5]), faults)


class ContentTypeError(InvalidError):
    def __init__(self, found: str | None) -> None:
        told = f"is {found!r}" if found else "is missing"
        message = f"Content-Type {told}, expected {JSON}"
        super().__init__(message, [FieldFault("Content-Type", message)])


class RouteNotFoundError(NotFoundError):
    #: Clients of MLflow then try an older route, or say that the server is too old.
    mlflow_code: ClassVar[str] = "ENDPOINT_NOT_FOUND"

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"there is nothing at {method} {path}")


class MethodNotAllowedError(ShelflifeError):
    mlflow_code: ClassVar[str] = "ENDPOINT_NOT_FOUND"

    def __init__(self, method: str, path: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{path} does not answer {method}, but {', '.join(allowed)}")
        self.allowed = tuple(allowed)


class AnswerTooLargeError(ShelflifeError):
    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"the answer has {size} bytes, the limit is {limit}: ask for less at once")


_STATUS: tuple[tuple[type[ShelflifeError], HTTPStatus], ...] = (
    (UnauthenticatedError, HTTPStatus.UNAUTHORIZED),
    (MethodNotAllowedError, HTTPStatus.METHOD_NOT_ALLOWED),
    (AnswerTooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (TooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (UnsupportedFormError, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (ConflictError, HTTPStatus.CONFLICT),
    (InvalidError, HTTPStatus.BAD_REQUEST),
    (ForbiddenError, HTTPStatus.FORBIDDEN),
    (UnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
)

#: MLflow's names of statuses, and those statuses that it spells otherwise than we do.
_MLFLOW_CODE = {
    HTTPStatus.BAD_REQUEST: "INVALID_PARAMETER_VALUE",
    HTTPStatus.UNAUTHORIZED: "UNAUTHENTICATED",
    HTTPStatus.FORBIDDEN: "PERMISSION_DENIED",
    HTTPStatus.NOT_FOUND: "RESOURCE_DOES_NOT_EXIST",
    HTTPStatus.CONFLICT: "RESOURCE_CONFLICT",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "INVALID_PARAMETER_VALUE",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "INVALID_PARAMETER_VALUE",
    HTTPStatus.SERVICE_UNAVAILABLE: "TEMPORARILY_UNAVAILABLE",
    HTTPStatus.INTERNAL_SERVER_ERROR: "INTERNAL_ERROR",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception as HTTP sees it."""

    status: HTTPStatus
    code: str
    detail: str
    faults: tuple[FieldFault, ...] = ()
    mlflow_code: str | None = None
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FailureBody:
    status: HTTPStatus
    content_type: str
    body: str
    headers: dict[str, str] = field(default_factory=dict)


def failure_of(error: Exception) -> Failure:
    """How the error is to be told; a foreign exception is 500, and its text stays in the log.

    An error whose class has `mlflow_code` is known to MLflow's clients under that code, with status 400
    unless it is a NotFoundError.
    """
    if not isinstance(error, ShelflifeError):
        return Failure(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "this failed inside the platform")
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.BAD_REQUEST)
    faults = error.faults if isinstance(error, InvalidError) else ()
    allowed = error.allowed if isinstance(error, MethodNotAllowedError) else ()
    mlflow_code = getattr(error, "mlflow_code", None)
    return Failure(status, error_code(type(error)), str(error), faults, mlflow_code, allowed)


def error_code(kind: type[ShelflifeError]) -> str:
    """``ModelVersionExistsError`` is told as ``model-version-exists``."""
    return code_of_name(kind.__name__)


def code_of_name(name: str) -> str:
    """The code of an error of which only the class name was kept."""
    bare = name.removesuffix("Error")
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in bare).lstrip("-")


def field_faults(error: ValidationError) -> tuple[FieldFault, ...]:
    """Pydantic's findings, each with the field's path and the value that was found there."""
    found = []
    for fault in error.errors(include_url=False):
        path = ".".join(str(part) for part in fault["loc"])
        value = "" if fault["type"] == "missing" else f", got {_shown(fault.get('input'))}"
        found.append(FieldFault(path or "body", f"{fault['msg']}{value}"))
    return tuple(found)


def is_mlflow(path: str) -> bool:
    """Whether the path is one of MLflow's REST API."""
    return path.startswith(_MLFLOW_API)


def render(failure: Failure, path: str) -> FailureBody:
    """The failure in the form of the protocol that the path belongs to."""
    form = next((form for prefix, form in _FORMS if path.startswith(prefix)), _problem)
    return form(failure, path)


def _problem(failure: Failure, path: str) -> FailureBody:
    document: dict[str, Any] = {
        "type": f"/errors/{failure.code}",
        "title": failure.code.replace("-", " "),
        "status": int(failure.status),
        "detail": failure.detail,
        "instance": path,
    }
    if failure.faults:
        document["errors"] = [{"field": fault.field, "message": fault.message} for fault in failure.faults]
    return FailureBody(failure.status, PROBLEM_JSON, json.dumps(document), _headers(failure))


def _mlflow(failure: Failure, path: str) -> FailureBody:
    del path  # MLflow's form does not tell it
    status = failure.status
    if failure.mlflow_code and status is HTTPStatus.CONFLICT:
        status = HTTPStatus.BAD_REQUEST
    code = failure.mlflow_code or _MLFLOW_CODE.get(status, "INTERNAL_ERROR")
    body = json.dumps({"error_code": code, "message": failure.detail})
    return FailureBody(status, JSON, body, _headers(failure))


def _open_inference(failure: Failure, path: str) -> FailureBody:
    del path  # the protocol's form is one sentence
    return FailureBody(failure.status, JSON, json.dumps({"error": failure.detail}), _headers(failure))


_FORMS: tuple[tuple[str, Callable[[Failure, str], FailureBody]], ...] = (
    ("/v2", _open_inference),
    (_MLFLOW_API, _mlflow),
    ("/get-artifact", _mlflow),
    ("/graphql", _mlflow),
    ("/model-versions/", _mlflow),
    # OTLP leaves the form open; MLflow's clients send their spans here, and read their own.
    ("/v1/traces", _mlflow),
)


def _headers(failure: Failure) -> dict[str, str]:
    if failure.allowed:
        return {"Allow": ", ".join(failure.allowed)}
    if failure.status is HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": _RETRY_AFTER_SECONDS}
    return {"WWW-Authenticate": "Bearer"} if failure.status is HTTPStatus.UNAUTHORIZED else {}


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
