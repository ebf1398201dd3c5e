from typing import Any

import pytest

from shelflife.registry import sources
from shelflife.registry.errors import (
    AliasUnknownError,
    InvalidSourceError,
    InvalidStageError,
    ModelVersionNotFoundError,
    RegisteredModelNotFoundError,
)
from shelflife.registry.model import PROMPT_TAG, ModelVersion, NewVersion, Stage
from shelflife.registry.submission import Sent
from tests.harness.registry import NAME, World

FILES = "mlflow-artifacts:/1/r1/artifacts/model"


def submit(world: World, source: str, *, is_prompt: bool = False, **told: Any) -> ModelVersion:
    sent = Sent(NewVersion(source_uri=source, **told), frozenset(told), is_prompt)
    return world.submission.submit(NAME, sent, created_by="ada")[1]


@pytest.mark.parametrize(
    ("source", "run_id", "model_id"),
    [
        ("s3://bucket/model", "", ""),
        ("S3://bucket/model?x=1#f", "any", ""),
        ("dbfs:/model", "", ""),
        ("gs://bucket/model", "", ""),
        (FILES, "r1", ""),
        ("mlflow-artifacts:/custom%20place/r1/artifacts/m", "r1", ""),
        ("mlflow-artifacts:/1/models/m-1/artifacts", "r1", "m-1"),
        ("runs:/r1/model", "r1", ""),
        ("models:/m-1", "", "m-1"),
    ],
)
def test_files_in_storage_are_a_source(source: str, run_id: str, model_id: str) -> None:
    sources.check(source, run_id=run_id, model_id=model_id)


@pytest.mark.parametrize(
    ("source", "run_id", "model_id"),
    [
        ("file:///srv/model", "r1", ""),
        ("/srv/model", "r1", ""),
        ("model", "", ""),
        ("dummy-source", "", ""),
        ("s3://bucket/../model", "", ""),
        ("s3://bucket/%2e%2e/model", "", ""),
        ("s3://bucket/%252e%252e/model", "", ""),
        ("s3://bucket/a\\..\\model", "", ""),
        ("s3://bucket/model%00", "", ""),
        ("http://host/model", "", ""),
        ("ftp://host/model", "", ""),
        ("mlflow-artifacts://host/1/r1/artifacts", "r1", ""),
        (FILES, "", ""),
        (FILES, "r2", ""),
        (FILES, "r1", "m-1"),
        ("runs://model", "", ""),
        ("runs:/r1/model", "", ""),
        ("runs:/r1/model", "r2", ""),
        ("runs:/r1/model", "r1", "m-1"),
        ("models:/m-1", "", ""),
        ("models:/m-1", "", "m-2"),
        ("models://host/m-1", "", "m-1"),
        ("http://[bad", "", ""),
    ],
)
def test_anything_else_is_none(source: str, run_id: str, model_id: str) -> None:
    with pytest.raises(InvalidSourceError, match="invalid model version source"):
        sources.check(source, run_id=run_id, model_id=model_id)


def test_what_was_sent_is_kept(world: World) -> None:
    world.create()
    made = submit(world, FILES, run_id="r1", run_link="link", tags={"a": "b"})
    assert (made.source_uri, made.location, made.run_id, made.run_link) == (FILES, None, "r1", "link")
    with pytest.raises(InvalidSourceError):
        submit(world, "file:///etc", run_id="r1")
    with pytest.raises(RegisteredModelNotFoundError):
        submit(World(), "s3://bucket/model")


@pytest.mark.parametrize("named", ["1", "latest", "production", "@blue"])
def test_a_version_is_a_source_and_hands_on_what_it_is_linked_to(world: World, named: str) -> None:
    world.version("other", source_uri=FILES, run_id="r1", model_id="m-1")
    world.point(1, "blue", name="other")
    world.kept.models["other"] = world.kept.models["other"].model_copy(
        update={"latest": {Stage.PRODUCTION: 1}}
    )
    world.create()
    source = f"models:/other{named}" if named.startswith("@") else f"models:/other/{named}"
    made = submit(world, source)
    assert (made.source_uri, made.location) == ("models:/other/1", FILES)
    assert (made.run_id, made.model_id) == ("r1", "m-1")
    again = submit(world, f"models:/{NAME}/1", run_id="r1")
    assert (again.source_uri, again.location) == (f"models:/{NAME}/1", FILES)


def test_a_version_that_is_not_what_was_said_is_no_source(world: World) -> None:
    world.version("other", run_id="r1")
    world.create()
    for link in ("run_id", "model_id"):
        with pytest.raises(InvalidSourceError, match=f"its {link} is"):
            submit(world, "models:/other/1", is_prompt=False, **{link: "another"})
    for source, error in (
        ("models:/nobody/1", RegisteredModelNotFoundError),
        ("models:/other/9", ModelVersionNotFoundError),
        ("models:/other/staging", ModelVersionNotFoundError),
        ("models:/other/live", InvalidStageError),
        ("models:/other@blue", AliasUnknownError),
        (f"models:/{NAME}/latest", ModelVersionNotFoundError),
    ):
        with pytest.raises(error):
            submit(world, source)


def test_a_prompt_has_no_files(world: World) -> None:
    world.create("ask", **{PROMPT_TAG: "true"})
    world.version("ask", source_uri="dummy-source")
    world.create()
    assert submit(world, "dummy-source", is_prompt=True).source_uri == "dummy-source"
    with pytest.raises(InvalidSourceError, match="a prompt's is one of"):
        submit(world, "s3://bucket/model", is_prompt=True)
    with pytest.raises(InvalidSourceError, match="a prompt has no files"):
        submit(world, "models:/ask/1")
