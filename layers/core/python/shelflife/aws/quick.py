"""The few calls on the path of a cold start, sent without botocore.

Importing botocore and making clients of DynamoDB and S3 takes longer than all else that a first prediction
does (docs: performance). So the first attempt of these calls is signed and sent here. Whatever is not plainly
answered (a status that is no success, a connection that fails, credentials that are not in the environment)
is asked again of botocore's own client, which knows retries and errors; so is every other call.

A write that DynamoDB refuses is not asked again. One whose answer got lost is, as botocore would: under the
same token if it is a transaction, and for as long as botocore waits.
"""

import http.client
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError

from shelflife.aws.exchange import Answer, Connections, Endpoint, endpoint
from shelflife.aws.signing import Credentials, Target, signed

_READS = {
    "get_item": "DynamoDB_20120810.GetItem",
    "batch_get_item": "DynamoDB_20120810.BatchGetItem",
    "query": "DynamoDB_20120810.Query",
}
_WRITES = {
    "put_item": "DynamoDB_20120810.PutItem",
    "update_item": "DynamoDB_20120810.UpdateItem",
    "delete_item": "DynamoDB_20120810.DeleteItem",
    "batch_write_item": "DynamoDB_20120810.BatchWriteItem",
    "transact_write_items": "DynamoDB_20120810.TransactWriteItems",
}
#: Nothing was written, and botocore would not try again.
_REFUSALS = frozenset(
    ("ConditionalCheckFailedException", "TransactionCanceledException", "TransactionConflictException")
)
_BAD_REQUEST = 400
_TOKEN_BYTES = 18
_JSON = "application/x-amz-json-1.0"
_SUCCESSES = (200, 206)
_OBJECT_PARAMETERS = frozenset(("Bucket", "Key", "Range"))


class QuickClient:
    """A client of one service whose every call is botocore's, but for those that a subclass tries first.

    `full` makes botocore's client, `seconds` is how long a first attempt may take to connect, and again
    between two pieces of its answer.
    """

    def __init__(self, service: str, full: Callable[[], Any], seconds: float) -> None:
        self._service = service
        self._full = full
        self._connections = Connections(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._full(), name)

    def close(self) -> None:
        """Close this thread's connections; the next call makes new ones."""
        self._connections.close()

    def _tried(
        self, place: Endpoint | None, request: tuple[str, str], headers: Mapping[str, str], body: bytes
    ) -> Answer | None:
        """A plain success; else None."""
        try:
            answer = self._exchanged(place, request, headers, body)
        except (OSError, http.client.HTTPException):
            return None
        return answer if answer and answer.status in _SUCCESSES else None

    def _exchanged(
        self,
        place: Endpoint | None,
        request: tuple[str, str],
        headers: Mapping[str, str],
        body: bytes,
        seconds: float | None = None,
    ) -> Answer | None:
        """What is answered within `seconds`; None if nobody was asked, or the answer is too large."""
        credentials = Credentials.from_env(os.environ)
        if place is None or credentials is None:
            return None
        method, path = request
        target = Target(self._service, os.environ["AWS_REGION"], place.host, method, path)
        told = signed(target, headers, body, credentials)
        return self._connections.exchanged(place, target, told, body, seconds)


class QuickItems(QuickClient):
    """DynamoDB: one item, some, or a query's page, and every kind of write.

    `write_seconds` is how long a write's answer is waited for: whoever asks again sooner meets its own write.
    """

    def __init__(
        self, service: str, full: Callable[[], Any], seconds: float, write_seconds: float = 10
    ) -> None:
        super().__init__(service, full, seconds)
        self._write_seconds = write_seconds

    def get_item(self, **asked: Any) -> Any:
        return self._read("get_item", asked)

    def batch_get_item(self, **asked: Any) -> Any:
        return self._read("batch_get_item", asked)

    def query(self, **asked: Any) -> Any:
        return self._read("query", asked)

    def put_item(self, **asked: Any) -> Any:
        return self._write("put_item", asked)

    def update_item(self, **asked: Any) -> Any:
        return self._write("update_item", asked)

    def delete_item(self, **asked: Any) -> Any:
        return self._write("delete_item", asked)

    def batch_write_item(self, **asked: Any) -> Any:
        return self._write("batch_write_item", asked)

    def transact_write_items(self, **asked: Any) -> Any:
        token = os.urandom(_TOKEN_BYTES).hex()
        return self._write("transact_write_items", {"ClientRequestToken": token} | asked)

    def _read(self, name: str, asked: dict[str, Any]) -> Any:
        headers = {"content-type": _JSON, "x-amz-target": _READS[name]}
        place = endpoint("dynamodb", os.environ)
        answer = self._tried(place, ("POST", "/"), headers, json.dumps(asked).encode())
        if answer is None:
            return getattr(self._full(), name)(**asked)
        return _parsed(answer)

    def _write(self, name: str, asked: dict[str, Any]) -> Any:
        """Raises `ClientError`, as botocore's client would."""
        headers = {"content-type": _JSON, "x-amz-target": _WRITES[name]}
        place = endpoint("dynamodb", os.environ)
        body = json.dumps(asked, default=_base64).encode()
        try:
            answer = self._exchanged(place, ("POST", "/"), headers, body, self._write_seconds)
        except (OSError, http.client.HTTPException):
            answer = None
        if answer and answer.status in _SUCCESSES:
            return _parsed(answer)
        if answer and answer.status == _BAD_REQUEST and (refusal := _refusal(answer)):
            raise ClientError(refusal, _WRITES[name].rpartition(".")[2])
        return getattr(self._full(), name)(**asked)


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
        if answer is None or answer.status not in _SUCCESSES:
            return self._full().send_message_batch(**asked)
        return json.loads(answer.content)


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
        told, body = answer.headers, answer.content
        return {
            "Body": BytesIO(body),
            "ContentLength": len(body),
            "ETag": told.get("ETag", ""),
            "ContentRange": told.get("Content-Range", ""),
        }


def _object(place: Endpoint | None, bucket: str, key: str) -> tuple[Endpoint | None, str]:
    """An object's own host and path; buckets whose names are no single label of a host stay in the path."""
    if place is None or not place.host.endswith(".amazonaws.com") or "." in bucket:
        return place, f"/{bucket}/{key}"
    return Endpoint(place.scheme, f"{bucket}.{place.host}"), f"/{key}"


def with_bytes(found: dict[str, Any]) -> dict[str, Any]:
    """DynamoDB's one type that is not JSON's."""
    if len(found) == 1 and isinstance(found.get("B"), str):
        return {"B": b64decode(found["B"])}
    return found


def _parsed(answer: Answer) -> Any:
    return json.loads(answer.content, object_hook=with_bytes)


def _base64(value: Any) -> str:
    """Raises TypeError for whatever else JSON does not know."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError(type(value).__name__)


def _refusal(answer: Answer) -> Any:
    """What botocore makes of a write that was refused; None of any other answer."""
    try:
        told = json.loads(answer.content)
        code = told["__type"].rpartition("#")[2]
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    if code not in _REFUSALS:
        return None
    message = told.get("message") or told.get("Message") or ""
    reasons = {"CancellationReasons": told["CancellationReasons"]} if "CancellationReasons" in told else {}
    return {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": answer.status},
        **reasons,
    }
