"""The pages as Markdown."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from infra.build.layers import ROOT
from infra.build.reference.errors import SHARED, ErrorEntry, errors
from infra.build.reference.mlflow import Endpoint, endpoints
from infra.build.reference.routes import RouteEntry, routes
from infra.build.reference.settings import SettingEntry, settings

T = TypeVar("T")

PAGES = ROOT / "docs" / "pages" / "reference"
#: Contexts that speak MLflow's protocol.
_MLFLOW = {SHARED, "tracing", "tracking", "registry"}
_GENERATED = "*This page is generated from the code by `python -m infra.build.reference`.*\n"
_ERRORS = """# Errors

The code is the last part of an HTTP problem's `type`: `/errors/token-not-found`. The class is what Step
Functions matches on and what a failed job or ingestion names. Both are part of the contract: renaming one is
a breaking change. The status is the one that HTTP answers; an error that only a job or a workflow can meet
has one as well, because all belong to one of five kinds. Words in italics are filled in.

The three forms in which an error is told:

| path | form |
| --- | --- |
| `/v1/…` | `application/problem+json` (RFC 9457) |
| `/v2/…` | `{"error": "…"}`, as the Open Inference Protocol has it |
| `/api/…`, `/v1/traces` | `{"error_code": "…", "message": "…"}`, as MLflow has it |

A problem has `type`, `title`, `status`, `detail` and `instance`, and where the input is at fault `errors`,
each with a `field` and a `message`. On MLflow's routes an error with a code of MLflow's own and status 409 is
told with status 400, as its clients expect.

Two codes have no class: `invalid-input` (400) for a body whose fields are not what the route takes, and
`internal` (500) for a fault of the platform, whose text stays in the log.
"""
_SETTINGS = """# Settings

A function's settings are environment variables. One class is both their writer and their reader: the stack
writes them from the class, the function reads them with it. A missing value fails at synth, not at the first
call. What each is for stands on the page of its context.

Every function also has `POWERTOOLS_SERVICE_NAME` (its context) and `POWERTOOLS_LOG_LEVEL` (`INFO`). What
differs between stages stands in [Deploy to AWS](../deploy-to-aws.md#stages).
"""
_ENDPOINTS = """# MLflow's endpoints

A stock server of MLflow 3.17.2 has {all} endpoints, counted under their `/api` names; {covered} of them are
answered here. Each is answered under `/ajax-api` as well, which is how MLflow's pages call it. What is not
answered is told with 404 `ENDPOINT_NOT_FOUND`, as clients expect of an older server.
"""
_ROUTES = """# Routes

All routes need an API token in `Authorization: Bearer <token>`, or as the password of basic authentication,
except those with the role *none*. Roles are ordered: viewer, contributor, approver, admin; each may do what
the ones before it may. Lists take `?limit=` (1 to 1000, 50 by default) and `?cursor=`, and answer
`next_cursor`; MLflow's lists take its own `max_results` and `page_token`.
"""


def pages() -> dict[Path, str]:
    """What the reference pages should say now."""
    return {
        PAGES / "errors.md": _errors(errors()),
        PAGES / "settings.md": _settings(settings()),
        PAGES / "routes.md": _routes(routes()),
        PAGES.parent / "mlflow" / "endpoints.md": _endpoints(endpoints(routes())),
    }


def outdated() -> list[Path]:
    """The pages that say something else, or are missing."""
    return [path for path, text in pages().items() if not path.exists() or path.read_text() != text]


def _errors(entries: list[ErrorEntry]) -> str:
    lines = [_ERRORS, _GENERATED]
    for room, found in _grouped(entries, lambda entry: entry.room):
        if room in _MLFLOW:
            rows = [
                f"| `{e.code}`<br>`{e.name}` | {e.status} | `{e.mlflow_code}` | {e.meaning} |" for e in found
            ]
            head = ["code and class", "status", "MLflow's code", "says"]
        else:
            rows = [f"| `{e.code}`<br>`{e.name}` | {e.status} | {e.meaning} |" for e in found]
            head = ["code and class", "status", "says"]
        lines += _table(room, head, rows)
    return "\n".join(lines)


def _settings(entries: list[SettingEntry]) -> str:
    lines = [_SETTINGS, _GENERATED]
    for name, found in _grouped(entries, lambda entry: f"{entry.room}: {entry.settings}"):
        rows = [f"| `{e.variable}` | {e.kind} | {e.default} | {e.remark} |" for e in found]
        lines += _table(name, ["variable", "type", "default", "remark"], rows)
    return "\n".join(lines)


def _routes(entries: list[RouteEntry]) -> str:
    lines = [_ROUTES, _GENERATED]
    for context, found in _grouped(entries, lambda entry: entry.context):
        rows = [
            f"| `{e.method} {e.path}` | {e.role or 'none'} | {e.meaning} | `{e.function}` |" for e in found
        ]
        lines += _table(context, ["route", "role", "what", "function"], rows)
    return "\n".join(lines)


def _endpoints(entries: list[Endpoint]) -> str:
    covered = [entry for entry in entries if entry.route]
    lines = [_ENDPOINTS.format(all=len(entries), covered=len(covered)), _GENERATED]
    rows = [
        f"| `{e.method} {e.path}` | `{e.route.function}` | {e.route.role or 'none'} |"
        for e in covered
        if e.route
    ]
    lines += _table("Answered", ["endpoint", "function", "role"], rows)
    rows = [f"| `{e.method} {e.path}` | {e.absent} |" for e in entries if not e.route]
    return "\n".join(lines + _table("Not answered", ["endpoint", "why"], rows))


def _table(title: str, head: list[str], rows: list[str]) -> list[str]:
    columns = " | ".join(head)
    return [f"## {title}\n", f"| {columns} |", f"|{' --- |' * len(head)}", *rows, ""]


def _grouped(entries: Iterable[T], by: Callable[[T], str]) -> list[tuple[str, list[T]]]:
    """In the order in which the groups first occur."""
    groups: dict[str, list[T]] = {}
    for entry in entries:
        groups.setdefault(by(entry), []).append(entry)
    return list(groups.items())
