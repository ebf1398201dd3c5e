"""A loopback HTTP server before a handler: what an HTTP API (format 2.0) does to requests and answers.

For tests that drive a protocol's own client. It keeps AWS's sizes: what the gateway or Lambda would refuse
is refused here with the gateway's own body.
"""

import base64
import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.harness.events import LambdaContext, http_event

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
GATEWAY_LIMIT = 10 * 1024 * 1024
LAMBDA_LIMIT = 6_291_556
#: Bodies of other types go to the function in base64.
_TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml")


@contextmanager
def served(handler: Handler, *, role: str | None = "admin", principal: str = "tester") -> Generator[str]:
    """Serve the handler on a free port of 127.0.0.1 until the block ends; the value is its address.

    Like an environment of Lambda, it handles one event at a time.
    """
    one_at_a_time = Lock()

    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent, known = self.rfile.read(length), dict(self.headers.items())
            with one_at_a_time:
                event = _event(self.command, self.path, known, sent, role, principal)
                status, headers, body = _answer(handler, event)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Say nothing: tests assert on answers."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _event(  # noqa: PLR0917 - one for each part of a request
    method: str, target: str, headers: Mapping[str, str], body: bytes, role: str | None, principal: str
) -> dict[str, Any]:
    path, _, query = target.partition("?")
    known = {name.lower(): value for name, value in headers.items()}
    text = known.get("content-type", "").startswith(_TEXT_TYPES) and "content-encoding" not in known
    event = http_event(
        method,
        unquote(path),
        (body.decode() if text else body) if body else None,
        role=role,
        principal=principal,
    )
    event["headers"] = known
    event["rawQueryString"] = query
    if query:
        event["queryStringParameters"] = {
            name: ",".join(values) for name, values in parse_qs(query, keep_blank_values=True).items()
        }
    return event


def _answer(handler: Handler, event: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    size = len(event.get("body") or "")
    if size > LAMBDA_LIMIT or size * (0.75 if event["isBase64Encoded"] else 1) > GATEWAY_LIMIT:
        return _fixed(413, "Request Entity Too Large")
    answer = handler(event, LambdaContext())
    if len(json.dumps(answer, ensure_ascii=False).encode()) > LAMBDA_LIMIT:
        return _fixed(500, "Internal Server Error")
    body = answer.get("body") or ""
    raw = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    return answer["statusCode"], {str(name): str(value) for name, value in answer["headers"].items()}, raw


def _fixed(status: int, message: str) -> tuple[int, dict[str, str], bytes]:
    """The gateway's own answer, which nobody can change."""
    return status, {"Content-Type": "application/json"}, json.dumps({"message": message}).encode()
