"""A zip function is one file with one callable, and importing it does nothing."""

import importlib
from pathlib import Path

import pytest

from tests.harness.tree import FUNCTIONS, ROOT, handlers, shown

#: A container, not a zip.
IMAGES = {"training/train_image"}


def folders() -> list[Path]:
    found = [path for path in FUNCTIONS.glob("*/*") if path.is_dir() and not path.name.startswith("_")]
    return sorted(path for path in found if path.relative_to(FUNCTIONS).as_posix() not in IMAGES)


@pytest.mark.parametrize("folder", folders(), ids=shown)
def test_a_function_is_its_handler(folder: Path) -> None:
    assert [path.name for path in sorted(folder.glob("*.py"))] == ["handler.py"]


@pytest.mark.parametrize("path", handlers(), ids=shown)
def test_a_handler_is_called_handler_and_imports_without_settings(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert callable(module.handler)
