"""MLflow's own client, unmodified, against the registry's door."""

from collections.abc import Iterator
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from functions.registry.api.handler import handler as api
from functions.registry.register_version.handler import handler as register_version
from shelflife.aws.items import Items
from tests.harness.events import LambdaContext, golden, http_event
from tests.harness.http_server import served

LOGGED = "s3://bucket/1/artifacts/model"


@pytest.fixture
def mlflow(table: Items, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with served(api) as url:
        yield MlflowClient(tracking_uri=url, registry_uri=url)


@pytest.fixture
def lesser(table: Items, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with served(api, role="contributor") as url:
        yield MlflowClient(tracking_uri=url, registry_uri=url)


def refused(call: Any, *args: Any, **named: Any) -> str:
    with pytest.raises(MlflowException) as error:
        call(*args, **named)
    return str(error.value.error_code)


def train() -> None:
    register_version(golden("registry/register_version"), LambdaContext())


def test_a_model_is_created_described_tagged_and_deleted(mlflow: MlflowClient) -> None:
    made = mlflow.create_registered_model("my model", tags={"team": "growth"}, description="")
    assert (made.name, made.tags, made.description) == ("my model", {"team": "growth"}, "")
    assert refused(mlflow.create_registered_model, "my model") == "RESOURCE_ALREADY_EXISTS"
    assert refused(mlflow.get_registered_model, "other") == "RESOURCE_DOES_NOT_EXIST"
    mlflow.update_registered_model("my model", "about churn")
    mlflow.set_registered_model_tag("my model", "due", "2027")
    mlflow.delete_registered_model_tag("my model", "team")
    found = mlflow.get_registered_model("my model")
    assert (found.description, found.tags) == ("about churn", {"due": "2027"})
    assert found.last_updated_timestamp >= found.creation_timestamp
    mlflow.delete_registered_model("my model")
    assert refused(mlflow.get_registered_model, "my model") == "RESOURCE_DOES_NOT_EXIST"


def test_versions_are_created_and_found(mlflow: MlflowClient) -> None:
    mlflow.create_registered_model("churn")
    made = mlflow.create_model_version("churn", LOGGED, run_id="r1", tags={"k": "v"}, description="first")
    assert (made.version, made.status, made.current_stage) == ("1", "READY", "None")
    mlflow.create_model_version("churn", LOGGED, run_id="r2")
    found = mlflow.get_model_version("churn", "1")
    assert (found.run_id, found.tags, found.description, found.source) == ("r1", {"k": "v"}, "first", LOGGED)
    assert mlflow.get_model_version_download_uri("churn", "1") == LOGGED
    mlflow.update_model_version("churn", "1", "the first")
    mlflow.set_model_version_tag("churn", "1", "x", "y")
    mlflow.delete_model_version_tag("churn", "1", "k")
    found = mlflow.get_model_version("churn", "1")
    assert (found.description, found.tags) == ("the first", {"x": "y"})
    with pytest.warns(FutureWarning, match="stages"):
        assert [one.version for one in mlflow.get_latest_versions("churn")] == ["2"]
    assert refused(mlflow.get_model_version, "churn", "3") == "RESOURCE_DOES_NOT_EXIST"
    assert refused(mlflow.create_model_version, "nobody", LOGGED) == "RESOURCE_DOES_NOT_EXIST"


def test_aliases_point_to_versions(mlflow: MlflowClient) -> None:
    mlflow.create_registered_model("churn")
    for _ in range(2):
        mlflow.create_model_version("churn", LOGGED)
    mlflow.set_registered_model_alias("churn", "mine", "1")
    mlflow.set_registered_model_alias("churn", "mine", "2")
    assert mlflow.get_model_version_by_alias("churn", "mine").version == "2"
    assert mlflow.get_registered_model("churn").aliases == {"mine": "2"}
    assert mlflow.get_model_version("churn", "2").aliases == ["mine"]
    mlflow.delete_registered_model_alias("churn", "mine")
    mlflow.delete_registered_model_alias("churn", "mine")
    # Stock answers 400 with this code for a missing alias, not a 404.
    assert refused(mlflow.get_model_version_by_alias, "churn", "mine") == "INVALID_PARAMETER_VALUE"
    assert refused(mlflow.set_registered_model_alias, "churn", "mine", "9") == "RESOURCE_DOES_NOT_EXIST"


def test_what_the_platform_trained_is_told_like_what_a_client_logged(mlflow: MlflowClient) -> None:
    mlflow.create_registered_model("churn")
    mlflow.create_model_version("churn", LOGGED)
    mlflow.set_registered_model_alias("churn", "champion", "1")
    train()
    mlflow.set_registered_model_alias("bikeshare", "champion", "1")
    version = mlflow.get_model_version("bikeshare", "1")
    assert (version.aliases, version.run_id) == (["champion"], golden_candidate()["run_id"])
    mlflow.delete_registered_model_alias("bikeshare", "champion")


@pytest.mark.filterwarnings("ignore:.*stages.*:FutureWarning")
def test_stages_are_stocks(mlflow: MlflowClient) -> None:
    mlflow.create_registered_model("churn")
    for _ in range(3):
        mlflow.create_model_version("churn", LOGGED)
    moved = mlflow.transition_model_version_stage("churn", "1", "production")
    assert (moved.version, moved.current_stage) == ("1", "Production")
    mlflow.transition_model_version_stage("churn", "2", "Production", archive_existing_versions=True)
    assert mlflow.get_model_version("churn", "1").current_stage == "Archived"
    latest = {one.current_stage: one.version for one in mlflow.get_latest_versions("churn")}
    assert latest == {"Archived": "1", "Production": "2", "None": "3"}
    assert [one.version for one in mlflow.get_latest_versions("churn", ["PRODUCTION"])] == ["2"]
    assert mlflow.get_registered_model("churn").latest_versions[1].current_stage == "Production"
    for stage, archive in (("live", False), ("Archived", True)):
        code = refused(mlflow.transition_model_version_stage, "churn", "1", stage, archive)
        assert code == "INVALID_PARAMETER_VALUE"
    gone = refused(mlflow.transition_model_version_stage, "churn", "9", "Staging")
    assert gone == "RESOURCE_DOES_NOT_EXIST"


def test_a_rename_takes_versions_aliases_and_tags_along(mlflow: MlflowClient) -> None:
    mlflow.create_registered_model("churn", tags={"team": "growth"})
    mlflow.create_registered_model("taken")
    mlflow.create_model_version("churn", LOGGED, tags={"a": "b"})
    mlflow.set_registered_model_alias("churn", "blue", "1")
    assert refused(mlflow.rename_registered_model, "churn", "taken") == "RESOURCE_ALREADY_EXISTS"
    assert refused(mlflow.rename_registered_model, "nobody", "new") == "RESOURCE_DOES_NOT_EXIST"
    mlflow.rename_registered_model("churn", "attrition")
    renamed = mlflow.get_registered_model("attrition")
    assert (renamed.name, renamed.tags) == ("attrition", {"team": "growth"})
    version = mlflow.get_model_version_by_alias("attrition", "blue")
    assert (version.name, version.version, version.tags) == ("attrition", "1", {"a": "b"})
    assert refused(mlflow.get_registered_model, "churn") == "RESOURCE_DOES_NOT_EXIST"
    assert [one.name for one in mlflow.search_model_versions("name = 'attrition'")] == ["attrition"]


def test_a_deleted_version_takes_its_aliases_along_and_its_number_is_not_given_again(
    mlflow: MlflowClient,
) -> None:
    mlflow.create_registered_model("churn")
    for _ in range(2):
        mlflow.create_model_version("churn", LOGGED)
    mlflow.set_registered_model_alias("churn", "blue", "2")
    mlflow.delete_model_version("churn", "2")
    assert refused(mlflow.get_model_version, "churn", "2") == "RESOURCE_DOES_NOT_EXIST"
    assert refused(mlflow.delete_model_version, "churn", "2") == "RESOURCE_DOES_NOT_EXIST"
    assert refused(mlflow.get_model_version_by_alias, "churn", "blue") == "INVALID_PARAMETER_VALUE"
    assert mlflow.create_model_version("churn", LOGGED).version == "3"
    assert [one.version for one in mlflow.search_model_versions("name = 'churn'")] == ["3", "1"]


def test_a_version_may_come_from_a_version(mlflow: MlflowClient) -> None:
    mlflow.create_registered_model("dev")
    mlflow.create_registered_model("prod")
    mlflow.create_model_version("dev", LOGGED, run_id="r1")
    copied = mlflow.copy_model_version("models:/dev/1", "prod")
    assert (copied.source, copied.run_id) == ("models:/dev/1", "r1")
    assert mlflow.get_model_version_download_uri("prod", copied.version) == LOGGED
    for source in ("file:///etc/passwd", "http://elsewhere/model", "s3://bucket/../model", "runs:/r1/model"):
        assert refused(mlflow.create_model_version, "prod", source) == "INVALID_PARAMETER_VALUE"


def golden_candidate() -> Any:
    return golden("registry/register_version")["candidate"]


def test_moving_an_alias_needs_an_approver(lesser: MlflowClient) -> None:
    train()
    assert refused(lesser.set_registered_model_alias, "bikeshare", "champion", "1") == "PERMISSION_DENIED"
    assert refused(lesser.delete_registered_model_alias, "bikeshare", "champion") == "PERMISSION_DENIED"


def test_models_and_versions_are_searched(mlflow: MlflowClient) -> None:
    for name, tags in (("churn-eu", {}), ("churn-us", {"k": "a,b"})):
        mlflow.create_registered_model(name, tags=tags)
        mlflow.create_model_version(name, LOGGED, run_id=f"run-{name}")
    mlflow.create_registered_model("ask")
    mlflow.set_registered_model_tag("ask", "mlflow.prompt.is_prompt", "true")
    mlflow.create_model_version("churn-us", f"{LOGGED}/2")

    def names(text: str | None = None, **more: Any) -> list[str]:
        return [model.name for model in mlflow.search_registered_models(text, **more)]

    # The client itself leaves prompts out of a search for models.
    assert names() == ["churn-eu", "churn-us"]
    assert names("name ILIKE 'CHURN%'", order_by=["name DESC"]) == ["churn-us", "churn-eu"]
    assert names("tags.k = 'a,b'") == ["churn-us"]
    first = mlflow.search_registered_models(max_results=1)
    assert first.token
    assert names(max_results=1, page_token=first.token) == ["churn-us"]
    assert mlflow.search_registered_models("name = 'churn-us'")[0].latest_versions[0].version == "2"

    def versions(text: str | None = None, **more: Any) -> list[tuple[str, str]]:
        return [(v.name, v.version) for v in mlflow.search_model_versions(text, **more)]

    assert versions("name = 'churn-us'") == [("churn-us", "2"), ("churn-us", "1")]
    assert versions("name = 'churn-us'", order_by=["version_number ASC"])[0] == ("churn-us", "1")
    assert versions("run_id IN ('run-churn-eu', 'run-x')") == [("churn-eu", "1")]
    assert len(versions()) == 3
    assert refused(mlflow.search_registered_models, "colour = 'red'") == "INVALID_PARAMETER_VALUE"
    assert refused(mlflow.search_model_versions, page_token="x") == "INVALID_PARAMETER_VALUE"


def test_numbers_are_numbers_and_what_is_unset_is_left_out(table: Items) -> None:
    train()
    answer = api(
        http_event("GET", "/api/2.0/mlflow/model-versions/get?name=bikeshare&version=1"), LambdaContext()
    )
    assert answer["statusCode"] == 200
    assert '"creation_timestamp":1' in answer["body"]
    assert '"version":"1"' in answer["body"]
    for unset in ("description", "tags", "aliases", "run_link", "null"):
        assert unset not in answer["body"]
    api(http_event("POST", "/api/2.0/mlflow/registered-models/create", {"name": "churn"}), LambdaContext())
    sent = {"name": "churn", "source": "s3://bucket/model"}
    answer = api(http_event("POST", "/api/2.0/mlflow/model-versions/create", sent), LambdaContext())
    # As on stock, what a client left out of a new version is empty.
    assert '"description":"","source":"s3://bucket/model","run_id":"","run_link":""' in answer["body"]
    answer = api(
        http_event("GET", "/api/2.0/mlflow/registered-models/search?filter=name%3D'x'"), LambdaContext()
    )
    assert answer["body"] == "{}"


def test_a_wrong_type_is_named_with_its_value(table: Items) -> None:
    answer = api(http_event("POST", "/api/2.0/mlflow/registered-models/create", {"name": 3}), LambdaContext())
    assert answer["statusCode"] == 400
    assert "INVALID_PARAMETER_VALUE" in answer["body"]
    assert "got 3" in answer["body"]


def test_the_pages_are_led_to_the_files_of_a_version(mlflow: MlflowClient) -> None:
    mlflow.create_registered_model("churn")
    source = "mlflow-artifacts:/7/models/m-1/artifacts"
    mlflow.create_model_version("churn", source, model_id="m-1")
    asked = "/model-versions/get-artifact?name=churn&version=1&path="
    answer = api(http_event("GET", f"{asked}notes/gr%C3%B6%C3%9Fe.txt"), LambdaContext())
    assert answer["statusCode"] == 302
    place = "../ajax-api/2.0/mlflow-artifacts/artifacts/7/models/m-1/artifacts/notes/gr%C3%B6%C3%9Fe.txt"
    assert answer["headers"]["Location"] == place


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("name=churn&version=1&path=../secret", 400),
        ("name=churn&version=1&path=%252e%252e/secret", 400),
        ("name=churn&version=1", 400),
        ("name=churn&version=2&path=MLmodel", 404),
        ("name=other&version=1&path=MLmodel", 404),
    ],
)
def test_files_that_a_version_has_not_are_refused(mlflow: MlflowClient, query: str, status: int) -> None:
    mlflow.create_registered_model("churn")
    mlflow.create_model_version("churn", "mlflow-artifacts:/7/m-1/artifacts", model_id="m-1")
    answer = api(http_event("GET", f"/model-versions/get-artifact?{query}"), LambdaContext())
    assert answer["statusCode"] == status
    assert "error_code" in answer["body"]
