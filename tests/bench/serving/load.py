"""A closed loop of clients in one thread: each sends its next request when its last one is answered."""

import select
import selectors
import socket
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

_CHUNK = 1 << 20
_PATIENCE = 60.0


class Step(Enum):
    WAITING = "waiting"
    #: The answer is there; the next request may be sent.
    ANSWERED = "answered"
    #: The answer is there; the other side will say when it takes the next request.
    ANSWERED_ONLY = "answered only"
    READY = "ready"


class Exchange(Protocol):
    """One client's connection."""

    connection: socket.socket

    def renew(self) -> None:
        """Be connected again, before anything is asked after a while."""

    def send(self) -> None:
        """Send the request."""

    def received(self, data: bytes) -> Step:
        """Take what came; empty data is the end of the connection."""


@dataclass(frozen=True, slots=True)
class Load:
    """What some clients measured; times in seconds, one for each answer."""

    times: tuple[float, ...]
    seconds: float

    @property
    def p50(self) -> float:
        return statistics.median(self.times)

    @property
    def p95(self) -> float:
        return sorted(self.times)[int(len(self.times) * 0.95)]

    @property
    def per_second(self) -> float:
        return len(self.times) / self.seconds


class ConnectionLostError(RuntimeError):
    pass


def closed_loop(clients: Sequence[Exchange], seconds: float) -> Load:
    """Keep every client busy for so long; what is under way at the end is waited for, too."""
    with selectors.DefaultSelector() as selector:
        for client in clients:
            client.renew()
            selector.register(client.connection, selectors.EVENT_READ, client)
        began = time.perf_counter()
        loop = _Loop(selector, began + seconds)
        for client in clients:
            loop.ask(client)
        while loop.busy:
            loop.turn()
        return Load(tuple(loop.times), time.perf_counter() - began)


class _Loop:
    def __init__(self, selector: selectors.BaseSelector, until: float) -> None:
        self._selector = selector
        self._until = until
        self._asked: dict[int, float] = {}
        self.times: list[float] = []
        self.busy = 0

    def ask(self, client: Exchange) -> None:
        self.busy += 1
        self._asked[id(client)] = time.perf_counter()
        client.send()

    def turn(self) -> None:
        ready = self._selector.select(_PATIENCE)
        if not ready:
            raise ConnectionLostError("no answer within a minute")
        for key, _ in ready:
            self._take(key.data, key.data.connection.recv(_CHUNK))

    def _take(self, client: Exchange, data: bytes) -> None:
        step = client.received(data)
        now = time.perf_counter()
        if step in (Step.ANSWERED, Step.ANSWERED_ONLY):
            self.times.append(now - self._asked.pop(id(client)))
        if step in (Step.ANSWERED, Step.READY):
            self.busy -= 1
            if now < self._until:
                self.ask(client)


class HttpMessage:
    """Bytes of one HTTP message until it is complete; lengths or chunks, as it says."""

    def __init__(self) -> None:
        self.start = b""
        self.headers: dict[bytes, bytes] = {}
        self._data = bytearray()
        self._body_at = 0

    def add(self, data: bytes) -> bool:
        """Whether the message is complete now."""
        if not data:
            raise ConnectionLostError(bytes(self._data[:500]).decode(errors="replace"))
        self._data += data
        if not self._body_at and not self._read_head():
            return False
        if self.headers.get(b"transfer-encoding") == b"chunked":
            return self._data.endswith(b"0\r\n\r\n")
        return len(self._data) - self._body_at >= int(self.headers.get(b"content-length", b"0"))

    @property
    def body(self) -> bytes:
        """As it came: chunks are not put together."""
        return bytes(self._data[self._body_at :])

    def _read_head(self) -> bool:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return False
        self.start, *lines = bytes(self._data[:end]).split(b"\r\n")
        pairs = (line.partition(b":") for line in lines)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        self._body_at = end + 4
        return True


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class HttpExchange:
    """A keep-alive connection that posts one body again and again; anything but a 200 is a fault."""

    def __init__(self, port: int, path: str, body: bytes, headers: dict[str, str]) -> None:
        self._port = port
        self.connection = _connected(port)
        told = {"Host": f"127.0.0.1:{port}", **headers, "Content-Length": str(len(body))}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
        self._request = "\r\n".join(lines).encode() + body
        self._message = HttpMessage()
        self.last = b""

    def renew(self) -> None:
        """Connect again if the server has closed: some do after five seconds in which nobody asks."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        if readable:
            self.connection.close()
            self.connection = _connected(self._port)

    def send(self) -> None:
        self._message = HttpMessage()
        self.connection.sendall(self._request)

    def received(self, data: bytes) -> Step:
        if not self._message.add(data):
            return Step.WAITING
        if b" 200" not in self._message.start:
            raise ConnectionLostError(f"{self._message.start!r} {self._message.body[:500]!r}")
        self.last = self._message.body
        return Step.ANSWERED

    def close(self) -> None:
        self.connection.close()
