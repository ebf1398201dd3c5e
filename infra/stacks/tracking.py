from aws_cdk import Duration, aws_lambda, aws_lambda_event_sources
from constructs import Construct

from infra.config import Stage
from infra.constructs.python_function import PythonFunction
from infra.constructs.routes import Route
from infra.constructs.shared_layers import Layer
from infra.stacks.context import ContextStack
from infra.stacks.foundation import Foundation
from shelflife.kernel.names import Context, Prefix
from shelflife.tracking.settings import TABLE, TrackingSettings


class TrackingStack(ContextStack):
    """Experiments and runs, over MLflow's own protocol; the registry's part of it is the registry's."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, foundation: Foundation) -> None:
        super().__init__(scope, id, stage=stage, context=Context.TRACKING, table=TABLE, foundation=foundation)
        settings = TrackingSettings(
            tracking_table_name=self.table.table_name, artifact_bucket_name=foundation.artifacts.bucket_name
        )
        api = PythonFunction(
            self, "Api", stage=stage, source="tracking/api", settings=settings, memory_mb=1024
        ).function
        self.table.grant_read_write_data(api)
        index_runs = PythonFunction(
            self, "IndexRuns", stage=stage, source="tracking/index_runs", settings=settings
        ).function
        self.table.grant_read_write_data(index_runs)
        index_runs.add_event_source(self._changed_runs())
        artifacts = PythonFunction(
            self, "Artifacts", stage=stage, source="tracking/artifacts", settings=settings
        ).function
        foundation.artifacts.grant_read_write(artifacts, f"{Prefix.TRACKING}*")
        self.table.grant_read_data(artifacts)
        models = PythonFunction(
            self, "LoggedModels", stage=stage, source="tracking/logged_models", settings=settings
        ).function
        self.table.grant_read_write_data(models)
        self.link_version = PythonFunction(
            self, "LinkVersion", stage=stage, source="tracking/link_version", settings=settings
        ).function
        self.table.grant_read_write_data(self.link_version)
        adopt = PythonFunction(
            self, "Adopt", stage=stage, source="tracking/adopt", settings=settings
        ).function
        self.table.grant_read_write_data(adopt)
        graphql = PythonFunction(
            self,
            "Graphql",
            stage=stage,
            source="tracking/graphql",
            settings=settings,
            layers=(Layer.CORE, Layer.RUNTIME, Layer.GRAPHQL),
            memory_mb=1024,
        ).function
        # The default experiment is made by whoever comes first.
        self.table.grant_read_write_data(graphql)
        pages = PythonFunction(
            self,
            "Pages",
            stage=stage,
            source="tracking/pages",
            layers=(Layer.CORE, Layer.RUNTIME, Layer.PAGES),
        ).function
        self.routes = [
            Route("/", pages, methods=("GET",), pages=True),
            Route("/static-files/{proxy+}", pages, methods=("GET",), public=True),
            *self._absent(pages),
            Route("/api/2.0/mlflow/{proxy+}", api),
            Route("/api/2.0/mlflow/logged-models", models),
            Route("/api/2.0/mlflow/logged-models/{proxy+}", models),
            Route("/api/2.0/mlflow/logged-models/{model_id}/artifacts/{proxy+}", artifacts),
            Route("/api/2.0/mlflow/artifacts/{proxy+}", artifacts),
            Route("/get-artifact", artifacts, methods=("GET",), pages=True),
            Route("/graphql", graphql, methods=("POST",), pages=True),
            Route("/api/2.0/mlflow-artifacts/{proxy+}", artifacts),
            Route("/api/3.0/mlflow/{proxy+}", api),
            Route("/api/3.0/mlflow/server-info", api, methods=("GET",), public=True),
            Route("/v1/tracking/{proxy+}", adopt),
            Route("/health", api, methods=("GET",), public=True),
            Route("/version", api, methods=("GET",), public=True),
        ]

    @staticmethod
    def _absent(pages: aws_lambda.IFunction) -> list[Route]:
        """What MLflow's pages ask of features that are not here."""
        found = (
            ("2.0/mlflow/users/current", "GET"),
            ("2.0/mlflow/gateway-proxy", "GET"),
            ("2.0/mlflow/webhooks", "GET"),
            ("3.0/mlflow/assistant/{proxy+}", "GET"),
            ("3.0/mlflow/datasets/search", "POST"),
            ("3.0/mlflow/gateway/{proxy+}", "GET"),
            ("3.0/mlflow/issues/search", "POST"),
            ("3.0/mlflow/mcp-servers", "GET"),
            ("3.0/mlflow/scorers/{proxy+}", "GET"),
            ("3.0/mlflow/ui-telemetry", "GET"),
            ("3.0/mlflow/users/current/permissions", "GET"),
        )
        return [Route(f"/api/{path}", pages, methods=(method,)) for path, method in found]

    def _changed_runs(self) -> aws_lambda_event_sources.DynamoEventSource:
        """Runs whose index entries are to be written; one that is logged to all the time waits a second."""
        changed = {
            "dynamodb": {
                "Keys": {"sk": {"S": aws_lambda.FilterRule.is_equal("RUN")}},
                "NewImage": {"settled": {"BOOL": [False]}},
            }
        }
        return aws_lambda_event_sources.DynamoEventSource(
            self.table,
            starting_position=aws_lambda.StartingPosition.TRIM_HORIZON,
            batch_size=100,
            max_batching_window=Duration.seconds(1),
            bisect_batch_on_error=True,
            report_batch_item_failures=True,
            retry_attempts=10,
            max_record_age=Duration.hours(12),
            on_failure=aws_lambda_event_sources.SqsDlq(self.dead_letters),
            filters=[aws_lambda.FilterCriteria.filter(changed)],
        )
