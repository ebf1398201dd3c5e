"""Deploy an assembly with CloudFormation's own calls: create or update, wait, say what failed and why.

No CDK command and no bootstrap stack: what `cdk bootstrap` would have made and the assets need (a bucket, a
version parameter) is made when it is missing, so the same code serves any endpoint that speaks it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from botocore.exceptions import ClientError

from infra.deploy.account import Account
from infra.deploy.assembly import StackArtifact
from infra.deploy.assets import hand_over, upload

_BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
_TEMPLATE_LIMIT = 51_200
_POLL_SECONDS = 0.2
_CAPABILITIES: tuple[Literal["CAPABILITY_IAM"], Literal["CAPABILITY_NAMED_IAM"]] = (
    "CAPABILITY_IAM",
    "CAPABILITY_NAMED_IAM",
)

Outcome = Literal["created", "updated", "unchanged"]
Say = Callable[[str, str], None]


class DeploymentFailedError(RuntimeError):
    """A stack did not become what was asked; names the resources that failed and their reasons."""

    def __init__(self, stack: str, status: str, reasons: list[str]) -> None:
        lines = "\n".join(f"  {reason}" for reason in reasons) or "  no resource said why"
        super().__init__(f"stack {stack} is {status}:\n{lines}")


@dataclass(frozen=True, slots=True)
class Deployer:
    """`say` is told (stack, what is happening); `images` is the folder of images of a local cloud."""

    account: Account
    say: Say
    images: Path | None = None

    def prepare(self, stacks: list[StackArtifact]) -> None:
        """Make what assets need, when it is missing."""
        named = {one.bucket for one in stacks} | {file.bucket for one in stacks for file in one.files}
        for bucket in sorted(map(self.account.resolved, named)):
            try:
                self.account.s3.head_bucket(Bucket=bucket)
            except ClientError:
                self.account.s3.create_bucket(
                    Bucket=bucket,
                    CreateBucketConfiguration={"LocationConstraint": self.account.region},  # type: ignore[typeddict-item]  # any region
                )
        try:
            self.account.ssm.get_parameter(Name=_BOOTSTRAP_VERSION)
        except ClientError:
            self.account.ssm.put_parameter(Name=_BOOTSTRAP_VERSION, Value="30", Type="String")

    def deploy(self, stack: StackArtifact) -> Outcome:
        """Bring one stack to its template.

        Raises:
            DeploymentFailedError: it did not get there.
        """
        sent = sum(upload(self.account, asset) for asset in stack.files)
        for image in stack.images:
            hand_over(self.account, image, self.images)
        if sent:
            self.say(stack.name, f"{sent} assets sent")
        status = self._settled(stack.name)
        if status in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"}:
            # CloudFormation takes nothing but a deletion from a stack whose creation failed.
            self.account.cloudformation.delete_stack(StackName=stack.name)
            status = self._settled(stack.name)
        exists = status is not None and status != "DELETE_COMPLETE"
        if not self._asked(stack, exists=exists):
            return "unchanged"
        self.say(stack.name, "updating" if exists else "creating")
        status = self._settled(stack.name) or "gone"
        if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            raise DeploymentFailedError(stack.name, status, self._reasons(stack.name))
        return "updated" if exists else "created"

    def outputs(self, stack_name: str) -> dict[str, str]:
        (found,) = self.account.cloudformation.describe_stacks(StackName=stack_name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def _asked(self, stack: StackArtifact, *, exists: bool) -> bool:
        """Ask for the template; whether there was anything to change."""
        cloudformation = self.account.cloudformation
        body = stack.template.read_text()
        if len(body) > _TEMPLATE_LIMIT:
            bucket = self.account.resolved(stack.bucket)
            key = f"templates/{stack.name}.json"
            self.account.s3.put_object(Bucket=bucket, Key=key, Body=body.encode())
            host = self.account.endpoint_url or f"https://s3.{self.account.region}.amazonaws.com"
            template = {"TemplateURL": f"{host}/{bucket}/{key}"}
        else:
            template = {"TemplateBody": body}
        change = cloudformation.update_stack if exists else cloudformation.create_stack
        try:
            change(StackName=stack.name, Capabilities=list(_CAPABILITIES), **template)  # type: ignore[arg-type]  # both take these
        except ClientError as error:
            if "No updates" in error.response["Error"].get("Message", ""):
                return False
            raise
        return True

    def _settled(self, stack_name: str) -> str | None:
        """The stack's status once nothing is going on; nothing if there is no stack."""
        while True:
            try:
                (found,) = self.account.cloudformation.describe_stacks(StackName=stack_name)["Stacks"]
            except ClientError as error:
                if "does not exist" in error.response["Error"].get("Message", ""):
                    return None
                raise
            if not found["StackStatus"].endswith("_IN_PROGRESS"):
                return found["StackStatus"]
            time.sleep(_POLL_SECONDS)

    def _reasons(self, stack_name: str) -> list[str]:
        events = self.account.cloudformation.describe_stack_events(StackName=stack_name)["StackEvents"]
        return [
            f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"
            for event in events
            if event["ResourceStatus"].endswith("_FAILED")
        ]
