"""The Lambda Runtime API on loopback, for one execution environment that runs AWS's own runtime client.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html: the environment asks for the next event, is
answered when there is one, and posts what its handler answered. One thread, one connection at a time: what is
measured is the environment, not a queue before it.
"""

import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.serving.load import ConnectionLostError, HttpMessage, Step

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"
_START_SECONDS = 30.0
_CHUNK = 1 << 20
_PACKAGES = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")
_ARN = "arn:aws:lambda:eu-west-1:000000000000:function:predict"


class Environment:
    """A started execution environment, and the API that it talks to; an `Exchange` of load.py."""

    def __init__(self, process: "subprocess.Popen[bytes]", listener: socket.socket) -> None:
        self.process = process
        self._listener = listener
        self.connection = self._accepted()
        self._message = HttpMessage()
        self._number = 0
        self._answering = False
        self.event = b"{}"
        self.last = b""
        while self.received(self.connection.recv(_CHUNK)) is not Step.READY:
            pass

    def renew(self) -> None:
        """It is the environment that connects."""

    def send(self) -> None:
        """The environment asked for an event some time ago: here it is."""
        self._number += 1
        deadline = int(time.time() * 1000) + 29_000
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-{self._number:012d}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {deadline}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {_ARN}\r\n"
            "Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0\r\n"
            f"Content-Length: {len(self.event)}\r\n\r\n"
        )
        self._answering = True
        self.connection.sendall(head.encode() + self.event)

    def received(self, data: bytes) -> Step:
        if not data and not self._answering:
            # The client closed between two requests, and comes again.
            self.connection.close()
            self.connection = self._accepted()
            return Step.WAITING
        if not self._message.add(data):
            return Step.WAITING
        message, self._message = self._message, HttpMessage()
        if message.start.startswith(b"GET "):
            return Step.READY
        if not message.start.split()[1].endswith(b"/response"):
            raise ConnectionLostError(message.body.decode(errors="replace"))
        self._answering = False
        self.last = message.body
        self.connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        return Step.ANSWERED_ONLY

    def invoke(self, event: bytes) -> bytes:
        """One call, and whatever follows it until the environment is ready again."""
        self.event = event
        self.send()
        while self.received(self.connection.recv(_CHUNK)) is not Step.READY:
            pass
        return self.last

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.connection.close()
        self._listener.close()

    def _accepted(self) -> socket.socket:
        try:
            connection, _ = self._listener.accept()
        except TimeoutError as error:
            raise ConnectionLostError(f"no runtime came; it exited with {self.process.poll()}") from error
        connection.settimeout(_START_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if connection.recv(_CHUNK, socket.MSG_PEEK).startswith(b"POST /2020-01-01/extension/"):
            # No extensions here: what a function does after its answer, it does before.
            connection.recv(_CHUNK)
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            connection.close()
            return self._accepted()
        return connection


@contextmanager
def environment(
    handler: str, search_path: Sequence[Path], environ: Mapping[str, str]
) -> Iterator[Environment]:
    """Start an environment whose interpreter sees the search path and the runtime's own packages alone."""
    started = start(handler, search_path, environ)
    try:
        yield started
    finally:
        started.close()


def start(handler: str, search_path: Sequence[Path], environ: Mapping[str, str]) -> Environment:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(_START_SECONDS)
    told = {
        **environ,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{listener.getsockname()[1]}",
        "_HANDLER": handler,
    }
    script = str(PROGRAMS / "lambda_runtime.py")
    command = [sys.executable, "-I", "-S", "-X", "utf8", script, handler, *map(str, search_path)]
    process = subprocess.Popen(command, env=told, stdout=subprocess.DEVNULL)
    try:
        return Environment(process, listener)
    except BaseException:
        process.kill()
        process.wait()
        listener.close()
        raise


def link_client(folder: Path) -> Path:
    """A folder with links to AWS's runtime client and what it needs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(name)
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        link = folder / source.name
        if not link.exists():
            link.symlink_to(source)
    return folder
