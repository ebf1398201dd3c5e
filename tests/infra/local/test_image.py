"""A Dockerfile's files and entry point as a process of this machine."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from infra.local.jobs.dockerfile import ImageError, parse
from infra.local.jobs.image import lay_out

if TYPE_CHECKING:
    from pathlib import Path

DOCKERFILE = """
# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
COPY elsewhere /wheels
ENTRYPOINT ["never"]
FROM python:3.13-slim
ARG VERSION=1
COPY train/requirements.txt /opt/program/
RUN pip install --require-hashes \\
    -r /opt/program/requirements.txt
COPY --from=build /wheels /wheels
COPY --chown=1:1 core /opt/program
COPY train/main.py train/extra.py /opt/program/
ENV PYTHONPATH=/opt/program PYTHONUNBUFFERED=1
ENV GREETING "hello there"
WORKDIR /opt
WORKDIR program
ENTRYPOINT ["python", "/opt/program/main.py"]
CMD ["--quick"]
"""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    context = tmp_path / "context"
    files = (
        "train/requirements.txt",
        "train/main.py",
        "train/extra.py",
        "train/secret.py",
        "core/lib/__init__.py",
    )
    for name in files:
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).touch()
    (context / "Dockerfile").write_text(DOCKERFILE)
    published = tmp_path / "images"
    published.mkdir()
    image = {"uri": "repository:tag", "directory": str(context), "dockerfile": "Dockerfile"}
    (published / "tag.json").write_text(json.dumps(image))
    return published


def test_only_the_last_stage_counts() -> None:
    recipe = parse(DOCKERFILE)
    assert recipe.copies == [
        (["train/requirements.txt"], "/opt/program/"),
        (["core"], "/opt/program"),
        (["train/main.py", "train/extra.py"], "/opt/program/"),
    ]
    assert recipe.environment == {
        "PYTHONPATH": "/opt/program",
        "PYTHONUNBUFFERED": "1",
        "GREETING": "hello there",
    }
    assert recipe.workdir == "/opt/program"
    assert recipe.entrypoint == ["python", "/opt/program/main.py"]
    assert recipe.command == ["--quick"]


def test_files_are_laid_out_and_paths_mapped(images: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    launch = lay_out(images, "repository:tag", root, entrypoint=[], arguments=None)
    program = root / "opt" / "program"
    assert launch.command == [sys.executable, str(program / "main.py"), "--quick"]
    assert launch.environment["PYTHONPATH"] == str(program)
    assert launch.workdir == program
    names = {str(path.relative_to(program)) for path in program.rglob("*") if path.is_file()}
    assert names == {"requirements.txt", "main.py", "extra.py", "lib/__init__.py"}


def test_arguments_replace_the_command(images: Path, tmp_path: Path) -> None:
    launch = lay_out(
        images, "repository:tag", tmp_path / "root", entrypoint=["python", "extra.py"], arguments=["train"]
    )
    assert launch.command[1:] == [str(tmp_path / "root/opt/program/extra.py"), "train"]


def test_an_unknown_image_is_named(images: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="repository:other"):
        lay_out(images, "repository:other", tmp_path / "root", entrypoint=[], arguments=None)


def test_a_missing_source_is_named(images: Path, tmp_path: Path) -> None:
    (tmp_path / "context" / "train" / "main.py").unlink()
    with pytest.raises(ImageError, match=r"COPY train/main\.py"):
        lay_out(images, "repository:tag", tmp_path / "root", entrypoint=[], arguments=None)


def test_an_entry_point_in_shell_form_is_refused() -> None:
    with pytest.raises(ImageError, match="ENTRYPOINT must be a list"):
        parse("FROM x\nENTRYPOINT python main.py\n")
