"""Container images as the local cloud knows them: a Dockerfile whose files are laid out, not built.

The deployer publishes an image as ``images/<tag>.json``: ``{"uri", "directory", "dockerfile"}``. What RUN
would install comes from this environment instead.
"""

from __future__ import annotations

import json
import posixpath
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.local.jobs.dockerfile import ImageError, Recipe, parse

_IGNORED = shutil.ignore_patterns("__pycache__", ".git", ".venv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start an image as a process of this machine."""

    command: list[str]
    environment: dict[str, str]
    workdir: Path


def find_image(images: Path, uri: str) -> tuple[Path, str]:
    """The build context and the Dockerfile that the deployer published under the URI.

    Raises:
        ImageError: nobody published it.
    """
    for published in sorted(images.glob("*.json")):
        image = json.loads(published.read_text())
        if image["uri"] == uri:
            return Path(image["directory"]), image["dockerfile"]
    raise ImageError(f"CannotPullContainerError: no image {uri} was published to the local cloud")


def lay_out(
    images: Path, uri: str, root: Path, *, entrypoint: list[str], arguments: list[str] | None
) -> Launch:
    """Copy the image's files below ``root`` and map its paths onto them.

    Args:
        images: folder of published images.
        uri: which one.
        root: the folder that stands for the container's ``/``.
        entrypoint: replaces the image's own where it is not empty.
        arguments: replace the image's CMD; None keeps it.

    Raises:
        ImageError: the image is unknown or cannot be run.
    """
    context, dockerfile = find_image(images, uri)
    try:
        recipe = parse((context / dockerfile).read_text())
    except OSError as error:
        raise ImageError(f"image {uri}: cannot read {dockerfile}: {error.strerror}") from error
    for sources, target in recipe.copies:
        for source in sources:
            _copy(context, source, target, root)
    command = (entrypoint or recipe.entrypoint) + (recipe.command if arguments is None else arguments)
    if not command:
        raise ImageError(f"image {uri}: no ENTRYPOINT and no command")
    workdir = _inside(root, recipe.workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    return Launch(
        command=[_interpreter(command[0]), *(_mapped(word, recipe, root) for word in command[1:])],
        environment={name: _mapped_value(value, root) for name, value in recipe.environment.items()},
        workdir=workdir,
    )


def _copy(context: Path, source: str, target: str, root: Path) -> None:
    found = (
        sorted(context.glob(source.lstrip("/")))
        if any(sign in source for sign in "*?[")
        else [context / source]
    )
    if not found or not found[0].exists():
        raise ImageError(f"COPY {source}: not in the build context")
    for path in found:
        if path.is_dir():
            shutil.copytree(path, _inside(root, target), ignore=_IGNORED, dirs_exist_ok=True)
            continue
        to = _inside(root, posixpath.join(target, path.name) if target.endswith("/") else target)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, to)


def _inside(root: Path, path: str) -> Path:
    return root / posixpath.normpath(posixpath.join("/", path)).lstrip("/")


def _interpreter(word: str) -> str:
    name = posixpath.basename(word)
    return sys.executable if name.startswith("python") else word


def _mapped(word: str, recipe: Recipe, root: Path) -> str:
    """The file that a word of the command means in the image, or the word itself."""
    path = root / posixpath.normpath(posixpath.join(recipe.workdir, word)).lstrip("/")
    return str(path) if path.exists() else word


def _mapped_value(value: str, root: Path) -> str:
    """A variable with its absolute paths, such as PYTHONPATH's, mapped to the files laid out."""
    return ":".join(_mapped_path(part, root) for part in value.split(":"))


def _mapped_path(part: str, root: Path) -> str:
    inside = _inside(root, part)
    return str(inside) if part.startswith("/") and inside.exists() else part
