"""The whole platform on a local cloud, as its callers and its operators see it."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import httpx

from infra.deploy.account import Account
from infra.installation import Endpoints, Installation

T = TypeVar("T")

STAGE = "local"
SCHEDULE = "shelflife-local-drift-scan"
_POLL_SECONDS = 0.1
_ERRORS_FROM = 400
#: A cold function on a busy machine.
_ANSWER_SECONDS = 60


def eventually(question: Callable[[], T], what: str, seconds: float = 60) -> T:
    """Ask until the answer is true, and give it."""
    until = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < until, f"{what}: not in {seconds:g} s, last seen {answer!r}"
        time.sleep(_POLL_SECONDS)
    return answer


def processes(text: str) -> dict[int, str]:
    """Command lines that contain the text, by process id."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,args="], check=True, capture_output=True, text=True
    )
    lines = (line.strip().partition(" ") for line in listed.stdout.splitlines())
    return {int(pid): command for pid, _, command in lines if text in command}


class Platform:
    """A running installation: its API with an admin's token, and its AWS account."""

    def __init__(self, installation: Installation, endpoints: Endpoints) -> None:
        self.installation = installation
        self.folder = installation.folder
        self.endpoints = endpoints
        self.http = httpx.Client(base_url=endpoints.api_url, timeout=_ANSWER_SECONDS)
        self._clients: dict[str, Any] = {}

    def close(self) -> None:
        self.http.close()

    def ask(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> httpx.Response:
        """Any answer; without a token of one's own, an admin asks."""
        headers = {"Authorization": f"Bearer {token or self.endpoints.token}"}
        return self.http.request(method, path, json=body, headers=headers)

    def get(self, path: str) -> Any:
        return self._told("GET", path, None)

    def post(self, path: str, body: Any) -> Any:
        return self._told("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        return self._told("PUT", path, body)

    def delete(self, path: str) -> None:
        self._told("DELETE", path, None)

    def until(self, path: str, done: Callable[[Any], bool], *, seconds: float = 60) -> Any:
        """The answer at the path, once it is as it should be."""
        seen: list[Any] = []

        def is_done() -> bool:
            seen[:] = [self.get(path)]
            return done(seen[0])

        try:
            eventually(is_done, path, seconds)
        except AssertionError as error:
            error.add_note(f"last seen: {seen[0]}")
            raise
        return seen[0]

    @cached_property
    def account(self) -> Account:
        return self.installation.account

    def aws(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.account.client(service)
        return self._clients[service]

    def resource(self, context: str, part: str, kind: str) -> str:
        """The physical id of a stack's one resource of that kind whose logical id has this part."""
        found = self.aws("cloudformation").describe_stack_resources(StackName=f"shelflife-{STAGE}-{context}")
        (resource,) = [
            resource["PhysicalResourceId"]
            for resource in found["StackResources"]
            if resource["ResourceType"] == kind and part in resource["LogicalResourceId"]
        ]
        return str(resource)

    def machine(self, context: str, part: str) -> str:
        return self.resource(context, part, "AWS::StepFunctions::StateMachine")

    def executions(self, machine: str, text: str) -> list[dict[str, Any]]:
        """Executions whose input has this text, newest first, as they are described."""
        states = self.aws("stepfunctions")
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine)
        described = (
            states.describe_execution(executionArn=execution["executionArn"])
            for page in pages
            for execution in page["executions"]
        )
        return [execution for execution in described if text in execution["input"]]

    def states(self, execution_arn: str) -> list[str]:
        """The states that an execution has entered, in order."""
        pages = self.aws("stepfunctions").get_paginator("get_execution_history")
        return [
            event["stateEnteredEventDetails"]["name"]
            for page in pages.paginate(executionArn=execution_arn)
            for event in page["events"]
            if "stateEnteredEventDetails" in event
        ]

    def ended(self, execution_arn: str, seconds: float = 60) -> dict[str, Any]:
        """The execution, once it has ended."""
        described: dict[str, Any] = {}

        def is_over() -> bool:
            described.update(self.aws("stepfunctions").describe_execution(executionArn=execution_arn))
            return bool(described["status"] != "RUNNING")

        eventually(is_over, execution_arn, seconds)
        return described

    def scan(self) -> dict[str, Any]:
        """Run the target of the scan's schedule, as the schedule would; the execution as it ended."""
        target = self.aws("scheduler").get_schedule(Name=SCHEDULE)["Target"]
        started = self.aws("stepfunctions").start_execution(
            stateMachineArn=target["Arn"], input=target["Input"]
        )
        execution = self.ended(started["executionArn"])
        assert execution["status"] == "SUCCEEDED", execution
        return execution

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """Of all objects below a prefix."""
        pages = self.aws("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def objects(self, bucket: str, prefix: str) -> dict[str, bytes]:
        """All objects below a prefix, by key."""
        return {key: self.object(f"s3://{bucket}/{key}") for key in self.keys(bucket, prefix)}

    def object(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body: bytes = self.aws("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def overwrite(self, uri: str, body: bytes) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self.aws("s3").put_object(Bucket=bucket, Key=key, Body=body)

    def log(self, name: str, *texts: str) -> list[dict[str, Any]]:
        """The records of a function (`<context>/<use case>`) that contain every one of the texts."""
        functions = self.aws("lambda").get_paginator("list_functions").paginate()
        (function,) = [
            found
            for page in functions
            for found in page["Functions"]
            if found.get("Description", "").endswith(f": {name}")
        ]
        group = function.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{function['FunctionName']}"
        pages = self.aws("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        lines = [event["message"] for page in pages for event in page["events"]]
        return [
            json.loads(line) for line in lines if line.startswith("{") and all(text in line for text in texts)
        ]

    def _told(self, method: str, path: str, body: Any) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status_code < _ERRORS_FROM, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


class News:
    """Everything that is said on the bus, by way of a rule and a queue of our own."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._heard: list[dict[str, Any]] = []
        self._bus = platform.resource("foundation", "Bus", "AWS::Events::EventBus")
        sqs, events = platform.aws("sqs"), platform.aws("events")
        self._queue = sqs.create_queue(QueueName="e2e-news")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]
        pattern = json.dumps({"source": ["shelflife"]})
        events.put_rule(Name="e2e-news", EventBusName=self._bus, EventPattern=pattern)
        target = {"Id": "queue", "Arn": arn["QueueArn"]}
        events.put_targets(Rule="e2e-news", EventBusName=self._bus, Targets=[target])

    def of(self, detail_type: str, **wanted: object) -> list[dict[str, Any]]:
        """The details of such news with these fields, in the order heard."""
        self._listen()
        details = (event["detail"] for event in self._heard if event["detail-type"] == detail_type)
        return [detail for detail in details if wanted.items() <= detail.items()]

    def say_again(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Put the news on the bus once more, as EventBridge may."""
        entry = {
            "Source": "shelflife",
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "EventBusName": self._bus,
        }
        answer = self._platform.aws("events").put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0

    def _listen(self) -> None:
        sqs = self._platform.aws("sqs")
        while received := sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in received:
                self._heard.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])


def installed(folder: Path, said: list[str]) -> Iterator[Platform]:
    """Start a cloud in the folder, deploy everything, and leave nothing running afterwards."""
    installation = Installation(folder, said.append)
    try:
        platform = Platform(installation, installation.start())
        yield platform
        platform.close()
    finally:
        installation.stop()
    assert processes(str(folder)) == {}
