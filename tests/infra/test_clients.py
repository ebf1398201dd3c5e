"""Environments of clients: locked, made on demand, made anew when cut off, and made once."""

import re
import threading
import tomllib
from pathlib import Path

import pytest

from infra.config import ROOT
from tests.clients import environment
from tests.clients.environment import EnvironmentFailedError, lock_of, names


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A client that needs nothing: its environment takes no package, and so no network."""
    file = tmp_path / "requirements.txt"
    file.write_text("# nothing\n")
    return file


def python_in(folder: Path) -> Path:
    return folder / "bin" / "python"


def test_each_group_of_clients_is_locked_and_each_lock_has_a_group() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert names()
    assert [f"client-{name}" for name in names()] == sorted(
        one for one in groups if one.startswith("client-")
    )
    locking = (ROOT / "infra" / "build" / "lock.sh").read_text()
    (locked,) = re.findall(r"^for client in (.+); do$", locking, re.MULTILINE)
    assert sorted(locked.split()) == names()


@pytest.mark.parametrize("name", names())
def test_a_lock_of_clients_names_what_its_group_asks_for(name: str) -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    asked = {re.split(r"[\[<>=!~ ]", one)[0] for one in groups[f"client-{name}"]}
    locked = set(re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==", lock_of(name).read_text(), re.MULTILINE))
    assert asked <= locked


def test_an_environment_is_made_once(tmp_path: Path, lock: Path) -> None:
    made = environment.environment(tmp_path / "made", lock)
    assert python_in(made).exists()
    (made / "mine").touch()
    assert environment.environment(tmp_path / "made", lock) == made
    assert (made / "mine").exists()


def test_an_environment_of_another_lock_is_made_anew(tmp_path: Path, lock: Path) -> None:
    made = environment.environment(tmp_path / "made", lock)
    (made / "mine").touch()
    lock.write_text("# still nothing\n")
    environment.environment(tmp_path / "made", lock)
    assert python_in(made).exists()
    assert not (made / "mine").exists()


def test_an_environment_that_was_cut_off_is_made_anew(tmp_path: Path, lock: Path) -> None:
    half = tmp_path / "made"
    half.mkdir()
    (half / "left").touch()
    environment.environment(half, lock)
    assert python_in(half).exists()
    assert not (half / "left").exists()


def test_what_cannot_be_installed_leaves_no_marker_and_says_why(tmp_path: Path, lock: Path) -> None:
    lock.write_text(f"nothing @ file://{tmp_path}/nothing.whl --hash=sha256:{'0' * 64}\n")
    for _ in range(2):
        with pytest.raises(EnvironmentFailedError, match=r"nothing\.whl"):
            environment.environment(tmp_path / "made", lock)
    assert not (tmp_path / "made.built").exists()


def test_of_two_who_want_it_at_once_one_makes_it(tmp_path: Path, lock: Path) -> None:
    inodes: list[int] = []

    def want() -> None:
        made = environment.environment(tmp_path / "made", lock)
        inodes.append((made / "pyvenv.cfg").stat().st_ino)

    threads = [threading.Thread(target=want) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(inodes) == len(threads)
    assert len(set(inodes)) == 1
