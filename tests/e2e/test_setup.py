"""What a machine lacks is said in one line, before anything is made."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.config import ROOT

SETUP = ROOT / "infra" / "build" / "setup.sh"
BASH = "/bin/bash"


def set_up(folder: Path, python: str = sys.executable, **programs: str) -> "subprocess.CompletedProcess[str]":
    """Run the set-up on a machine that has these programs only, each a line of shell."""
    tools = folder / "bin"
    tools.mkdir()
    for name, line in programs.items():
        (tools / name).write_text(f"#!{BASH}\n{line}\n")
        (tools / name).chmod(0o755)
    return subprocess.run(
        [BASH, str(SETUP), python, str(folder / "venv"), "0.0.0", str(folder / "cache")],
        env={"PATH": str(tools)},
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("python", "programs", "said"),
    [
        (sys.executable, {}, "shelflife needs Node.js 20 or newer (CDK synthesizes with it): install it"),
        (
            sys.executable,
            {"node": '[ "$1" = -v ] && echo v18.19.0 || echo 18'},
            "shelflife needs Node.js 20 or newer, this is v18.19.0: install it",
        ),
        ("python3", {}, "shelflife needs Python 3.11 or newer: install it"),
        (
            "python3",
            {"python3": '[ "$1" = -V ] && echo Python 3.9.18 || exit 1'},
            "shelflife needs Python 3.11 or newer, this is Python 3.9.18: install one, or say which",
        ),
    ],
    ids=["no node", "old node", "no python", "old python"],
)
def test_a_missing_program_is_named_in_one_line(
    python: str, programs: dict[str, str], said: str, tmp_path: Path
) -> None:
    ended = set_up(tmp_path, python, **programs)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith(said)
    assert not (tmp_path / "venv").exists()
