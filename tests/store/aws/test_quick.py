"""Calls that are tried without botocore: against a server on loopback that behaves as it is told."""

import importlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from shelflife.aws import clients
from shelflife.aws.exchange import LARGEST_BYTES, Endpoint, endpoint
from shelflife.aws.quick import QuickItems, QuickObjects, QuickQueue

ITEM = {"pk": {"S": "a"}, "blob": {"B": "AAE="}}


@dataclass
class Service:
    """Answers the next request with `status`, `body` and `headers`; what it was asked is kept."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    closes: bool = False
    slow: float = 0.0
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)


@dataclass
class Botocore:
    """Stands for the full client: it has an answer of its own."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        def call(**asked: Any) -> Any:
            self.calls.append((name, asked))
            return {"from": "botocore"}

        return call


def forget_clients() -> None:
    """Its session remembers the credentials of its time."""
    clients.made.cache_clear()
    clients._session.cache_clear()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    known = Service()

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            known.asked.append((self.path, {n.lower(): v for n, v in self.headers.items()}, body))
            known.connections.add(self.client_address)
            time.sleep(known.slow)
            # As a server does that has waited for too long: without a word.
            self.close_connection = known.closes
            self.send_response(known.status)
            for name, value in (known.headers | {"Content-Length": str(len(known.body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(known.body)

        do_POST = do_GET  # noqa: N815 - the library's name

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    known.url = f"http://127.0.0.1:{server.server_port}"
    for name, value in {
        "AWS_ENDPOINT_URL": known.url,
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
    }.items():
        monkeypatch.setenv(name, value)
    forget_clients()
    yield known
    forget_clients()
    server.shutdown()
    server.server_close()


@pytest.fixture
def botocore() -> Botocore:
    return Botocore()


@pytest.fixture
def items(botocore: Botocore) -> Iterator[QuickItems]:
    with closing(QuickItems("dynamodb", lambda: botocore, 2)) as client:
        yield client


@pytest.fixture
def objects(botocore: Botocore) -> Iterator[QuickObjects]:
    with closing(QuickObjects("s3", lambda: botocore, 2)) as client:
        yield client


def test_an_item_is_read_without_botocore(service: Service, items: QuickItems, botocore: Botocore) -> None:
    service.body = json.dumps({"Item": ITEM}).encode()
    found = items.get_item(TableName="t", Key={"pk": {"S": "a"}}, ConsistentRead=True)
    assert found == {"Item": {"pk": {"S": "a"}, "blob": {"B": b"\x00\x01"}}}
    ((path, headers, body),) = service.asked
    assert (path, headers["x-amz-target"]) == ("/", "DynamoDB_20120810.GetItem")
    assert (headers["x-amz-security-token"], json.loads(body)["ConsistentRead"]) == ("token", True)
    assert botocore.calls == []


def test_several_items_are_read_without_botocore(
    service: Service, items: QuickItems, botocore: Botocore
) -> None:
    left = {"t": {"Keys": [{"pk": {"S": "b"}}]}}
    service.body = json.dumps({"Responses": {"t": [ITEM]}, "UnprocessedKeys": left}).encode()
    found = items.batch_get_item(RequestItems={"t": {"Keys": [{"pk": {"S": "a"}}, {"pk": {"S": "b"}}]}})
    assert found["Responses"]["t"] == [{"pk": {"S": "a"}, "blob": {"B": b"\x00\x01"}}]
    assert found["UnprocessedKeys"] == left
    assert service.asked[0][1]["x-amz-target"] == "DynamoDB_20120810.BatchGetItem"
    assert botocore.calls == []


def test_a_range_of_an_object_is_read_without_botocore(
    service: Service, objects: QuickObjects, botocore: Botocore
) -> None:
    service.status, service.body = 206, b"234"
    service.headers = {"Content-Range": "bytes 2-4/10", "ETag": '"e"'}
    found = objects.get_object(Bucket="b", Key="folder/ü +.onnx", Range="bytes=2-4")
    assert (found["Body"].read(), found["ContentRange"], found["ETag"]) == (b"234", "bytes 2-4/10", '"e"')
    ((path, headers, _),) = service.asked
    assert (path, headers["range"]) == ("/b/folder/%C3%BC%20%2B.onnx", "bytes=2-4")
    assert botocore.calls == []


SENT = {"pk": {"S": "a"}, "blob": {"B": b"\x00\x01"}}
WRITES: dict[str, dict[str, Any]] = {
    "put_item": {"TableName": "t", "Item": SENT},
    "update_item": {"TableName": "t", "Key": {"pk": {"S": "a"}}, "UpdateExpression": "SET a = :a"},
    "delete_item": {"TableName": "t", "Key": {"pk": {"S": "a"}}},
    "batch_write_item": {"RequestItems": {"t": [{"PutRequest": {"Item": SENT}}]}},
    "transact_write_items": {
        "TransactItems": [{"Put": {"TableName": "t", "Item": SENT}}],
        "ClientRequestToken": "t" * 36,
    },
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_is_what_botocore_would_send(
    service: Service, items: QuickItems, botocore: Botocore, name: str
) -> None:
    service.body = b'{"Attributes":{"blob":{"B":"AAE="}}}'
    assert getattr(items, name)(**WRITES[name])["Attributes"] == {"blob": {"B": b"\x00\x01"}}
    getattr(clients.client("dynamodb"), name)(**WRITES[name])
    (path, headers, body), (their_path, theirs, their_body) = service.asked
    assert (path, json.loads(body)) == (their_path, json.loads(their_body))
    for header in ("x-amz-target", "content-type", "x-amz-security-token"):
        assert headers[header] == theirs[header]
    assert botocore.calls == []


def test_bytes_that_a_batch_did_not_take_can_be_sent_again(service: Service, items: QuickItems) -> None:
    left = {"t": [{"PutRequest": {"Item": ITEM}}]}
    service.body = json.dumps({"UnprocessedItems": left}).encode()
    told = items.batch_write_item(RequestItems=left)
    items.batch_write_item(RequestItems=told["UnprocessedItems"])
    assert json.loads(service.asked[0][2]) == json.loads(service.asked[1][2])


@pytest.mark.parametrize(
    ("code", "reasons"),
    [
        ("ConditionalCheckFailedException", None),
        ("TransactionConflictException", None),
        ("TransactionCanceledException", [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}]),
    ],
)
def test_a_refused_write_is_told_as_botocore_tells_it(
    service: Service, items: QuickItems, botocore: Botocore, code: str, reasons: Any
) -> None:
    service.status = 400
    told = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no"}
    service.body = json.dumps(told | ({"CancellationReasons": reasons} if reasons else {})).encode()
    ours, theirs = refused(items), refused(clients.client("dynamodb"))
    assert str(ours) == str(theirs)
    assert ours.response["Error"] == theirs.response["Error"]
    assert ours.response.get("CancellationReasons") == theirs.response.get("CancellationReasons")
    assert (len(service.asked), botocore.calls) == (2, [])


def refused(client: Any) -> Any:
    with pytest.raises(ClientError) as caught:
        client.transact_write_items(TransactItems=[{"Delete": {"TableName": "t", "Key": {"pk": {"S": "a"}}}}])
    return caught.value


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}'),
        (400, b'{"__type":"com.amazon.coral.service#UnrecognizedClientException"}'),
        (400, b"[]"),
        (400, b"<html>"),
        (400, b'{"__type":1}'),
        (403, b'{"__type":"#ConditionalCheckFailedException"}'),
        (500, b"{}"),
        (503, b""),
    ],
)
def test_a_write_that_may_work_later_is_botocores_under_the_same_token(
    service: Service, items: QuickItems, botocore: Botocore, status: int, body: bytes
) -> None:
    service.status, service.body = status, body
    assert items.transact_write_items(TransactItems=[]) == {"from": "botocore"}
    ((name, asked),) = botocore.calls
    assert (name, asked) == ("transact_write_items", json.loads(service.asked[0][2]))
    assert len(asked["ClientRequestToken"]) == 36


def test_no_two_transactions_have_one_token_but_a_given_one_stays(
    service: Service, items: QuickItems
) -> None:
    items.transact_write_items(TransactItems=[])
    items.transact_write_items(TransactItems=[])
    items.transact_write_items(TransactItems=[], ClientRequestToken="mine")
    tokens = [json.loads(body)["ClientRequestToken"] for _, _, body in service.asked]
    assert len({*tokens}) == 3
    assert tokens[-1] == "mine"


def test_a_write_is_waited_for_longer_than_a_read(service: Service, botocore: Botocore) -> None:
    service.slow = 0.4
    with closing(QuickItems("dynamodb", lambda: botocore, 0.1, write_seconds=20)) as items:
        assert items.put_item(TableName="t", Item={}) == {}
        assert items.get_item(TableName="t") == {"from": "botocore"}
    assert [name for name, _ in botocore.calls] == ["get_item"]


@pytest.mark.usefixtures("service")
def test_a_write_to_a_service_that_is_gone_is_botocores_to_tell(
    items: QuickItems, botocore: Botocore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert items.update_item(TableName="t") == {"from": "botocore"}


def test_what_json_does_not_know_is_no_request(service: Service, items: QuickItems) -> None:
    with pytest.raises(TypeError, match="set"):
        items.put_item(TableName="t", Item={"a": {"SS": {"x"}}})
    assert service.asked == []


@pytest.mark.parametrize("status", [301, 400, 403, 404, 500, 503])
def test_what_is_no_success_is_asked_of_botocore(
    service: Service, items: QuickItems, objects: QuickObjects, botocore: Botocore, status: int
) -> None:
    service.status = status
    assert items.query(TableName="t") == {"from": "botocore"}
    assert objects.get_object(Bucket="b", Key="k") == {"from": "botocore"}
    assert [name for name, _ in botocore.calls] == ["query", "get_object"]


def test_every_other_call_is_botocores(
    service: Service, items: QuickItems, objects: QuickObjects, botocore: Botocore
) -> None:
    items.scan(TableName="t")
    objects.get_object(Bucket="b", Key="k", VersionId="1")
    assert [name for name, _ in botocore.calls] == ["scan", "get_object"]
    assert service.asked == []


def test_a_connection_is_kept_and_made_anew_when_the_other_side_has_closed_it(
    service: Service, items: QuickItems, botocore: Botocore
) -> None:
    items.query(TableName="t")
    service.closes = True
    items.query(TableName="t")
    assert len(service.connections) == 1
    items.query(TableName="t")
    assert (len(service.connections), len(service.asked), botocore.calls) == (2, 3, [])


def test_what_is_too_large_to_be_held_in_memory_is_streamed_by_botocore(
    service: Service, objects: QuickObjects, botocore: Botocore
) -> None:
    service.body = bytes(LARGEST_BYTES + 1)
    assert objects.get_object(Bucket="b", Key="k") == {"from": "botocore"}
    service.body = b"small"
    assert objects.get_object(Bucket="b", Key="k")["Body"].read() == b"small"


@pytest.mark.usefixtures("service")
def test_without_credentials_in_the_environment_botocore_is_asked(
    items: QuickItems, botocore: Botocore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert items.get_item(TableName="t") == {"from": "botocore"}
    assert len(botocore.calls) == 1


@pytest.mark.usefixtures("service")
def test_a_service_that_is_gone_is_botocores_to_tell_but_a_queue_is_not_waited_for_twice(
    items: QuickItems, botocore: Botocore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert items.get_item(TableName="t") == {"from": "botocore"}
    with pytest.raises(EndpointConnectionError):
        QuickQueue("sqs", lambda: botocore, 1).send_message_batch(QueueUrl="q", Entries=[])
    assert [name for name, _ in botocore.calls] == ["get_item"]


def test_messages_are_sent_without_botocore(service: Service, botocore: Botocore) -> None:
    service.body = b'{"Successful":[{"Id":"0"}],"Failed":[]}'
    with closing(QuickQueue("sqs", lambda: botocore, 1)) as queue:
        told = queue.send_message_batch(QueueUrl="q", Entries=[{"Id": "0", "MessageBody": "x"}])
    assert told == {"Successful": [{"Id": "0"}], "Failed": []}
    assert service.asked[0][1]["x-amz-target"] == "AmazonSQS.SendMessageBatch"
    assert botocore.calls == []


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"AWS_REGION": "eu-west-1"}, Endpoint("https", "s3.eu-west-1.amazonaws.com")),
        ({"AWS_REGION": "us-gov-west-1"}, Endpoint("https", "s3.us-gov-west-1.amazonaws.com")),
        ({"AWS_REGION": "cn-north-1"}, None),
        ({"AWS_REGION": "us-isob-east-1"}, None),
        ({}, None),
        ({"AWS_REGION": "eu-west-1", "HTTPS_PROXY": "http://proxy"}, None),
        ({"AWS_REGION": "eu-west-1", "AWS_USE_FIPS_ENDPOINT": "true"}, None),
        ({"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://h:1"}, Endpoint("http", "h:1")),
        ({"AWS_ENDPOINT_URL": "http://h:1", "AWS_ENDPOINT_URL_S3": "http://s:2"}, Endpoint("http", "s:2")),
        ({"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://h:1/path"}, None),
    ],
)
def test_an_endpoint_is_known_or_left_to_botocore(environ: dict[str, str], expected: Endpoint | None) -> None:
    assert endpoint("s3", environ) == expected


def test_only_in_lambda_are_calls_tried_without_botocore(monkeypatch: pytest.MonkeyPatch, aws: None) -> None:
    assert not isinstance(clients.quick_s3(), QuickObjects)
    monkeypatch.setenv("LAMBDA_TASK_ROOT", "/var/task")
    assert isinstance(clients.quick_s3(), QuickObjects)


@pytest.mark.parametrize("context", ["registry", "tracing", "tracking"])
def test_what_mlflows_clients_wait_for_is_read_without_botocore(
    monkeypatch: pytest.MonkeyPatch, aws: None, context: str
) -> None:
    """Making botocore's client takes longer than importing the function."""
    wiring = importlib.import_module(f"shelflife.{context}.wiring")
    for name in (f"{context.upper()}_TABLE_NAME", "ARTIFACT_BUCKET_NAME"):
        monkeypatch.setenv(name, "t")
    assert not isinstance(wiring._items().client, QuickItems)
    monkeypatch.setenv("LAMBDA_TASK_ROOT", "/var/task")
    assert isinstance(wiring._items().client, QuickItems)
