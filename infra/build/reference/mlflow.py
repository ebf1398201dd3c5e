"""Which endpoints of a stock MLflow server are answered here, all under their `/api` name."""

import re
from dataclasses import dataclass
from pathlib import Path

from infra.build.reference.routes import RouteEntry

_STOCK = Path(__file__).with_name("mlflow_endpoints.txt")
_PARAMETER = re.compile(r"\{\w+\}")
#: Why an endpoint is not answered; the first that its path begins with.
_ABSENT = (
    ("/graphql", "queries are asked by POST, as MLflow's pages do"),
    ("/api/2.0/mlflow/get-online-trace-details", "of a hosted service: a stock server refuses it, too"),
    ("/api/2.0/mlflow/unified-traces", "of a hosted service"),
    ("/api/2.0/mlflow/webhooks", "webhooks: news goes over EventBridge; the list is empty"),
    ("/api/2.0/mlflow/gateway-proxy", "no AI gateway"),
    ("/api/2.0/mlflow/runs/create-promptlab-run", "no AI gateway"),
    ("/api/2.0/mlflow/upload-artifact", "the pages of prompt engineering, which needs the AI gateway"),
    (
        "/api/2.0/mlflow/artifacts/presigned-",
        "files have addresses of their own: `mlflow-artifacts/presigned`, `mpu`",
    ),
    ("/api/3.0/mlflow/datasets", "no evaluation datasets; a search finds none"),
    ("/api/3.0/mlflow/demo", "no demo data"),
    ("/api/3.0/mlflow/gateway", "no AI gateway; its lists are empty"),
    ("/api/3.0/mlflow/genai/evaluate", "no evaluation on the server"),
    ("/api/3.0/mlflow/issues", "no issues; a search finds none"),
    ("/api/3.0/mlflow/jobs", "no jobs on the server"),
    ("/api/3.0/mlflow/label-schemas", "no review of traces by queues"),
    ("/api/3.0/mlflow/prompt-optimization", "no optimization of prompts on the server"),
    ("/api/3.0/mlflow/review-queues", "no review of traces by queues"),
    ("/api/3.0/mlflow/scorer", "no scorers on the server; a list finds none"),
    (
        "/api/3.0/mlflow/traces/calculate-filter-correlation",
        "a statistic that no page or client was seen to ask for",
    ),
    ("/api/3.0/mlflow/ui-telemetry", "the pages' telemetry is off"),
    ("/api/3.0/mlflow/workspaces", "one installation is one workspace; a stage is another"),
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of a stock server, and the route that answers it, or why none does."""

    method: str
    path: str
    route: RouteEntry | None
    absent: str = ""


class UnexplainedEndpointError(ValueError):
    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"{method} {path} is answered by no route, and nothing says why")


def endpoints(routes: list[RouteEntry]) -> list[Endpoint]:
    """All endpoints of a stock server, in the order of their paths.

    Raises:
        UnexplainedEndpointError: one is neither answered nor explained.
    """
    ours = {(route.method, _shape(route.path)): route for route in routes}
    stock = (line.partition(" ") for line in _STOCK.read_text().splitlines())
    return [_endpoint(method, path, ours) for method, _, path in stock]


def _endpoint(method: str, path: str, ours: dict[tuple[str, str], RouteEntry]) -> Endpoint:
    route = ours.get((method, _shape(path)))
    if route:
        return Endpoint(method, path, route)
    for prefix, reason in _ABSENT:
        if path.startswith(prefix):
            return Endpoint(method, path, None, reason)
    raise UnexplainedEndpointError(method, path)


def _shape(path: str) -> str:
    """Parameters may be called differently."""
    return _PARAMETER.sub("{}", path)
