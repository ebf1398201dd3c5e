"""Prompts as MLflow's own client stores them: registered models with a tag, whose versions hold the text."""

from collections.abc import Iterator
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from functions.registry.api.handler import handler as api
from shelflife.aws.items import Items
from tests.harness.http_server import served

GREETING = "Greet {{name}} in {{language}}."


@pytest.fixture
def mlflow(table: Items, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with served(api) as url:
        yield MlflowClient(tracking_uri=url, registry_uri=url)


def refused(call: Any, *args: Any, **named: Any) -> str:
    with pytest.raises(MlflowException) as error:
        call(*args, **named)
    return str(error.value.error_code)


def test_a_prompt_is_registered_and_loaded(mlflow: MlflowClient) -> None:
    first = mlflow.register_prompt("greet", GREETING, commit_message="first", tags={"tone": "warm"})
    assert (first.name, first.version, first.template) == ("greet", 1, GREETING)
    chat = [{"role": "user", "content": GREETING}]
    second = mlflow.register_prompt("greet", chat, commit_message="chat")
    assert (second.version, second.template) == (2, chat)
    loaded = mlflow.get_prompt_version("greet", 1)
    assert loaded is not None
    assert (loaded.template, loaded.commit_message, loaded.tags) == (GREETING, "first", {"tone": "warm"})
    assert loaded.format(name="Ada", language="French") == "Greet Ada in French."
    assert mlflow.load_prompt("prompts:/greet/2").template == chat
    assert mlflow.load_prompt("greet", version=1).template == GREETING
    assert mlflow.load_prompt("prompts:/greet/9", allow_missing=True) is None
    assert mlflow.load_prompt("prompts:/nobody/1", allow_missing=True) is None
    with pytest.raises(MlflowException, match="no version 9"):
        mlflow.load_prompt("prompts:/greet/9")


def test_a_prompt_has_aliases(mlflow: MlflowClient) -> None:
    for text in ("one", "two"):
        mlflow.register_prompt("greet", text)
    mlflow.set_prompt_alias("greet", "production", 1)
    assert mlflow.load_prompt("prompts:/greet@production").template == "one"
    mlflow.set_prompt_alias("greet", "production", 2)
    found = mlflow.get_prompt_version_by_alias("greet", "production")
    assert (found.version, found.aliases) == (2, ["production"])
    assert mlflow.load_prompt("prompts:/greet@latest").template == "two"
    mlflow.delete_prompt_alias("greet", "production")
    assert mlflow.load_prompt("prompts:/greet@production", allow_missing=True) is None


def test_prompts_and_their_versions_are_searched_apart_from_models(mlflow: MlflowClient) -> None:
    mlflow.create_registered_model("greeting-model")
    mlflow.create_model_version("greeting-model", "s3://bucket/model")
    mlflow.register_prompt("greet", "one", tags={"tone": "warm"})
    mlflow.register_prompt("greet", "two")
    mlflow.register_prompt("part", "three")
    assert [one.name for one in mlflow.search_prompts()] == ["greet", "part"]
    assert [one.name for one in mlflow.search_prompts("name = 'part'")] == ["part"]
    assert [one.name for one in mlflow.search_prompts("name LIKE 'gre%'")] == ["greet"]
    first = mlflow.search_prompts(max_results=1)
    assert [one.name for one in mlflow.search_prompts(max_results=1, page_token=first.token)] == ["part"]
    assert [one.name for one in mlflow.search_registered_models()] == ["greeting-model"]
    assert [one.name for one in mlflow.search_model_versions()] == ["greeting-model"]
    versions = mlflow.search_prompt_versions("greet")
    assert [one.version for one in versions] == [2, 1]


def test_a_prompt_and_its_versions_have_tags(mlflow: MlflowClient) -> None:
    mlflow.register_prompt("greet", "one")
    mlflow.set_prompt_tag("greet", "team", "growth")
    mlflow.set_prompt_version_tag("greet", 1, "seen", "yes")
    found = mlflow.get_prompt("greet")
    assert found is not None
    assert found.tags["team"] == "growth"
    version = mlflow.get_prompt_version("greet", 1)
    assert version is not None
    assert version.tags == {"seen": "yes"}
    assert [one.name for one in mlflow.search_prompts("tags.team = 'growth'")] == ["greet"]
    mlflow.delete_prompt_tag("greet", "team")
    mlflow.delete_prompt_version_tag("greet", 1, "seen")
    version = mlflow.get_prompt_version("greet", 1)
    assert version is not None
    assert version.tags == {}


def test_a_prompt_is_deleted_once_it_has_no_versions(mlflow: MlflowClient) -> None:
    mlflow.register_prompt("greet", "one")
    mlflow.delete_prompt_version("greet", "1")
    assert refused(mlflow.get_prompt_version, "greet", 1) == "RESOURCE_DOES_NOT_EXIST"
    assert mlflow.register_prompt("greet", "two").version == 2
    mlflow.delete_prompt_version("greet", "2")
    mlflow.delete_prompt("greet")
    assert mlflow.get_prompt("greet") is None


def test_a_name_is_a_prompts_or_a_models(mlflow: MlflowClient) -> None:
    mlflow.register_prompt("greet", "one")
    mlflow.create_registered_model("churn")
    assert refused(mlflow.create_registered_model, "greet") == "RESOURCE_ALREADY_EXISTS"
    assert refused(mlflow.create_prompt, "churn") == "RESOURCE_ALREADY_EXISTS"
    with pytest.raises(MlflowException):
        mlflow.register_prompt("churn", "one")


def test_a_long_prompt_comes_back_whole_and_a_longer_one_is_refused(mlflow: MlflowClient) -> None:
    text = "ä" * 100_000
    mlflow.register_prompt("long", text)
    assert mlflow.load_prompt("prompts:/long/1").template == text
    with pytest.raises(MlflowException, match=r"100.?000"):
        mlflow.register_prompt("long", text + "x")


def test_a_response_format_and_a_model_config_are_kept(mlflow: MlflowClient) -> None:
    shape = {"type": "object", "properties": {"greeting": {"type": "string"}}}
    mlflow.register_prompt(
        "greet", "one", response_format=shape, model_config={"model_name": "some-model", "temperature": 0.2}
    )
    loaded = mlflow.get_prompt_version("greet", 1)
    assert loaded is not None
    assert loaded.response_format == shape
    assert loaded.model_config is not None
    assert loaded.model_config["temperature"] == 0.2
