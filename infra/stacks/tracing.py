from constructs import Construct

from infra.config import Stage
from infra.constructs.python_function import PythonFunction
from infra.constructs.routes import Route
from infra.stacks.context import ContextStack
from infra.stacks.foundation import Foundation
from shelflife.kernel.names import Context, Prefix
from shelflife.tracing.settings import TABLE, TracingSettings


class TracingStack(ContextStack):
    """Traces, over MLflow's own protocol and OTLP."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, foundation: Foundation) -> None:
        super().__init__(scope, id, stage=stage, context=Context.TRACING, table=TABLE, foundation=foundation)
        settings = TracingSettings(
            tracing_table_name=self.table.table_name, artifact_bucket_name=foundation.artifacts.bucket_name
        )
        api = PythonFunction(
            self, "Api", stage=stage, source="tracing/api", settings=settings, memory_mb=1024
        ).function
        self.table.grant_read_write_data(api)
        foundation.artifacts.grant_read_write(api, f"{Prefix.TRACES}*")
        self.remove_traces = PythonFunction(
            self,
            "RemoveTraces",
            stage=stage,
            source="tracing/remove_traces",
            settings=settings,
            timeout_seconds=300,
            memory_mb=1024,
        ).function
        self.table.grant_read_write_data(self.remove_traces)
        foundation.artifacts.grant_read(self.remove_traces, f"{Prefix.TRACES}*")
        foundation.artifacts.grant_delete(self.remove_traces, f"{Prefix.TRACES}*")
        self.routes = [
            Route("/api/2.0/mlflow/get-trace-artifact", api, methods=("GET",)),
            Route("/api/2.0/mlflow/traces", api),
            Route("/api/2.0/mlflow/traces/{proxy+}", api),
            Route("/api/3.0/mlflow/get-trace-artifact", api, methods=("GET",)),
            Route("/api/3.0/mlflow/traces", api),
            Route("/api/3.0/mlflow/traces/{proxy+}", api),
            Route("/v1/traces", api, methods=("POST",)),
            # Among the artifacts' own addresses, but more specific than those.
            Route(
                "/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/traces/{trace_id}/artifacts/traces.json",
                api,
                methods=("GET", "PUT"),
            ),
        ]
