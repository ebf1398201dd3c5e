import pytest

from shelflife.contracts.registry import ModelVersionPromoted
from shelflife.registry.errors import (
    AliasKeptError,
    AliasMovedError,
    AliasNotFoundError,
    InvalidAliasError,
    ModelVersionNotFoundError,
    RegisteredModelNotFoundError,
    TooManyAliasesError,
    VersionNotServableError,
)
from shelflife.registry.model import MOST_ALIASES
from tests.harness.registry import NAME, World

LOGGED = 3


@pytest.fixture
def world() -> World:
    """Versions 1 and 2 were trained by the platform, version 3 was logged by a client."""
    world = World()
    for trained in (True, True, False):
        world.version(trained=trained)
    world.kept.news.clear()
    return world


def promotions(world: World) -> list[ModelVersionPromoted]:
    return [news for news in world.kept.news if isinstance(news, ModelVersionPromoted)]


def test_a_move_says_what_listeners_need(world: World) -> None:
    world.point(1)
    world.point(2)
    _, said = promotions(world)
    assert (said.alias, said.previous_version, said.moved_by) == ("champion", 1, "ada")
    assert said.promoted == world.registry.version(NAME, 2).reference()
    assert world.promotion.serving(NAME, "champion") == said.promoted


def test_a_move_to_where_it_is_changes_and_says_nothing(world: World) -> None:
    world.point(1)
    world.point(1, reason="again")
    assert len(promotions(world)) == 1
    assert len(world.history.of_alias(NAME, "champion", 10, None).items) == 1


def test_history_tells_who_when_why_and_on_what_evidence(world: World) -> None:
    world.point(1)
    world.point(2, evaluation_id="newer")
    world.point(1, reason="roll back", moved_by="eve")
    last, second, first = world.history.of_alias(NAME, "champion", 10, None).items
    assert (last.from_version, last.to_version, last.made_by, last.reason) == (2, 1, "eve", "roll back")
    accepted_on = world.registry.version(NAME, 1).evaluation_id
    assert [move.evaluation_id for move in (first, second, last)] == [accepted_on, "newer", accepted_on]
    assert first.from_version is None


def test_of_two_that_move_an_alias_one_wins(world: World) -> None:
    world.models.meanwhile = [lambda: world.point(1, moved_by="theirs")]
    with pytest.raises(AliasMovedError):
        world.point(2)
    assert [said.promoted.version for said in promotions(world)] == [1]
    world.point(2)
    assert promotions(world)[-1].previous_version == 1


def test_of_two_that_move_and_remove_an_alias_one_wins(world: World) -> None:
    world.point(1, "mine")
    world.models.meanwhile = [lambda: world.point(2, "mine", moved_by="theirs")]
    with pytest.raises(AliasMovedError):
        world.promotion.remove(NAME, "mine", removed_by="eve")
    assert world.promotion.find(NAME, "mine")[1].version == 2


def test_who_moves_another_alias_is_in_nobodys_way(world: World) -> None:
    world.models.meanwhile = [
        lambda: world.point(1, "theirs"),
        lambda: world.registry.tag_model(NAME, "a", "b"),
    ]
    world.point(2, "ours")
    assert world.registry.model(NAME).aliases == {"theirs": 1, "ours": 2}


def test_an_alias_that_a_deployment_follows_stays_servable(world: World) -> None:
    world.point(1, "blue")
    world.use("demand", "blue")
    with pytest.raises(VersionNotServableError, match="deployment 'demand' follows"):
        world.point(LOGGED, "blue")
    with pytest.raises(AliasKeptError, match="deployment 'demand' follows it"):
        world.promotion.remove(NAME, "blue", removed_by="ada")
    assert world.promotion.find(NAME, "blue")[1].version == 1


def test_an_alias_that_nobody_follows_points_to_anything(world: World) -> None:
    world.point(1)
    world.point(LOGGED)
    assert world.promotion.serving(NAME, "champion") is None
    assert [said.promoted.version for said in promotions(world)] == [1]
    world.promotion.remove(NAME, "champion", removed_by="ada")


def test_a_removed_alias_is_gone_but_not_its_history(world: World) -> None:
    world.point(LOGGED, "mine")
    for _ in range(2):
        world.promotion.remove(NAME, "mine", removed_by="eve")
    with pytest.raises(AliasNotFoundError):
        world.promotion.find(NAME, "mine")
    moves = world.history.of_alias(NAME, "mine", 9, None).items
    assert [move.to_version for move in moves] == [None, LOGGED]
    world.point(1, "mine")
    assert world.history.of_alias(NAME, "mine", 9, None).items[0].from_version is None


def test_latest_is_the_highest_version(world: World) -> None:
    assert world.promotion.find(NAME, "Latest")[1].version == LOGGED
    world.create("empty")
    with pytest.raises(AliasNotFoundError):
        world.promotion.find("empty", "latest")


def test_what_is_not_there_is_named(world: World) -> None:
    with pytest.raises(ModelVersionNotFoundError, match="no version 9"):
        world.point(9)
    with pytest.raises(AliasNotFoundError):
        world.promotion.find(NAME, "champion")
    with pytest.raises(RegisteredModelNotFoundError):
        world.promotion.find("nobody", "champion")
    assert world.promotion.serving(NAME, "champion") is None
    assert world.promotion.serving("nobody", "champion") is None


def test_a_model_has_a_bounded_number_of_aliases(world: World) -> None:
    model = world.registry.model(NAME)
    many = {f"a{number}": 1 for number in range(MOST_ALIASES)}
    world.kept.models[NAME] = model.model_copy(update={"aliases": many})
    world.point(2, "a1")
    with pytest.raises(TooManyAliasesError, match="1000 aliases"):
        world.point(2, "one-more")


@pytest.mark.parametrize("alias", ["latest", "Latest", "v1", "V22", "a b", "", ".a", "a/b", "a" * 256])
def test_some_words_are_no_aliases(world: World, alias: str) -> None:
    with pytest.raises(InvalidAliasError):
        world.point(1, alias)
