from typing import Any

import pytest

from shelflife.contracts.registry import ModelVersionRegistered, RegisteredModelDeleted, RegisterVersion
from shelflife.contracts.validation import GateResult
from shelflife.registry.errors import (
    CandidateNotPassedError,
    InvalidModelNameError,
    ModelVersionExistsError,
    ModelVersionNotFoundError,
    RegisteredModelBusyError,
    RegisteredModelExistsError,
    RegisteredModelKeptError,
    RegisteredModelNotFoundError,
)
from shelflife.registry.model import PROMPT_TAG, RegisteredModel, Stage
from tests.harness.models import candidate, verdict
from tests.harness.registry import NAME, World


def asked(job_id: str = "job-1", **of_verdict: Any) -> RegisterVersion:
    return RegisterVersion(candidate=candidate(job_id=job_id), verdict=verdict(**of_verdict))


def test_a_candidate_makes_its_model_and_gets_the_next_number(world: World) -> None:
    first, second = world.registry.register(asked("job-1")), world.registry.register(asked("job-2"))
    assert (first.version, second.version) == (1, 2)
    assert first.reference() is not None
    assert (first.evaluation_id, first.source_uri) == ("job-1.first", candidate().model.uri)
    assert world.registry.model(NAME).created_by == "train_model"


def test_a_version_that_can_be_served_is_news_and_another_is_not(world: World) -> None:
    version = world.registry.register(asked("job-1"))
    world.version()
    told = [news.registered for news in world.kept.news if isinstance(news, ModelVersionRegistered)]
    assert told == [version.reference()]
    world.registry.register(asked("job-1"))
    assert len(world.kept.news) == 2


def test_the_same_job_gets_the_same_version_again(world: World) -> None:
    world.registry.register(asked("job-1"))
    world.registry.register(asked("job-2"))
    assert world.registry.register(asked("job-1")).version == 1
    assert world.registry.model(NAME).newest == 2


def test_of_two_registrations_of_one_job_one_wins(world: World) -> None:
    world.create()
    world.models.meanwhile = [lambda: world.registry.register(asked("job-1"))]
    with pytest.raises(ModelVersionExistsError):
        world.registry.register(asked("job-1"))
    assert world.registry.register(asked("job-1")).version == 1


def test_of_two_that_register_for_a_new_model_one_makes_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = world.models.find
    asked_for: list[str] = []

    def late(name: str) -> RegisteredModel | None:
        asked_for.append(name)
        if len(asked_for) == 1:
            world.create()
            return None
        return find(name)

    monkeypatch.setattr(world.models, "find", late)
    assert world.registry.register(asked()).version == 1


def test_of_two_that_want_the_next_number_each_gets_its_own(world: World) -> None:
    world.create()
    world.models.meanwhile = [lambda: world.version(run_id="theirs")]
    assert world.version(run_id="ours").version == 2
    assert [one.run_id for one in world.kept.of(world.registry.model(NAME))] == ["theirs", "ours"]


def test_who_never_gets_through_may_try_again(world: World) -> None:
    world.create()
    world.always_raced()
    with pytest.raises(RegisteredModelBusyError, match="'bikeshare' is being changed"):
        world.version()


@pytest.mark.parametrize(
    "changes",
    [
        {"passed": False},
        {"model_name": "churn"},
        {"gates": [GateResult(gate="mae", passed=False, reason="too high", evidence={})]},
    ],
)
def test_what_did_not_pass_is_not_registered(world: World, changes: dict[str, Any]) -> None:
    with pytest.raises(CandidateNotPassedError):
        world.registry.register(asked(**changes))
    assert NAME not in world.kept.models


def test_what_is_not_there_is_named(world: World) -> None:
    with pytest.raises(RegisteredModelNotFoundError, match="'churn'"):
        world.registry.tag_model("churn", "k", "v")
    with pytest.raises(RegisteredModelNotFoundError):
        world.registry.version("churn", 1)
    with pytest.raises(RegisteredModelNotFoundError):
        world.registry.page_of_versions("churn", 10, None)
    world.create("churn")
    with pytest.raises(ModelVersionNotFoundError, match="'churn' has no version 1"):
        world.registry.version("churn", 1)


def test_a_name_is_taken_once_by_a_model_or_a_prompt(world: World) -> None:
    world.create()
    with pytest.raises(RegisteredModelExistsError, match="a registered model 'bikeshare' already exists"):
        world.create(**{PROMPT_TAG: "true"})
    world.create("ask", **{PROMPT_TAG: "true"})
    with pytest.raises(RegisteredModelExistsError, match="a prompt 'ask' already exists"):
        world.create("ask")


@pytest.mark.parametrize("name", ["", " ", ".", "..", "../x", "a/b", "a:b", "a\nb", "x" * 257])
def test_some_words_are_no_names(world: World, name: str) -> None:
    with pytest.raises(InvalidModelNameError):
        world.create(name)
    world.create("fine")
    with pytest.raises(InvalidModelNameError):
        world.lifecycle.rename("fine", name, renamed_by="ada")


def test_a_rename_takes_everything_along(world: World) -> None:
    world.version(trained=True)
    world.point(1, "blue")
    world.stage(1, Stage.PRODUCTION)
    world.lifecycle.rename(NAME, "demand", renamed_by="eve")
    model, version = world.promotion.find("demand", "blue")
    assert (model.latest, version.model_name, version.stage) == (
        {Stage.PRODUCTION: 1},
        "demand",
        Stage.PRODUCTION,
    )
    reference = version.reference()
    assert reference is not None
    assert (reference.model_name, reference.candidate.model_name) == ("demand", "demand")
    with pytest.raises(RegisteredModelNotFoundError):
        world.registry.model(NAME)
    assert world.version("demand").version == 2


def test_a_rename_to_its_own_name_changes_nothing_and_to_a_taken_one_neither(world: World) -> None:
    world.create("a")
    world.create("b")
    assert world.lifecycle.rename("a", "a", renamed_by="eve") == world.registry.model("a")
    with pytest.raises(RegisteredModelExistsError):
        world.lifecycle.rename("a", "b", renamed_by="eve")
    assert world.registry.model("a").name == "a"


def test_a_deleted_model_is_news_and_its_name_is_free_again(world: World) -> None:
    world.version()
    owner = world.registry.model(NAME).model_id
    world.lifecycle.delete(NAME, deleted_by="eve")
    with pytest.raises(RegisteredModelNotFoundError):
        world.lifecycle.delete(NAME, deleted_by="eve")
    (told,) = [news for news in world.kept.news if isinstance(news, RegisteredModelDeleted)]
    assert (told.model_id, told.model_name) == (owner, NAME)
    assert world.version().version == 1


def test_a_model_that_a_deployment_follows_stays_as_it_is(world: World) -> None:
    world.version(trained=True)
    world.use("demand", "champion")
    with pytest.raises(RegisteredModelKeptError, match="deployment 'demand' follows it"):
        world.lifecycle.delete(NAME, deleted_by="eve")
    with pytest.raises(RegisteredModelKeptError, match="deployment 'demand' follows it"):
        world.lifecycle.rename(NAME, "other", renamed_by="eve")
    assert world.registry.model(NAME).newest == 1


def test_tags_and_descriptions_do_not_undo_each_other(world: World) -> None:
    world.create()
    world.models.meanwhile = [lambda: world.registry.tag_model(NAME, "theirs", "1")]
    world.registry.tag_model(NAME, "ours", "2")
    world.registry.describe_model(NAME, "bikes")
    found = world.registry.model(NAME)
    assert (found.tags, found.description) == ({"theirs": "1", "ours": "2"}, "bikes")
    assert world.registry.tag_model(NAME, "theirs", None).tags == {"ours": "2"}
