"""The emulator's side of one execution environment: start it, hand it a call, read its answer and its log."""

from __future__ import annotations

import json
import os
import select
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.worker_main import HEADER, MARKER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SCRIPT = Path(__file__).resolve().parents[1] / "worker_main.py"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one call.

    ``kind`` is the frame's kind, or ``exited`` or ``late`` where no frame came.
    """

    kind: str
    payload: bytes = b""
    log: str = ""
    peak_memory_mb: int = 0
    exit_code: int | None = None

    def body(self) -> Any:
        return json.loads(self.payload)


@dataclass(slots=True)
class _Incoming:
    """Bytes of the answer's frame and of the log, until both are complete."""

    frame: bytearray = field(default_factory=bytearray)
    log: bytearray = field(default_factory=bytearray)

    def answered(self) -> Answer | None:
        """The answer once its frame and its part of the log are there."""
        return self.framed() if MARKER in self.log else None

    def framed(self) -> Answer | None:
        """The answer once its frame is there."""
        if len(self.frame) < HEADER.size:
            return None
        kind, peak, length = HEADER.unpack_from(self.frame)
        payload = bytes(self.frame[HEADER.size :])
        if len(payload) < length:
            return None
        return Answer(kind=kind.decode(), payload=payload, log=_text(self.log), peak_memory_mb=peak)


class WorkerProcess:
    """A started worker. One call at a time; whoever owns it serialises them."""

    def __init__(self, search_path: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        request_reader, self._requests = os.pipe()
        self._responses, response_writer = os.pipe()
        lifeline_reader, self._lifeline = os.pipe()
        self._log, log_writer = os.pipe()
        theirs = (request_reader, response_writer, lifeline_reader)
        command = [sys.executable, "-I", "-S", "-X", "utf8", str(_SCRIPT), *map(str, theirs), *search_path]
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log_writer,
                stderr=log_writer,
                pass_fds=theirs,
            )
        finally:
            for descriptor in (*theirs, log_writer):
                os.close(descriptor)
        for descriptor in (self._requests, self._responses, self._log):
            os.set_blocking(descriptor, False)

    def start(self, timeout_seconds: float) -> Answer:
        """Wait until the handler is imported, or was not."""
        return self._exchange(b"", time.monotonic() + timeout_seconds)

    def call(self, event: bytes, request: Mapping[str, Any], timeout_seconds: float) -> Answer:
        """One invocation: the event as JSON, and what Lambda tells the handler besides."""
        payload = b'{"event":' + event + b"," + json.dumps(request).encode()[1:]
        return self._exchange(struct.pack(">I", len(payload)) + payload, time.monotonic() + timeout_seconds)

    def close(self) -> None:
        """Kill what is left of the process and close the pipes."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for descriptor in (self._requests, self._responses, self._log, self._lifeline):
            os.close(descriptor)

    def _exchange(self, outgoing: bytes, deadline: float) -> Answer:
        incoming = _Incoming()
        pending = memoryview(outgoing)
        poll = select.poll()
        poll.register(self._responses, select.POLLIN)
        poll.register(self._log, select.POLLIN)
        if pending:
            poll.register(self._requests, select.POLLOUT)
        while not (answer := incoming.answered()):
            left = deadline - time.monotonic()
            if left <= 0:
                return Answer(kind="late", log=_text(incoming.log))
            for descriptor, _ in poll.poll(left * 1000):
                if descriptor == self._requests:
                    pending = self._send(pending, poll)
                elif descriptor == self._log:
                    self._read_log(incoming, poll)
                elif not _read(descriptor, incoming.frame):
                    return self._ended(incoming)
        return answer

    def _send(self, pending: memoryview, poll: select.poll) -> memoryview:
        rest = _write(self._requests, pending)
        if not rest:
            poll.unregister(self._requests)
        return rest

    def _read_log(self, incoming: _Incoming, poll: select.poll) -> None:
        if not _read(self._log, incoming.log):
            # A handler that closed its output has nothing more to say: wait for its answer alone.
            poll.unregister(self._log)
            incoming.log += MARKER

    def _ended(self, incoming: _Incoming) -> Answer:
        """The process closed its end of the pipe, which only its end does."""
        try:
            exit_code = self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            exit_code = self.process.wait()
        while _read(self._log, incoming.log):
            pass
        return incoming.framed() or Answer(kind="exited", log=_text(incoming.log), exit_code=exit_code)


def _text(log: bytearray) -> str:
    return bytes(log).replace(MARKER, b"").decode(errors="replace").rstrip("\n")


def _read(descriptor: int, into: bytearray) -> bool:
    """Add what is there; False at the end of the pipe or where a log pipe has nothing more."""
    try:
        part = os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return False
    into += part
    return bool(part)


def _write(descriptor: int, pending: memoryview) -> memoryview:
    try:
        return pending[os.write(descriptor, pending[:_CHUNK]) :]
    except BlockingIOError:
        return pending
    except BrokenPipeError:
        # The process is gone; the end of its answer pipe tells how.
        return pending[len(pending) :]
