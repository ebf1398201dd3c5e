"""What the modules of the reference share: finding our modules, and text that is safe in a table."""

import html
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from infra.build.layers import PACKAGE

#: Markdown's own signs, and what stands for them in a table.
_SIGNS = str.maketrans({"|": "&#124;", "*": r"\*", "_": r"\_", "`": r"\`", "[": r"\[", "{": r"\{"})


def modules(declaration: re.Pattern[str]) -> Iterator[ModuleType]:
    """The modules of the package in whose text the declaration occurs."""
    for source in sorted(PACKAGE.rglob("*.py")):
        if declaration.search(source.read_text()):
            yield import_module(source.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", "."))


def room(module: ModuleType) -> str:
    return module.__name__.split(".")[1]


def plain(text: str) -> str:
    """The text as Markdown that shows just that."""
    return html.escape(text, quote=False).translate(_SIGNS)


def first_paragraph(text: str | None) -> str:
    """The promise of a docstring; what it marks as code stays code."""
    told = " ".join(inspect.cleandoc(text).partition("\n\n")[0].split()) if text else ""
    parts = re.sub("`+", "`", told).split("`")
    return "".join(f"`{part}`" if place % 2 else plain(part) for place, part in enumerate(parts))
