from aws_cdk import aws_lambda
from constructs import Construct

from infra.config import Stage
from infra.constructs.python_function import PythonFunction
from infra.constructs.routes import Route
from infra.constructs.shared_layers import Layer
from infra.constructs.workflow import Workflow
from infra.stacks.context import ContextStack
from infra.stacks.foundation import Foundation
from shelflife.data.settings import TABLE, DataApiSettings, ProfileDatasetSettings, RecordFailureSettings
from shelflife.kernel.names import Context, Prefix
from shelflife.kernel.settings import Settings


class DataStack(ContextStack):
    """Datasets and their immutable versions."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, foundation: Foundation) -> None:
        super().__init__(scope, id, stage=stage, context=Context.DATA, table=TABLE, foundation=foundation)
        artifacts, name = foundation.artifacts, self.table.table_name
        ingest = self._ingest_dataset(name)
        settings = DataApiSettings(
            data_table_name=name,
            artifact_bucket_name=artifacts.bucket_name,
            ingest_dataset_arn=ingest.state_machine.state_machine_arn,
        )
        api = PythonFunction(self, "Api", stage=stage, source="data/api", settings=settings).function
        self.table.grant_read_write_data(api)
        # A presigned address can do what its signer may: put an upload, get a version's file.
        artifacts.grant_put(api, f"{Prefix.UPLOADS}*")
        artifacts.grant_read(api, f"{Prefix.UPLOADS}*")
        artifacts.grant_read(api, f"{Prefix.DATASETS}*")
        ingest.state_machine.grant_start_execution(api)
        self.routes = [Route("/v1/data/{proxy+}", api)]

    def _ingest_dataset(self, table_name: str) -> Workflow:
        artifacts = self.foundation.artifacts
        profile = self._function(
            "ProfileDataset",
            "data/profile_dataset",
            ProfileDatasetSettings(data_table_name=table_name, artifact_bucket_name=artifacts.bucket_name),
        )
        self.table.grant_read_write_data(profile)
        artifacts.grant_read(profile, f"{Prefix.UPLOADS}*")
        artifacts.grant_read(profile, f"{Prefix.DATASETS}*")
        artifacts.grant_put(profile, f"{Prefix.DATASETS}*")
        failure = PythonFunction(
            self,
            "RecordFailure",
            stage=self.stage,
            source="data/record_failure",
            settings=RecordFailureSettings(data_table_name=table_name),
        ).function
        self.table.grant_read_write_data(failure)
        return Workflow(
            self,
            "IngestDataset",
            stage=self.stage,
            source="data/ingest_dataset",
            functions={"profile_dataset": profile, "record_failure": failure},
        )

    def _function(self, id: str, source: str, settings: Settings) -> aws_lambda.Function:
        """With room for a file and for its columns, one at a time."""
        return PythonFunction(
            self,
            id,
            stage=self.stage,
            source=source,
            settings=settings,
            layers=(Layer.CORE, Layer.RUNTIME, Layer.ANALYTICS),
            timeout_seconds=900,
            memory_mb=3008,
            ephemeral_storage_gib=10,
        ).function
