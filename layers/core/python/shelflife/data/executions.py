"""Executions of `ingest_dataset`."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shelflife.data.model import Ingestion

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


@dataclass(frozen=True, slots=True)
class SfnExecutions:
    client: "SFNClient"
    state_machine_arn: str

    def start(self, ingestion: Ingestion) -> None:
        asked = {"name": ingestion.name, "ingestion_id": ingestion.ingestion_id}
        try:
            self.client.start_execution(
                stateMachineArn=self.state_machine_arn,
                # The name makes it idempotent: a second execution of the same name is refused for 90 days.
                name=ingestion.ingestion_id,
                input=json.dumps(asked),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
