"""Golden events, and HTTP events made from the two golden ones."""

import base64
import copy
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

EVENTS = Path(__file__).resolve().parents[2] / "events"


def golden(name: str) -> Any:
    """`events/<name>.json`."""
    return json.loads((EVENTS / f"{name}.json").read_text())


def http_event(
    method: str,
    path: str,
    body: Any = None,
    *,
    role: str | None = "admin",
    principal: str = "tester",
    headers: dict[str, str] | None = None,
    version: str = "2.0",
) -> dict[str, Any]:
    """The event of a request; bytes go in as base64, everything else as JSON; no role is nobody."""
    path, _, query = path.partition("?")
    known = {"principal": principal, "role": role} if role else {}
    event: dict[str, Any] = copy.deepcopy(golden("entry/http_v2" if version == "2.0" else "entry/http_v1"))
    event["headers"] |= headers or {}
    if isinstance(body, bytes):
        event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    elif body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    if version == "2.0":
        event |= {"rawPath": path, "rawQueryString": query}
        if query:
            event["queryStringParameters"] = {k: ",".join(v) for k, v in parse_qs(query).items()}
        event["requestContext"]["http"] |= {"method": method, "path": path}
        event["requestContext"]["authorizer"] = {"lambda": known}
    else:
        event |= {"path": path, "httpMethod": method}
        if query:
            event["multiValueQueryStringParameters"] = parse_qs(query)
            event["queryStringParameters"] = {k: v[-1] for k, v in parse_qs(query).items()}
        event["requestContext"]["authorizer"] = known
    return event


class LambdaContext:
    """What Lambda tells a function about its call."""

    function_name = "function"
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:000000000000:function:function"
    aws_request_id = "00000000-0000-0000-0000-000000000000"
    log_group_name = "/aws/lambda/function"
    log_stream_name = "stream"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 29_000
