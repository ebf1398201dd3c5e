"""Executions of `train_model`, named after their jobs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shelflife.contracts.training import StartTraining
from shelflife.training.errors import WorkflowNotStartedError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_KNOWN = "ExecutionAlreadyExists"
_UNKNOWN = "ExecutionDoesNotExist"


@dataclass(frozen=True, slots=True)
class SfnExecutions:
    client: "SFNClient"
    state_machine_arn: str

    def start(self, job_id: str, asked: StartTraining) -> str:
        try:
            # A name is taken for 90 days, so a job is started once, however often it is asked for.
            started = self.client.start_execution(
                stateMachineArn=self.state_machine_arn, name=job_id, input=asked.model_dump_json()
            )
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] == _KNOWN:
                return self._arn(job_id)
            raise WorkflowNotStartedError(job_id, str(error)) from error
        return started["executionArn"]

    def stop(self, job_id: str, execution_arn: str | None, reason: str) -> None:
        try:
            self.client.stop_execution(
                executionArn=execution_arn or self._arn(job_id), error="TrainingCancelled", cause=reason
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != _UNKNOWN:
                raise

    def _arn(self, job_id: str) -> str:
        return f"{self.state_machine_arn.replace(':stateMachine:', ':execution:')}:{job_id}"
