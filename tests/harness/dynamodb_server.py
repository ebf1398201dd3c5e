"""Moto's DynamoDB of this process over HTTP on loopback, for what speaks to it without botocore."""

import json
import re
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.exceptions import ClientError

from shelflife.aws.clients import client
from shelflife.aws.quick import with_bytes


@contextmanager
def dynamodb_server() -> Iterator[str]:
    """Its URL. One request at a time: moto is not made for more."""
    lock = threading.Lock()

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            operation = self.headers["x-amz-target"].rpartition(".")[2]
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])), object_hook=with_bytes)
            with lock:
                status, told = _answer(operation, asked)
            body = json.dumps(told, default=lambda value: b64encode(bytes(value)).decode()).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _answer(operation: str, asked: Any) -> tuple[int, Any]:
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
    try:
        return 200, getattr(client("dynamodb"), name)(**asked)
    except ClientError as error:
        told = error.response
        refused = {"__type": f"com.amazonaws.dynamodb.v20120810#{told['Error']['Code']}"}
        reasons = {name: told[name] for name in ("CancellationReasons",) if name in told}
        return 400, refused | {"message": told["Error"]["Message"]} | reasons
