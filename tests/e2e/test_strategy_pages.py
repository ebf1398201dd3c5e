"""The pages of the strategies do what they say: their commands are run as they stand, page after page."""

import subprocess
import sys

import pytest

from tests.e2e.pages import Commands, commands, script, shape
from tests.harness.installation import Platform

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: In the order of the menu, in which the examples were made.
STRATEGIES = ("all-at-once", "blue-green", "canary", "linear", "shadow", "rollback", "ab-experiment")
_SECONDS = 500


@pytest.fixture(scope="module")
def answered(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Commands, str]]:
    """What the commands printed, in a folder that looks like a repository with a running cloud."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / ".build").mkdir()
    (folder / ".build/local").symlink_to(platform.folder)
    blocks = [
        *commands("tutorial-own-data.md", before="### The world moves"),
        *commands("strategies/index.md", after="## To try the examples"),
        *(block for name in STRATEGIES for block in commands(f"strategies/{name}.md")),
    ]
    answers = folder / "answers"
    answers.mkdir()
    ended = subprocess.run(
        ["bash", "-c", script(blocks, answers)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    printed = [
        path.read_text() if (path := answers / f"{at}.txt").exists() else "" for at in range(len(blocks))
    ]
    assert ended.returncode == 0, f"{last(printed)}\n{ended.stderr}"
    return list(zip(blocks, printed, strict=True))


def last(printed: list[str]) -> str:
    return next((text for text in reversed(printed) if text), "")


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategys_page_shows_what_its_commands_answer(
    answered: list[tuple[Commands, str]], name: str
) -> None:
    shown = [
        (block.answer, printed)
        for block, printed in answered
        if block.page == f"strategies/{name}.md" and block.answer is not None
    ]
    assert shown
    for said, printed in shown:
        assert shape(printed) == shape(said), f"it is now:\n{printed}"
