"""Messages that nobody can store end in the dead-letter queue; those beside them are stored."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import steps
from tests.e2e.captures import captured
from tests.e2e.line import NAME, Line, line_inputs
from tests.harness.installation import Platform, eventually

pytestmark = pytest.mark.e2e

DEPLOYMENT = "line-captured"


@pytest.fixture
def queue(platform: Platform) -> Iterator[str]:
    """The capture queue, from which a message that fails comes again in a second."""
    fed = platform.resource("serving", "StoreCaptures", "AWS::Lambda::EventSourceMapping")
    arn = platform.aws("lambda").get_event_source_mapping(UUID=fed)["EventSourceArn"]
    sqs = platform.aws("sqs")
    url = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    asked = {"QueueUrl": url, "AttributeNames": ["VisibilityTimeout"]}
    before = sqs.get_queue_attributes(**asked)["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    yield url
    sqs.set_queue_attributes(QueueUrl=url, Attributes=before)


def test_poison_ends_in_the_dead_letter_queue_alone(
    platform: Platform, line: Line, queue: str, tmp_path: Path
) -> None:
    steps.deploy(platform, DEPLOYMENT, NAME)
    steps.serving(platform, DEPLOYMENT, steps.champion(platform, NAME))
    answered = steps.infer(platform, DEPLOYMENT, line_inputs(), "first")
    eventually(lambda: len(captured(platform, DEPLOYMENT, tmp_path)) == 3, "captured rows")
    good = json.loads(message(answered))
    bodies = [
        "no JSON",
        message(answered, revision=99),
        message(answered, inputs={}),
        json.dumps(good | {"capture_id": "second"}),
    ]
    listen(platform, queue, listens=False)
    entries = [{"Id": str(at), "MessageBody": body} for at, body in enumerate(bodies)]
    sent = platform.aws("sqs").send_message_batch(QueueUrl=queue, Entries=entries)
    assert len(sent["Successful"]) == len(bodies)
    listen(platform, queue, listens=True)
    dead: list[str] = []

    def all_dead() -> bool:
        dead.extend(dead_letters(platform))
        return len(dead) >= 3

    eventually(all_dead, "dead letters")
    assert sorted(dead) == sorted(bodies[:3])
    rows = captured(platform, DEPLOYMENT, tmp_path)
    assert rows["capture_id"].value_counts().to_dict() == {"first": 3, "second": 3}
    stored = platform.log("serving/store_captures", '"messages":4')
    # Batches of four come from other tests, too.
    first = next(told for told in stored if told["failed"])
    assert (first["failed"], first["rows"]) == (3, 3)


def listen(platform: Platform, queue: str, *, listens: bool) -> None:
    """Let the consumer take messages, or none until it is told to: then it gets all of them at once."""
    arn = platform.aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    lambda_ = platform.aws("lambda")
    (mapping,) = lambda_.list_event_source_mappings(EventSourceArn=arn["QueueArn"])["EventSourceMappings"]
    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=listens)


def message(answered: Any, **changes: Any) -> str:
    """What `predict` sends of the request, or something that it would not send."""
    (asked,), (answer,) = line_inputs(), answered["outputs"]
    return json.dumps(
        {
            "capture_id": "poison",
            "deployment": DEPLOYMENT,
            "revision": 1,
            "variant": f"v{answered['model_version']}",
            "model_version": int(answered["model_version"]),
            "latency_ms": 1.5,
            "captured_at": "2026-11-20T12:00:00+00:00",
            "first_row": 0,
            "inputs": {"x": asked["data"]},
            "outputs": {"prediction": answer["data"]},
        }
        | changes
    )


def dead_letters(platform: Platform) -> list[str]:
    sqs = platform.aws("sqs")
    url = platform.resource("serving", "CapturesDeadLetters", "AWS::SQS::Queue")
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for one in received:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return [one["Body"] for one in received]
