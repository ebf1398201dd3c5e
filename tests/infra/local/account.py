"""The cloud as its users see it, and what tests put into it."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.cloud import LocalCloud

ROLE = "arn:aws:iam::000000000000:role/any"


class Account:
    """The cloud as its users see it: through boto3 and HTTP."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self._session: Any = boto3.Session(
            aws_access_key_id=cloud.account, aws_secret_access_key="local", region_name=cloud.region
        )
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            config = Config(retries={"total_max_attempts": 1}, read_timeout=60)
            self._clients[service] = self._session.client(
                service, endpoint_url=self.cloud.endpoint_url, config=config
            )
        return self._clients[service]

    def name(self, stem: str) -> str:
        return f"{stem}-{uuid.uuid4().hex[:8]}"

    def function(self, source: str | Mapping[str, str], **settings: Any) -> str:
        """Create a function from its handler.py, or from all of its files; its name."""
        files = {"handler.py": source} if isinstance(source, str) else source
        name = settings.pop("FunctionName", None) or self.name("function")
        created = self.client("lambda").create_function(
            FunctionName=name,
            Runtime=settings.pop("Runtime", "python3.13"),
            Role=ROLE,
            Handler=settings.pop("Handler", "handler.handler"),
            Code={"ZipFile": zipped(files)},
            **settings,
        )
        return str(created["FunctionName"])

    def invoke(self, name: str, event: object = None, **options: Any) -> Any:
        """The answer of a function that must not fail."""
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **options)
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return payload

    def failure(self, name: str, event: object = None) -> Any:
        """What a function that must fail failed with."""
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        assert answer["FunctionError"] == "Unhandled"
        return json.loads(answer["Payload"].read())

    def log(self, name: str) -> list[str]:
        found = self.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")
        return [event["message"] for event in found["events"]]

    def stack(self, template: Mapping[str, Any]) -> str:
        """Create a stack and wait for it; its name."""
        client, name = self.client("cloudformation"), self.name("stack")
        client.create_stack(
            StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"]
        )
        return self.settled(name)

    def settled(self, name: str) -> str:
        client = self.client("cloudformation")
        until = time.monotonic() + 30
        while (status := client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]).endswith(
            "_IN_PROGRESS"
        ):
            assert time.monotonic() < until, status
            time.sleep(0.05)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            events = client.describe_stack_events(StackName=name)["StackEvents"]
            raise AssertionError([event.get("ResourceStatusReason") for event in events])
        return name

    def outputs(self, name: str) -> dict[str, str]:
        stack = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def machine(self, definition: Mapping[str, Any]) -> str:
        created = self.client("stepfunctions").create_state_machine(
            name=self.name("machine"), definition=json.dumps(definition), roleArn=ROLE
        )
        return str(created["stateMachineArn"])

    def execute(self, machine: str, given: object = None) -> str:
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=machine, input=json.dumps(given or {})
        )
        return str(started["executionArn"])


def zipped(files: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()
