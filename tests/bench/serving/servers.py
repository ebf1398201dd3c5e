"""Servers that are measured beside us: installed apart, started, asked until they answer, stopped."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from infra.build.layers import ROOT

PEERS = ROOT / "tests/bench/peers"
_INSTALLED = ROOT / ".build/bench/peers"
_START_SECONDS = 120.0
_POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A server of its own package: `command` may say {port}; `peer` names the lock file."""

    name: str
    peer: str
    command: tuple[str, ...]
    path: str
    body: bytes
    content_type: str = "application/json"
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Type": self.content_type}


@dataclass(frozen=True, slots=True)
class Server:
    """A started peer that answers; `seconds` is how long that took."""

    process: "subprocess.Popen[bytes]"
    port: int
    seconds: float


def python_of(peer: str) -> Path | None:
    """The interpreter of a peer's environment, made now if need be; None, with a line, where it cannot be."""
    python = _INSTALLED / peer / "bin/python"
    marker = python.parent.parent / "installed"
    lock = (PEERS / f"{peer}.txt").read_text()
    if marker.exists() and marker.read_text() == lock:
        return python
    uv = str(Path(sys.executable).with_name("uv"))
    try:
        shutil.rmtree(python.parent.parent, ignore_errors=True)
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(python.parent.parent)], check=True)
        install = [uv, "pip", "install", "-q", "--python", str(python), "-r", str(PEERS / f"{peer}.txt")]
        subprocess.run(install, check=True, capture_output=True, timeout=600)
    except (subprocess.SubprocessError, OSError) as error:
        sys.stderr.write(f"  {peer} cannot be installed and is left out: {error}\n")
        return None
    marker.write_text(lock)
    return python


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def started(peer: Peer) -> Iterator[Server]:
    port = free_port()
    command = [part.format(port=port) for part in peer.command]
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **{name: value.format(port=port) for name, value in peer.environ.items()}},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(peer, port, process)
        yield Server(process, port, time.perf_counter() - began)
    finally:
        # All that it started, by id: BentoML gives its workers sessions of their own.
        for pid in list(_tree(process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def _wait(peer: Peer, port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.perf_counter() + _START_SECONDS
    while not _answers(peer, port):
        if process.poll() is not None or time.perf_counter() > until:
            raise ServerNeverAnsweredError(peer.name)
        time.sleep(_POLL_SECONDS)


class ServerNeverAnsweredError(RuntimeError):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name} was started and never answered")


def _answers(peer: Peer, port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", peer.path, peer.body, peer.headers)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))


def peak_kb(pid: int) -> int:
    """The most memory that the process ever had, without its children."""
    return _status(pid, "VmHWM")


def resident_mb(pid: int) -> float:
    """Memory of the process and of those that it started; pages that they share are counted in each."""
    return sum(_status(one, "VmRSS") for one in _tree(pid)) / 1024


def _status(pid: int, name: str) -> int:
    """A field of /proc/<pid>/status, in kB; 0 once the process is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    return 0
