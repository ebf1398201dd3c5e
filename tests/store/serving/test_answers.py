from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from shelflife.aws.clients import hurried_dynamodb
from shelflife.aws.items import Items
from shelflife.serving.dynamo_answers import REST_SECONDS, DynamoAnswers
from shelflife.serving.settings import TABLE
from tests.harness.cloud import make_table


def test_bytes_come_back_with_their_time(aws: None) -> None:
    table = make_table(TABLE)
    answers = DynamoAnswers(lambda: table, lambda: 0.0)
    assert answers.read("m#1") is None
    answers.write("m#1", b"\0\xff", 1000.5)
    assert answers.read("m#1") == (b"\0\xff", 1001.0)
    assert answers.read("m#2") is None
    assert table.get("CACHE#m#1", "ANSWER") is not None


def refused() -> Exception:
    told: Any = {"Error": {"Code": "ThrottlingException", "Message": ""}}
    return ClientError(told, "GetItem")


def denied() -> Exception:
    told: Any = {"Error": {"Code": "AccessDeniedException", "Message": ""}}
    return ClientError(told, "PutItem")


def silent() -> Exception:
    return ReadTimeoutError(endpoint_url="table")


@pytest.mark.parametrize("failure", [refused, denied, silent])
def test_a_table_that_fails_is_left_alone_for_a_while(failure: Any) -> None:
    calls: list[str] = []

    class Failing:
        def get_item(self, **asked: Any) -> Any:
            calls.append("get")
            raise failure()

        def put_item(self, **asked: Any) -> Any:
            calls.append("put")
            raise failure()

    client: Any = Failing()
    now = [0.0]
    answers = DynamoAnswers(lambda: Items(client, "table"), lambda: now[0])
    for _ in range(3):
        assert answers.read("m#1") is None
        answers.write("m#1", b"a", 10)
    assert calls == ["get"]
    now[0] = REST_SECONDS
    answers.write("m#1", b"a", 10)
    assert answers.read("m#1") is None
    assert calls == ["get", "put"]


def test_the_client_that_a_request_waits_for_tries_once_and_not_for_long(aws: None) -> None:
    config: Any = hurried_dynamodb().meta.config
    assert config.connect_timeout + config.read_timeout <= 0.5
    assert config.retries["total_max_attempts"] == 1
