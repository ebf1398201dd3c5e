import pytest

from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.registry import ModelVersionPromoted, ModelVersionRegistered, ModelVersionSubmitted
from shelflife.contracts.tracking import LinkedModel
from shelflife.registry import inspection
from shelflife.registry.found import Search
from shelflife.registry.model import PROMPT_TAG, NewVersion
from shelflife.registry.submission import Sent
from tests.harness.registry import NAME, World
from tests.unit.registry.test_onnx import product

FOLDER = "1/models/m-1/artifacts"
SOURCE = f"mlflow-artifacts:/{FOLDER}"


@pytest.fixture
def world() -> World:
    """Version 1 was logged with one ONNX file."""
    world = World()
    world.files.artifacts = {
        f"{FOLDER}/MLmodel": b"flavors: {}",
        f"{FOLDER}/model.onnx": product().SerializeToString(),
        "1/models/m-1/artifacts-of-another/other.onnx": b"x",
    }
    world.version(source_uri=SOURCE, run_id="r1", model_id="m-1")
    return world


def inspect(world: World, number: int = 1, name: str = NAME) -> tuple[bool, str | None]:
    told = world.inspection.inspect(world.registry.model(name).model_id, number)
    return told.servable, told.reason


def told(world: World) -> list[ModelVersionReference]:
    return [news.registered for news in world.kept.news if isinstance(news, ModelVersionRegistered)]


def test_what_a_client_registers_is_said_to_be_looked_at(world: World) -> None:
    (news,) = world.kept.news
    assert isinstance(news, ModelVersionSubmitted)
    owner = world.registry.model(NAME).model_id
    assert (news.model_id, news.model_name, news.version) == (owner, NAME, 1)
    world.create("ask", **{PROMPT_TAG: "true"})
    world.version("ask", source_uri="dummy-source", tags={PROMPT_TAG: "true"})
    assert len(world.kept.news) == 1


def test_a_model_in_onnx_can_be_served_and_is_told_like_a_trained_one(world: World) -> None:
    assert inspect(world) == (True, None)
    version = world.registry.version(NAME, 1)
    assert told(world) == [version.reference()]
    candidate = version.candidate
    assert candidate is not None
    assert [one.name for one in candidate.signature.inputs] == ["x"]
    assert (candidate.run_id, candidate.dataset, candidate.holdout) == ("r1", None, None)
    assert world.files.kept[candidate.model.uri] == product().SerializeToString()
    world.point(1)
    assert world.promotion.serving(NAME, "champion") == version.reference()


def test_an_alias_that_was_set_before_is_told_then(world: World) -> None:
    world.point(1, "blue")
    world.point(1, "no.name" * 20)
    inspect(world)
    promoted = [news for news in world.kept.news if isinstance(news, ModelVersionPromoted)]
    assert [(news.alias, news.promoted.version, news.moved_by) for news in promoted] == [("blue", 1, "ada")]


def test_looking_twice_changes_and_tells_nothing(world: World) -> None:
    for _ in range(2):
        assert inspect(world) == (True, None)
    assert len(told(world)) == 1
    world.version(source_uri="s3://elsewhere/model")
    first = inspect(world, 2)
    world.files.artifacts.clear()
    assert inspect(world, 2) == first
    assert inspect(world) == (True, None)


def test_of_two_who_look_at_once_one_tells(world: World) -> None:
    world.models.meanwhile = [lambda: inspect(world)]
    assert inspect(world) == (True, None)
    assert len(told(world)) == 1


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "there is no ONNX file among its artifacts"),
        ({"model.pkl": b"x"}, "there is no ONNX file among its artifacts"),
        (
            {"a.onnx": b"x", "b.onnx": b"x"},
            "there are several ONNX files among its artifacts: a.onnx, b.onnx",
        ),
        ({"model.onnx": b"x"}, "its file is no ONNX model"),
    ],
)
def test_what_cannot_be_served_stays_registered_and_says_why(
    world: World, files: dict[str, bytes], reason: str
) -> None:
    world.files.artifacts = {f"2/{name}": body for name, body in files.items()}
    world.version(source_uri="mlflow-artifacts:/2")
    servable, why = inspect(world, 2)
    assert not servable
    assert f"it cannot be served: {reason}" in str(why)
    version = world.registry.version(NAME, 2)
    assert (version.candidate, version.status_message) == (None, why)
    assert told(world) == []


def test_the_usual_file_is_meant_among_several(world: World) -> None:
    world.files.artifacts[f"{FOLDER}/another.onnx"] = b"x"
    assert inspect(world) == (True, None)


def test_files_elsewhere_are_not_looked_at(world: World) -> None:
    world.version(source_uri="s3://elsewhere/model")
    assert inspect(world, 2) == (
        False,
        "it cannot be served: its files are not in the platform's storage, but at 's3://elsewhere/model'",
    )


def test_what_is_too_large_for_serving_is_not_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "MOST_BYTES", 100)
    assert inspect(world) == (False, "it cannot be served: it has more than 100 bytes")


def test_a_name_that_no_deployment_could_have_is_told(world: World) -> None:
    world.version("my model", source_uri=SOURCE)
    servable, why = inspect(world, name="my model")
    assert not servable
    assert "no deployment can be of a model called 'my model'" in str(why)


def test_what_was_deleted_meanwhile_is_no_fault(world: World) -> None:
    gone = world.registry.model(NAME).model_id
    assert world.inspection.inspect(gone, 9).reason == "it was deleted meanwhile"
    world.lifecycle.delete(NAME, deleted_by="eve")
    assert world.inspection.inspect(gone, 1).reason == "it was deleted meanwhile"


def test_a_version_that_is_copied_can_be_served_at_once(world: World) -> None:
    inspect(world)
    world.create("prod")
    sent = Sent(NewVersion(source_uri=f"models:/{NAME}/1"), frozenset(), is_prompt=False)
    _, copied = world.submission.submit("prod", sent, created_by="ada")
    reference = copied.reference()
    assert reference is not None
    assert (reference.model_name, reference.candidate.model_name) == ("prod", "prod")
    assert told(world)[-1] == reference


def test_the_logged_model_says_where_the_files_are_and_whose_run_it_was(world: World) -> None:
    world.version(source_uri="models:/m-1", model_id="m-1", run_id="")
    linked = LinkedModel(artifact_uri=SOURCE, run_id="r7")
    told = world.inspection.inspect(world.registry.model(NAME).model_id, 2, linked)
    assert told.servable
    version = world.registry.version(NAME, 2)
    assert (version.location, version.run_id) == (SOURCE, "r7")
    search = Search("run_id = 'r7'", (), 9, None)
    found = world.searching.find_versions(search).things
    assert [owned[1].version for owned, _ in found] == [2]


def test_what_a_client_said_itself_stays(world: World) -> None:
    linked = LinkedModel(artifact_uri="mlflow-artifacts:/elsewhere", run_id="r7")
    world.inspection.inspect(world.registry.model(NAME).model_id, 1, linked)
    version = world.registry.version(NAME, 1)
    assert (version.location, version.run_id) == (None, "r1")
