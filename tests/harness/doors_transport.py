"""Our own functions behind an HTTP transport: a request finds the door that answers it, without a gateway."""

import base64
import re
from importlib import import_module
from typing import Any

import httpx

from tests.harness.events import LambdaContext, http_event
from tests.harness.tree import ROOT

API_URL = "http://shelflife.test"


class Doors:
    """Every HTTP function of the given contexts, called by an administrator."""

    def __init__(self, *contexts: str) -> None:
        self._doors: list[tuple[Any, Any]] = []
        for context in contexts:
            for path in sorted((ROOT / "functions" / context).glob("*/handler.py")):
                module = import_module(f"functions.{context}.{path.parent.name}.handler")
                if hasattr(module, "door"):
                    self._doors.append((module.door, module.handler))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        if request.url.path == "/v1/access/me":
            return httpx.Response(200, json={"name": "tester", "role": "admin"})
        content: Any = request.content or None
        headers = {"content-type": "", **dict(request.headers.items())}
        event = http_event(request.method, path, content, headers=headers, principal="tester")
        answer = self._handler(request.method, request.url.path)(event, LambdaContext())
        body = base64.b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"].encode()
        kept = {name: value for name, value in _headers(answer).items() if name.lower() != "content-encoding"}
        return httpx.Response(answer["statusCode"], content=body, headers=kept)

    def _handler(self, method: str, path: str) -> Any:
        """The door that answers, by the route that says most of the path; else one that knows the path."""
        found = [
            (known == method, len(re.sub(r"<\w+>", "", route)), handler)
            for door, handler in self._doors
            for known, route in door.routes
            if re.fullmatch(re.sub(r"<\w+>", "[^/]+", route), path)
        ]
        return max(found, key=lambda one: one[:2])[2] if found else self._doors[0][1]


def _headers(answer: dict[str, Any]) -> dict[str, str]:
    several = {name: values[0] for name, values in answer.get("multiValueHeaders", {}).items()}
    return {**several, **answer.get("headers", {})}
