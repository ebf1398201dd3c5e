import ast
import inspect
import re
import textwrap
from dataclasses import dataclass
from typing import Any

from infra.build.reference.source import first_paragraph, modules, plain, room
from shelflife.entry.forms import failure_of, render
from shelflife.kernel import errors as kinds

#: Rooms that every context uses; their errors can be met everywhere.
SHARED = "shared"
_SHARED_ROOMS = {"kernel", "aws", "entry"}
_DECLARED = re.compile(r"^class (\w+Error)\(", re.MULTILINE)
_FUNCTIONS = {"len", "map", "repr", "sorted", "round", "str", "shown"}


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """One thing that can go wrong; `mlflow_code` is what MLflow's clients are told."""

    room: str
    code: str
    name: str
    status: int
    mlflow_code: str
    meaning: str


def errors() -> list[ErrorEntry]:
    """Every error class of the platform that an answer, a job or a workflow can name."""
    found = []
    for module in modules(_DECLARED):
        for name in _DECLARED.findall(inspect.getsource(module)):
            kind = getattr(module, name)
            # The five kinds themselves are raised by nobody.
            if issubclass(kind, kinds.ShelflifeError) and module is not kinds:
                where = room(module)
                found.append(_entry(SHARED if where in _SHARED_ROOMS else where, kind))
    return sorted(found, key=lambda entry: (entry.room != SHARED, entry.room, entry.code))


def _entry(where: str, kind: type[kinds.ShelflifeError]) -> ErrorEntry:
    # Answered as any other would be, without the arguments that the class itself asks for.
    bare: Any = type(kind.__name__, (kind,), {"__init__": lambda _self: None, "faults": (), "allowed": ()})()
    failure = failure_of(bare)
    mlflow = re.search(r'"error_code": "(\w+)"', render(failure, "/api/").body)
    return ErrorEntry(
        room=where,
        code=failure.code,
        name=kind.__name__,
        status=int(failure.status),
        mlflow_code=mlflow.group(1) if mlflow else "",
        meaning="<br>".join(filter(None, (_message(kind), first_paragraph(vars(kind).get("__doc__"))))),
    )


def _message(kind: type) -> str:
    """The text that the class makes, its variable parts in italics."""
    declared = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    texts: dict[str, ast.expr] = {}
    for node in ast.walk(declared):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            texts[node.targets[0].id] = node.value
    for node in ast.walk(declared):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__":
            said = [texts.get(one.id, one) if isinstance(one, ast.Name) else one for one in node.args]
            # Some kinds are told the field first; a sentence has a space in it.
            return next((text for text in map(_text, said) if " " in text), "")
    return ""


def _text(said: ast.expr) -> str:
    if isinstance(said, ast.Constant):
        return plain(str(said.value))
    if not isinstance(said, ast.JoinedStr):
        return ""
    parts = [
        plain(str(part.value)) if isinstance(part, ast.Constant) else f"*{plain(_variable(part))}*"
        for part in said.values
    ]
    return "".join(parts)


def _variable(part: ast.expr) -> str:
    names = [node.id for node in ast.walk(part) if isinstance(node, ast.Name) and node.id not in _FUNCTIONS]
    return names[0].lower().strip("_").replace("_", " ") if names else "…"
