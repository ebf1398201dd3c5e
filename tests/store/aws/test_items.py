"""What DynamoDB turns away is tried again after pauses that differ, and then told as what it is."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from shelflife.aws.clients import client, made
from shelflife.aws.items import Items, TableUnavailableError, Write, is_contended, is_lost_condition
from shelflife.tracking.settings import TABLE
from tests.harness.cloud import make_table
from tests.harness.turning_away import told, turning_away

ITEM = {"pk": "a", "sk": "b"}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were waited; nobody waits."""
    told: list[float] = []
    monkeypatch.setattr("shelflife.aws.attempts.sleep", told.append)
    return told


WRITES: list[Callable[[Items], object]] = [
    lambda items: items.put(ITEM),
    lambda items: items.update(("a", "b"), "SET x = :x", values={":x": 1}),
    lambda items: items.delete("a", "b"),
]


@pytest.mark.parametrize("write", WRITES)
def test_a_write_waits_for_a_transaction_that_is_under_way_with_its_item(
    aws: None, pauses: list[float], write: Callable[[Items], object]
) -> None:
    items = make_table(TABLE)
    write(turning_away(items, 3, told("TransactionConflictException")))
    assert len(pauses) == 3
    with pytest.raises(TableUnavailableError, match="TransactionConflictException"):
        write(turning_away(items, 99, told("TransactionConflictException")))


def all_left(kind: str) -> Callable[[dict[str, Any]], Any]:
    return lambda asked: {"Responses": {}, kind: asked["RequestItems"]}


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        ("UnprocessedItems", lambda items: items.write_many(puts=[ITEM])),
        ("UnprocessedKeys", lambda items: items.get_many([("a", "b")])),
        ("TransactionConflictException", lambda items: items.put(ITEM)),
    ],
)
def test_pauses_grow_and_no_two_callers_have_the_same(
    aws: None, pauses: list[float], kind: str, call: Callable[[Items], object]
) -> None:
    items = make_table(TABLE)
    refused = told(kind) if kind.endswith("Exception") else all_left(kind)
    for _ in range(9):
        with pytest.raises(TableUnavailableError, match=kind):
            call(turning_away(items, 99, refused))
    assert len(pauses) == 81
    assert len(set(pauses)) > 70
    first, last = pauses[::9], pauses[8::9]
    assert max(first) <= 0.1 < max(last) <= 1.0


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (told("ProvisionedThroughputExceededException"), "ProvisionedThroughputExceededException"),
        (told("TransactionInProgressException"), "TransactionInProgressException"),
        (told("TransactionCanceledException", "None", "ThrottlingError"), "ThrottlingError"),
    ],
)
def test_what_may_work_later_is_told_so(aws: None, refused: Callable[..., Any], reason: str) -> None:
    items = make_table(TABLE)
    with pytest.raises(TableUnavailableError, match=reason):
        turning_away(items, 1, refused).transact([Write(put=ITEM)])
    assert items.get("a", "b") is None


def test_a_table_that_cannot_be_reached_is_told_so(aws: None) -> None:
    def unreachable(_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://nowhere")

    with pytest.raises(TableUnavailableError):
        turning_away(make_table(TABLE), 1, unreachable).get("a", "b")


def test_a_lost_condition_is_told_whatever_else_was_in_the_way(aws: None) -> None:
    refused = told("TransactionCanceledException", "ThrottlingError", "ConditionalCheckFailed")
    with pytest.raises(ClientError) as caught:
        turning_away(make_table(TABLE), 1, refused).transact([Write(put=ITEM)])
    assert is_lost_condition(caught.value)
    assert not is_contended(caught.value)


def test_reads_see_what_was_written_last(aws: None) -> None:
    """Asked of every call: moto is always consistent."""
    items = make_table(TABLE)
    asked: list[dict[str, Any]] = []

    def noted(call: dict[str, Any]) -> Any:
        asked.append(call)
        return {"Responses": {}, "Items": []}

    items_noting = turning_away(items, 3, noted)
    items_noting.get("a", "b")
    items_noting.get_many([("a", "b")])
    items_noting.query("a", limit=1)
    assert [call.get("ConsistentRead") for call in (asked[0], asked[2])] == [True, True]
    assert asked[1]["RequestItems"][items.table_name]["ConsistentRead"] is True


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch, aws: None) -> Iterator[list[str]]:
    """A DynamoDB that throttles the first three calls; the value are the calls that came."""
    came: list[str] = []

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            came.append(self.headers["x-amz-target"])
            throttled = {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "slow"}
            status, answer = (400, throttled) if len(came) < 4 else (200, {})
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: tests assert on answers."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    made.cache_clear()
    yield came
    client("dynamodb").close()
    made.cache_clear()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_throttled_call_is_tried_again_after_pauses_that_differ(
    busy: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", waited.append)
    items = Items(client("dynamodb"), "table")
    for _ in range(2):
        busy.clear()
        items.put(ITEM)
        assert busy == ["DynamoDB_20120810.PutItem"] * 4
    assert len(set(waited)) == len(waited) == 6
