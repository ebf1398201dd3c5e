"""Lambda's Extensions API on loopback: who registers, what goes on, and whether all may be frozen now."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Event, Thread
from time import time

IDENTIFIER = "extension-1"


class ExtensionsApi:
    """One extension may register; `events` that are put are given out one by one, None ends the API."""

    def __init__(self) -> None:
        self.address = ""
        self.registered: list[tuple[str | None, list[str]]] = []
        self.refuses = False
        self._events: SimpleQueue[tuple[str, float] | None] = SimpleQueue()
        #: Set while the extension waits for its next event: then Lambda may freeze the environment.
        self._idle = Event()

    def invoke(self, request_id: str, seconds: float = 30.0) -> None:
        """An event of the function begins, which has so many seconds."""
        assert self.is_idle(5)
        self._idle.clear()
        self._events.put((request_id, time() + seconds))

    def end(self) -> None:
        """From now on the API answers with an error."""
        self._events.put(None)

    def is_idle(self, seconds: float) -> bool:
        """Whether the extension asks for its next event within so many seconds."""
        return self._idle.wait(seconds)

    def register(self, name: str | None, body: bytes) -> int:
        if self.refuses:
            return 403
        self.registered.append((name, json.loads(body)["events"]))
        return 200

    def next(self, identifier: str | None) -> tuple[int, dict[str, object]]:
        if identifier != IDENTIFIER:
            return 403, {"errorType": "Extension.UnknownExtensionIdentifier"}
        self._idle.set()
        event = self._events.get()
        if event is None:
            return 500, {"errorType": "Container.Error"}
        request_id, deadline = event
        return 200, {"eventType": "INVOKE", "requestId": request_id, "deadlineMs": int(deadline * 1000)}


@contextmanager
def extensions_api() -> Generator[ExtensionsApi]:
    api = ExtensionsApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            assert self.path == "/2020-01-01/extension/register"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = api.register(self.headers["Lambda-Extension-Name"], body)
            self._answer(status, {"functionName": "predict"})

        def do_GET(self) -> None:
            assert self.path == "/2020-01-01/extension/event/next"
            self._answer(*api.next(self.headers["Lambda-Extension-Identifier"]))

        def _answer(self, status: int, body: dict[str, object]) -> None:
            told = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Lambda-Extension-Identifier", IDENTIFIER)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            """Say nothing: tests assert on answers."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.address = f"127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield api
    finally:
        api.end()
        server.shutdown()
        server.server_close()
