"""The tree as architecture tests look at it: files and their syntax, nothing imported."""

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from shelflife.kernel.names import Context

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers" / "core" / "python" / "shelflife"
FUNCTIONS = ROOT / "functions"
STATEMACHINES = ROOT / "statemachines"
EVENTS = ROOT / "events"


def contexts() -> list[str]:
    """The contexts that have a package."""
    return [context.value for context in Context if (PACKAGE / context.value / "__init__.py").exists()]


def modules(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def handlers() -> list[Path]:
    return sorted(FUNCTIONS.glob("*/*/handler.py"))


def machines() -> list[Path]:
    return sorted(STATEMACHINES.glob("*/*.asl.json"))


def shown(path: Path) -> str:
    """The path as the name of a test's case."""
    return path.relative_to(ROOT).as_posix()


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def classes(path: Path) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(syntax(path)) if isinstance(node, ast.ClassDef))


def imports(path: Path, *, top_only: bool = False) -> set[str]:
    """Dotted names of all modules that are imported, with what is taken from them.

    `top_only` leaves out what a function imports when it is called, and what only type checkers see.
    """
    body: list[ast.AST] = list(syntax(path).body) if top_only else list(ast.walk(syntax(path)))
    found: set[str] = set()
    for node in body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def reached(path: Path) -> set[str]:
    """The modules outside `shelflife` that are imported when the file is, directly or not."""
    foreign: set[str] = set()
    seen: set[Path] = set()
    left = [path]
    while left:
        module = left.pop()
        if module in seen:
            continue
        seen.add(module)
        for name in imports(module, top_only=True):
            ours = _file_of(name)
            if ours is not None:
                left.append(ours)
            elif not name.startswith("shelflife"):
                foreign.add(name.partition(".")[0])
    return foreign


@cache
def error_bases() -> dict[str, set[str]]:
    """Every class of the package and the names of its bases."""
    return {
        one.name: {ast.unparse(base).rpartition(".")[2] for base in one.bases}
        for path in modules(PACKAGE)
        for one in classes(path)
    }


def is_ours(error: str) -> bool:
    """Whether a class of that name is below ShelflifeError."""
    known = error_bases()
    left = {error}
    while left:
        bases = {base for name in left for base in known.get(name, set())}
        if "ShelflifeError" in bases:
            return True
        left = bases
    return False


def states_of(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """All states of a machine, those within a Map or a Parallel too, by name."""
    return list(_states(json.loads(path.read_text())))


def _states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        inner = [state[key] for key in ("ItemProcessor", "Iterator") if key in state]
        for nested in [*inner, *state.get("Branches", [])]:
            yield from _states(nested)


def _file_of(name: str) -> Path | None:
    parts = name.split(".")
    if parts[0] != "shelflife":
        return None
    path = PACKAGE.joinpath(*parts[1:])
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").is_file() else None
