"""Executions of `deploy_model` that wait for a word."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

#: Nobody waits with this token any more: the state timed out, the execution is over, or it went on already.
_OVER = {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}


@dataclass(frozen=True, slots=True)
class SfnExecutions:
    client: "SFNClient"

    def go_on(self, task_token: str) -> None:
        try:
            self.client.send_task_success(taskToken=task_token, output="{}")
        except ClientError as error:
            if error.response["Error"]["Code"] not in _OVER:
                raise
