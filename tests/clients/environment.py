"""Environments of clients: each as its users install it, apart from ours, made when it is first needed.

``tests/clients/<name>/requirements.txt`` locks it (`make lock`); it is built into ``.build/clients/<name>``,
from the cache if everything is there, else from the index that uv is set up with. An environment may be
another one with something over it: ``over.txt`` is installed afterwards, without its dependencies.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.harness.tree import ROOT

LOCKS: Final = ROOT / "tests" / "clients"
BUILT: Final = ROOT / ".build" / "clients"
#: Environments that are another one with something over it.
_OVER: Final = {"mlflow-3.18": "mlflow-3.17"}
#: Beside the Python that runs this: the locked environment has it.
_UV = Path(sys.executable).with_name("uv")


class EnvironmentFailedError(RuntimeError):
    def __init__(self, folder: Path, command: list[str], said: str) -> None:
        super().__init__(f"{folder}: {' '.join(command)} failed:\n{said}")


def names() -> list[str]:
    return sorted(path.parent.name for path in LOCKS.glob("*/requirements.txt"))


def lock_of(name: str) -> Path:
    return LOCKS / name / "requirements.txt"


def python_of(name: str) -> Path:
    """The Python of the client's environment, which holds what its lock says; made anew if it does not."""
    over = LOCKS / name / "over.txt"
    if name in _OVER:
        return environment(BUILT / name, lock_of(_OVER[name]), over) / "bin" / "python"
    return environment(BUILT / name, lock_of(name)) / "bin" / "python"


def environment(folder: Path, lock: Path, over: Path | None = None) -> Path:
    """The folder, once it is an environment with what the lock says, and what comes over it.

    A marker beside it names what it was made from, and is written last: what was cut off is made anew.
    Whoever else wants the same folder waits.
    """
    marker = folder.with_name(f"{folder.name}.built")
    wanted = _fingerprint(lock, over)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.with_name(f"{folder.name}.lock")):
        if not (folder.is_dir() and marker.exists() and marker.read_text() == wanted):
            marker.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            _make(folder, lock, over)
            marker.write_text(wanted)
    return folder


def _make(folder: Path, lock: Path, over: Path | None) -> None:
    _uv(folder, "venv", "--quiet", "--offline", "--python", sys.executable, str(folder))
    install = ("pip", "install", "--quiet", "--python", str(folder), "--require-hashes")
    _install(folder, *install, "-r", str(lock))
    if over is not None:
        _install(folder, *install, "--no-deps", "-r", str(over))


def _install(folder: Path, *install: str) -> None:
    try:
        _uv(folder, *install, "--offline")
    except EnvironmentFailedError:
        _uv(folder, *install, "--no-progress")


def _uv(folder: Path, *arguments: str) -> None:
    command = [str(_UV), *arguments]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder.parent)
    if ended.returncode:
        raise EnvironmentFailedError(folder, command, ended.stderr)


def _fingerprint(lock: Path, over: Path | None) -> str:
    """Of the locks and of the Python that the environment is made of."""
    above = over.read_bytes() if over is not None else b""
    return hashlib.sha256(lock.read_bytes() + above + sys.version.encode()).hexdigest()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Between processes; a process that ends lets go by itself."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
