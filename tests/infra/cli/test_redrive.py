"""Dead letters go back to their queues, and none gets lost on the way."""

import json
from typing import Any

import pytest

from infra.cli import redrive as cli
from infra.cli.cloud import UsageError
from shelflife.aws.clients import client

FUNCTIONS = {"serving/store_captures": "captures", "serving/predict_shadows": "shadows"}


class Cloud:
    """An account with both queues in moto, and of Lambda what says whose queue is whose."""

    def __init__(self, endpoint_url: str | None = "http://localhost") -> None:
        self.endpoint_url = endpoint_url
        self.sqs: Any = client("sqs")
        self.urls: dict[str, str] = {}
        for name in FUNCTIONS.values():
            dead = self.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
            policy = json.dumps({"deadLetterTargetArn": arn(f"{name}-dead"), "maxReceiveCount": 5})
            made = self.sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})
            self.urls |= {name: made["QueueUrl"], f"{name}-dead": dead}

    def client(self, service: str) -> Any:
        return self.sqs if service == "sqs" else self

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self) -> Any:
        functions = [{"FunctionName": name, "Description": f"shelflife test: {name}"} for name in FUNCTIONS]
        return [{"Functions": functions}]

    def list_event_source_mappings(self, **asked: str) -> Any:
        return {"EventSourceMappings": [{"EventSourceArn": arn(FUNCTIONS[asked["FunctionName"]])}]}

    def put(self, queue: str, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.urls[queue], MessageBody=body)

    def count(self, queue: str) -> int:
        asked = ["ApproximateNumberOfMessages"]
        told = self.sqs.get_queue_attributes(QueueUrl=self.urls[queue], AttributeNames=asked)
        return int(told["Attributes"][asked[0]])

    def bodies(self, queue: str) -> list[str]:
        found: list[str] = []
        while some := self.sqs.receive_message(QueueUrl=self.urls[queue], MaxNumberOfMessages=10).get(
            "Messages"
        ):
            found += [one["Body"] for one in some]
        return found


def arn(name: str) -> str:
    return f"arn:aws:sqs:eu-west-1:123456789012:{name}"


@pytest.fixture
def cloud(aws: None, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    monkeypatch.setattr(cli, "_POLL_SECONDS", 0)
    return Cloud()


def redrive(cloud: Any, *, dry_run: bool = False) -> None:
    cli.redrive(cloud, dry_run=dry_run, sleep=lambda _: None)


def test_every_message_goes_back_to_the_queue_that_it_came_from(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = [f"capture {at}" for at in range(23)]
    cloud.put("captures-dead", *sent)
    cloud.put("shadows-dead", "shadow")
    redrive(cloud)
    assert (sorted(cloud.bodies("captures")), cloud.bodies("shadows")) == (sorted(sent), ["shadow"])
    assert (cloud.count("captures-dead"), cloud.count("shadows-dead")) == (0, 0)
    told = capsys.readouterr().out
    assert "serving/store_captures: 23 waiting" in told
    assert "serving/store_captures: 23 moved back" in told


def test_a_dry_run_counts_and_moves_nothing(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.put("captures-dead", "a", "b")
    redrive(cloud, dry_run=True)
    assert (cloud.count("captures-dead"), cloud.count("captures")) == (2, 0)
    told = capsys.readouterr().out.splitlines()
    assert told == ["serving/store_captures: 2 waiting", "serving/predict_shadows: 0 waiting"]


def test_what_is_cut_off_after_sending_is_there_twice_and_never_lost(cloud: Cloud) -> None:
    class CutOffError(BaseException):
        """The command is killed."""

    class Dying:
        def __getattr__(self, name: str) -> Any:
            return getattr(client("sqs"), name)

        def delete_message_batch(self, **_: Any) -> None:
            raise CutOffError

    cloud.put("captures-dead", "a", "b")
    whole, cloud.sqs = cloud.sqs, Dying()
    with pytest.raises(CutOffError):
        redrive(cloud)
    cloud.sqs = whole
    hidden = cloud.sqs.get_queue_attributes(
        QueueUrl=cloud.urls["captures-dead"], AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
    )
    assert hidden["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "2"
    assert sorted(cloud.bodies("captures")) == ["a", "b"]


def test_a_queue_that_takes_nothing_loses_nothing(cloud: Cloud) -> None:
    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(client("sqs"), name)

        def send_message_batch(self, **asked: Any) -> Any:
            return {"Failed": [{"Id": one["Id"], "SenderFault": False} for one in asked["Entries"]]}

    cloud.put("captures-dead", "a")
    cloud.sqs = Full()
    with pytest.raises(UsageError, match="0 moved back, then the queue took no more"):
        redrive(cloud)
    assert cloud.count("captures") == 0


class Moving:
    """SQS's own move: a third of the messages with each look; `ends` as it says."""

    def __init__(self, ends: str) -> None:
        self.ends = ends
        self.looks = 0
        self.started: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(client("sqs"), name)

    def start_message_move_task(self, **asked: str) -> None:
        self.started.append(asked["SourceArn"])

    def list_message_move_tasks(self, **_: str) -> Any:
        self.looks += 1
        task = {"ApproximateNumberOfMessagesMoved": self.looks, "FailureReason": "no such queue"}
        return {"Results": [task | {"Status": self.ends if self.looks == 3 else "RUNNING"}]}


def test_on_aws_the_queue_service_moves_them_itself(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.put("captures-dead", "a", "b", "c")
    cloud.endpoint_url = None
    cloud.sqs = moving = Moving("COMPLETED")
    redrive(cloud)
    assert moving.started == [arn("captures-dead")]
    assert "serving/store_captures: 3 moved back" in capsys.readouterr().out


def test_a_move_that_fails_on_aws_says_why(cloud: Cloud) -> None:
    cloud.put("captures-dead", "a")
    cloud.endpoint_url = None
    cloud.sqs = Moving("FAILED")
    with pytest.raises(UsageError, match="it failed: no such queue"):
        redrive(cloud)


def test_where_nothing_is_installed_the_command_says_so(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud, "paginate", lambda: [{"Functions": []}])
    with pytest.raises(UsageError, match="there is no function 'serving/store_captures' here"):
        redrive(cloud)
