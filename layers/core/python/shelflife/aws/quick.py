"""The few calls on the path of a cold start, sent without botocore.

Importing botocore and making clients of DynamoDB and S3 takes longer than all else that a first prediction
does (docs: performance). So the first attempt of these calls is signed and sent here. Whatever is not plainly
answered (a status that is no success, a connection that fails, credentials that are not in the environment)
is asked again of botocore's own client, which knows retries and errors; so is every other call.

Only reads are asked twice, and messages of which consumers tell a second delivery.
"""

import http.client
import json
import os
from base64 import b64decode
from collections.abc import Callable, Mapping
from io import BytesIO
from threading import local
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import EndpointConnectionError

from shelflife.aws.signing import Credentials, Target, quoted, signed

if TYPE_CHECKING:
    from collections.abc import Iterator

_READS = {
    "get_item": "DynamoDB_20120810.GetItem",
    "batch_get_item": "DynamoDB_20120810.BatchGetItem",
    "query": "DynamoDB_20120810.Query",
}
_JSON = "application/x-amz-json-1.0"
#: What is larger is not held in memory here: botocore streams it.
LARGEST_BYTES = 16 * 1024 * 1024
_SUCCESSES = (200, 206)
_OBJECT_PARAMETERS = frozenset(("Bucket", "Key", "Range"))
#: What says that requests go another way than straight to the region's own endpoint.
_DETOURS = ("HTTPS_PROXY", "https_proxy", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")
#: Partitions whose endpoints end otherwise; botocore knows how.
_ELSEWHERE = ("cn-", "us-iso", "us-isob", "eu-isoe", "us-isof", "eusc-")


class Endpoint(NamedTuple):
    scheme: str
    host: str


class QuickClient:
    """A client of one service whose every call is botocore's, but for those that a subclass tries first.

    `full` makes botocore's client, `seconds` is how long a first attempt may take to connect, and again
    between two pieces of its answer.
    """

    def __init__(self, service: str, full: Callable[[], Any], seconds: float) -> None:
        self._service = service
        self._full = full
        self._connections = _Connections(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._full(), name)

    def close(self) -> None:
        """Close this thread's connections; the next call makes new ones."""
        self._connections.close()

    def _tried(
        self, place: Endpoint | None, request: tuple[str, str], headers: Mapping[str, str], body: bytes
    ) -> tuple[http.client.HTTPMessage, bytes] | None:
        """Headers and body of a plain success; else None."""
        try:
            return self._exchanged(place, request, headers, body)
        except (OSError, http.client.HTTPException):
            return None

    def _exchanged(
        self, place: Endpoint | None, request: tuple[str, str], headers: Mapping[str, str], body: bytes
    ) -> tuple[http.client.HTTPMessage, bytes] | None:
        credentials = Credentials.from_env(os.environ)
        if place is None or credentials is None:
            return None
        method, path = request
        target = Target(self._service, os.environ["AWS_REGION"], place.host, method, path)
        return self._connections.exchanged(place, target, signed(target, headers, body, credentials), body)


class QuickItems(QuickClient):
    """DynamoDB: one item, some, or a query's page."""

    def get_item(self, **asked: Any) -> Any:
        return self._read("get_item", asked)

    def batch_get_item(self, **asked: Any) -> Any:
        return self._read("batch_get_item", asked)

    def query(self, **asked: Any) -> Any:
        return self._read("query", asked)

    def _read(self, name: str, asked: dict[str, Any]) -> Any:
        headers = {"content-type": _JSON, "x-amz-target": _READS[name]}
        place = endpoint("dynamodb", os.environ)
        answer = self._tried(place, ("POST", "/"), headers, json.dumps(asked).encode())
        if answer is None:
            return getattr(self._full(), name)(**asked)
        return json.loads(answer[1], object_hook=_with_bytes)


class QuickQueue(QuickClient):
    """SQS: a batch of messages."""

    def send_message_batch(self, **asked: Any) -> Any:
        """Send them.

        Raises:
            EndpointConnectionError: nobody answered in time; whoever sends with haste is not to wait again.
        """
        headers = {"content-type": _JSON, "x-amz-target": "AmazonSQS.SendMessageBatch"}
        place = endpoint("sqs", os.environ)
        try:
            answer = self._exchanged(place, ("POST", "/"), headers, json.dumps(asked).encode())
        except (OSError, http.client.HTTPException) as error:
            raise EndpointConnectionError(endpoint_url=place.host if place else "sqs") from error
        if answer is None:
            return self._full().send_message_batch(**asked)
        return json.loads(answer[1])


class QuickObjects(QuickClient):
    """S3: whole objects, or a range of their bytes."""

    def get_object(self, **asked: Any) -> Any:
        answer = None
        if asked.keys() <= _OBJECT_PARAMETERS:
            place, path = _object(endpoint("s3", os.environ), asked["Bucket"], asked["Key"])
            headers = {"range": asked["Range"]} if "Range" in asked else {}
            answer = self._tried(place, ("GET", path), headers, b"")
        if answer is None:
            return self._full().get_object(**asked)
        told, body = answer
        return {
            "Body": BytesIO(body),
            "ContentLength": len(body),
            "ETag": told.get("ETag", ""),
            "ContentRange": told.get("Content-Range", ""),
        }


class _Connections(local):
    """One connection per thread and host, kept open."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._open: dict[Endpoint, http.client.HTTPConnection] = {}

    def exchanged(
        self, place: Endpoint, target: Target, headers: Mapping[str, str], body: bytes
    ) -> tuple[http.client.HTTPMessage, bytes] | None:
        for connection in self._candidates(place):
            try:
                connection.request(target.method, quoted(target.path), body or None, dict(headers))
                answer = connection.getresponse()
                if (answer.length or 0) > LARGEST_BYTES:
                    connection.close()
                    self._open.pop(place, None)
                    return None
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if connection is not self._open.pop(place, None) or isinstance(error, TimeoutError):
                    raise
            else:
                self._open[place] = connection
                return (answer.headers, content) if answer.status in _SUCCESSES else None
        return None

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1].close()

    def _candidates(self, place: Endpoint) -> "Iterator[http.client.HTTPConnection]":
        """The open one, which the other side may have closed during a freeze; then a new one."""
        kept = self._open.get(place)
        if kept is not None:
            yield kept
        kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
        yield kind(place.host, timeout=self._seconds)


def endpoint(service: str, environ: Mapping[str, str]) -> Endpoint | None:
    """Where the service is; None where only botocore can tell."""
    region = environ.get("AWS_REGION", "")
    given = environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environ.get("AWS_ENDPOINT_URL")
    if given:
        parts = urlsplit(given)
        return Endpoint(parts.scheme, parts.netloc) if parts.path in ("", "/") else None
    if not region or region.startswith(_ELSEWHERE) or any(environ.get(name) for name in _DETOURS):
        return None
    return Endpoint("https", f"{service}.{region}.amazonaws.com")


def _object(place: Endpoint | None, bucket: str, key: str) -> tuple[Endpoint | None, str]:
    """An object's own host and path; buckets whose names are no single label of a host stay in the path."""
    if place is None or not place.host.endswith(".amazonaws.com") or "." in bucket:
        return place, f"/{bucket}/{key}"
    return Endpoint(place.scheme, f"{bucket}.{place.host}"), f"/{key}"


def _with_bytes(found: dict[str, Any]) -> dict[str, Any]:
    """DynamoDB's one type that is not JSON's."""
    if len(found) == 1 and isinstance(found.get("B"), str):
        return {"B": b64decode(found["B"])}
    return found
