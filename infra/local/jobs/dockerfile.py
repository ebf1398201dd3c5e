"""The lines of a Dockerfile that say what runs: COPY, ENV, WORKDIR, ENTRYPOINT, CMD of the last stage."""

from __future__ import annotations

import json
import posixpath
import shlex
from dataclasses import dataclass, field


class ImageError(Exception):
    """An image cannot be run as a process."""


@dataclass(slots=True)
class Recipe:
    """What the last stage of a Dockerfile does, in its order."""

    copies: list[tuple[list[str], str]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)


def parse(text: str) -> Recipe:
    """Read a Dockerfile; instructions that only build the image (RUN, ARG, LABEL, …) say nothing here.

    Raises:
        ImageError: the entry point is in shell form, or a COPY is incomplete.
    """
    recipe = Recipe()
    for line in _logical_lines(text):
        instruction, _, rest = line.partition(" ")
        _read(recipe, instruction.upper(), rest.strip())
    return recipe


def _read(recipe: Recipe, instruction: str, rest: str) -> None:
    match instruction:
        case "FROM":
            recipe.copies.clear()
            recipe.environment.clear()
            recipe.workdir, recipe.entrypoint, recipe.command = "/", [], []
        case "COPY" | "ADD":
            _copy(recipe, rest)
        case "ENV":
            recipe.environment.update(_variables(rest))
        case "WORKDIR":
            recipe.workdir = posixpath.normpath(posixpath.join(recipe.workdir, rest))
        case "ENTRYPOINT":
            recipe.entrypoint = _exec_form("ENTRYPOINT", rest)
        case "CMD":
            recipe.command = _exec_form("CMD", rest)
        case _:
            pass


def _logical_lines(text: str) -> list[str]:
    kept = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(kept).replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip()]


def _copy(recipe: Recipe, rest: str) -> None:
    words = json.loads(rest) if rest.startswith("[") else shlex.split(rest)
    if any(word.startswith("--from=") for word in words):
        return
    *sources, target = [word for word in words if not word.startswith("--")] or [""]
    if not sources:
        raise ImageError(f"incomplete instruction COPY {rest}")
    folder = target.endswith("/") or len(sources) > 1
    path = posixpath.normpath(posixpath.join(recipe.workdir, target))
    recipe.copies.append((sources, f"{path.rstrip('/')}/" if folder else path))


def _variables(rest: str) -> dict[str, str]:
    words = shlex.split(rest)
    if words and "=" not in words[0]:
        return {words[0]: " ".join(words[1:])}
    return dict(word.split("=", 1) for word in words)


def _exec_form(instruction: str, rest: str) -> list[str]:
    try:
        words = json.loads(rest)
    except json.JSONDecodeError as error:
        raise ImageError(
            f'{instruction} must be a list such as ["python", "main.py"], not: {rest}'
        ) from error
    return [str(word) for word in words]
