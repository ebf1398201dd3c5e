"""Routes are read from the text of the doors: no handler is imported, and so none of its libraries."""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.build.layers import ROOT
from infra.build.reference.source import first_paragraph
from shelflife.entry.http import HttpDoor
from shelflife.entry.lean import LeanDoor

_DOORS = {"HttpDoor": HttpDoor, "LeanDoor": LeanDoor}
_DOOR = re.compile(r"^door = \w+Door\(", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """`role` is nothing on a route that is open to all."""

    context: str
    function: str
    method: str
    path: str
    role: str | None
    meaning: str


def doors() -> list[Path]:
    """The handlers that answer HTTP."""
    found = sorted((ROOT / "functions").glob("*/*/handler.py"))
    return [source for source in found if _DOOR.search(source.read_text())]


def routes() -> list[RouteEntry]:
    """Every route of every function that answers HTTP."""
    found = [route for source in doors() for route in _routes(source)]
    return sorted(found, key=lambda route: (route.context, route.path, route.method))


def shown(path: str) -> str:
    """A route's path as people write it: ``/v1/data/datasets/{name}``."""
    return re.sub(r"<(\w+)>", r"{\1}", path).replace("/.+", "/{path}")


def _routes(source: Path) -> Iterator[RouteEntry]:
    tree = ast.parse(source.read_text())
    known = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for call in node.decorator_list:
            if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("door."):
                yield _route("/".join(source.parts[-3:-1]), node, call, known)


def _route(name: str, function: ast.FunctionDef, call: ast.Call, known: dict[str, ast.expr]) -> RouteEntry:
    verb = ast.unparse(call.func).removeprefix("door.")
    said = [_constant(argument, known) for argument in call.args]
    method, path = said if verb == "route" else (verb.upper(), said[0])
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    role = given.get("role") or _default_role(known["door"], verb)
    return RouteEntry(
        context=name.partition("/")[0],
        function=name,
        method=method,
        path=shown(path),
        role=None if role == "None" else role.rpartition(".")[2].lower(),
        meaning=f"{_named(function)} {first_paragraph(ast.get_docstring(function))}".strip(),
    )


def _named(function: ast.FunctionDef) -> str:
    words = " ".join(
        "I" if word == "i" else word for word in function.name.removeprefix("mlflow_").split("_")
    )
    return f"{words[0].upper()}{words[1:]}."


def _constant(node: ast.expr, known: dict[str, ast.expr]) -> str:
    """The text that an expression of constants comes to."""
    if isinstance(node, ast.Name):
        return _constant(known[node.id], known)
    if isinstance(node, ast.JoinedStr):
        return "".join(_constant(part, known) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _constant(node.value, known)
    return str(ast.literal_eval(node))


def _default_role(door: ast.expr, verb: str) -> str:
    kind = _DOORS[ast.unparse(door).partition("(")[0]]
    return str(inspect.signature(getattr(kind, verb)).parameters["role"].default)
