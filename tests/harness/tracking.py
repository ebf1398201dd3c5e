"""Tracking's functions behind one door, as the API's routes divide their paths."""

from typing import Any

from functions.tracking.api.handler import handler as api
from functions.tracking.artifacts.handler import handler as artifacts
from functions.tracking.graphql.handler import handler as graphql
from functions.tracking.logged_models.handler import handler as logged_models
from shelflife.entry.gateway import canonical, path_of

_MODELS = "/api/2.0/mlflow/logged-models"
_FILES = ("/api/2.0/mlflow-artifacts/", "/api/2.0/mlflow/artifacts/", "/get-artifact")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    path = path_of(canonical(event))
    if path == "/graphql":
        return graphql(event, context)
    if path.startswith(_FILES) or (path.startswith(_MODELS) and "/artifacts/" in path):
        return artifacts(event, context)
    return logged_models(event, context) if path.startswith(_MODELS) else api(event, context)
