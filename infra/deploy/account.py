"""The account that is deployed to: AWS itself, or whatever speaks its API at an endpoint."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient


@dataclass(frozen=True)
class Account:
    """Region and endpoint; credentials are found as boto3 finds them, unless the endpoint is local."""

    region: str
    endpoint_url: str | None = None
    account_id: str | None = None

    @cached_property
    def session(self) -> boto3.Session:
        if self.account_id is None:
            return boto3.Session(region_name=self.region)
        # The emulator takes the account from the access key.
        return boto3.Session(
            region_name=self.region,
            aws_access_key_id=self.account_id,
            aws_secret_access_key="local",  # noqa: S106 - any word will do
        )

    @cached_property
    def number(self) -> str:
        return self.account_id or str(self.client("sts").get_caller_identity()["Account"])

    @cached_property
    def s3(self) -> "S3Client":
        found: S3Client = self.client("s3")
        return found

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        found: CloudFormationClient = self.client("cloudformation")
        return found

    @cached_property
    def ssm(self) -> "SSMClient":
        found: SSMClient = self.client("ssm")
        return found

    def client(self, service: str) -> Any:
        return self.session.client(  # type: ignore[call-overload]  # the name is not a literal here
            service, endpoint_url=self.endpoint_url, config=Config(s3={"addressing_style": "path"})
        )

    def resolved(self, name: str) -> str:
        """A name of the assembly with the account's number and region put in."""
        values = {"AWS::AccountId": self.number, "AWS::Region": self.region, "AWS::Partition": "aws"}
        for key, value in values.items():
            name = name.replace(f"${{{key}}}", value)
        return name
