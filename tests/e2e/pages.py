"""Commands in pages of the documentation, and what the pages say that they answer."""

import re
from pathlib import Path
from typing import NamedTuple

from tests.harness.tree import ROOT

PAGES = ROOT / "docs" / "pages"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What differs from one run to the next: ids, numbers, and the room that they take.
_ID = re.compile(r"\b01[0-9a-z]{24}\b")
_NUMBER = re.compile(r"(?<![A-Za-z])-?\d+(,\d{3})*(\.\d+)?")


class Commands(NamedTuple):
    """A block of shell commands of a page; `answer` is the block right below it, if there is one."""

    page: str
    text: str
    answer: str | None


def commands(page: str, *, after: str = "", before: str | None = None) -> list[Commands]:
    """The page's commands in their order, from one heading up to another."""
    text = (PAGES / page).read_text()
    text = text[text.index(after) : None if before is None else text.index(before)]
    blocks = list(_BLOCK.finditer(text))
    found = []
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block[1] != "bash":
            continue
        shown = following is not None and following[1] != "bash"
        answers = shown and not text[block.end() : following.start()].strip()  # type: ignore[union-attr]  # shown
        found.append(Commands(page, block[2], following[2] if answers and following else None))
    return found


def shape(answer: str) -> str:
    """The answer without what differs from one run to the next."""
    return " ".join(_NUMBER.sub("#", _ID.sub("#", answer)).split())


def script(blocks: list[Commands], folder: Path) -> str:
    """A shell script that runs the blocks one after another; `answer` has what each of them printed."""
    parts = ["set -eu -o pipefail", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    for at, block in enumerate(blocks):
        parts.append(f"{{\n{block.text}}} > {folder}/{at}.txt")
    return "\n".join(parts) + "\n"
