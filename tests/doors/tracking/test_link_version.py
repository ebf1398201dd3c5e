import json

from functions.tracking.link_version.handler import handler as link_version
from functions.tracking.logged_models.handler import handler as logged_models
from tests.harness.events import LambdaContext, golden, http_event

CONTEXT = LambdaContext()
MODELS = "/api/2.0/mlflow/logged-models"


def test_a_logged_model_knows_the_version_that_it_became() -> None:
    made = {"experiment_id": "0", "name": "trees", "source_run_id": "r1"}
    answer = logged_models(http_event("POST", MODELS, made), CONTEXT)
    model = json.loads(answer["body"])["model"]["info"]
    event = golden("tracking/link_version") | {"logged_model_id": model["model_id"]}
    told = {"artifact_uri": model["artifact_uri"], "run_id": "r1"}
    for version in (1, 1, 2):
        assert link_version(event | {"version": version}, CONTEXT) == told
    answer = logged_models(http_event("GET", f"{MODELS}/{model['model_id']}"), CONTEXT)
    (tag,) = json.loads(answer["body"])["model"]["info"]["tags"]
    assert tag["key"] == "mlflow.modelVersions"
    assert json.loads(tag["value"]) == [{"name": "churn", "version": 1}, {"name": "churn", "version": 2}]


def test_a_version_of_no_logged_model_is_linked_to_nothing() -> None:
    event = golden("tracking/link_version")
    for logged_model_id in ("", event["logged_model_id"]):
        found = link_version(event | {"logged_model_id": logged_model_id}, CONTEXT)
        assert found == {"artifact_uri": None, "run_id": None}
