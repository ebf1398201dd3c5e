import pytest

from shelflife.registry.errors import (
    InvalidStageError,
    ModelVersionKeptError,
    ModelVersionNotFoundError,
    StageMovedError,
)
from shelflife.registry.model import Stage
from shelflife.registry.stages import canonical
from tests.harness.registry import NAME, World

STAGING, PRODUCTION, ARCHIVED, NONE = Stage.STAGING, Stage.PRODUCTION, Stage.ARCHIVED, Stage.NONE


@pytest.fixture
def world() -> World:
    world = World()
    for _ in range(4):
        world.version()
    return world


def stages_of(world: World) -> list[Stage]:
    return [one.stage for one in world.kept.of(world.registry.model(NAME))]


def latest(world: World, *stages: Stage) -> list[int]:
    return [one.version for one in world.stages.latest(world.registry.model(NAME), stages)]


def test_a_version_moves_and_the_latest_of_each_stage_is_known(world: World) -> None:
    assert world.stage(4, STAGING).stage is STAGING
    world.stage(2, STAGING)
    world.stage(1, PRODUCTION)
    assert world.registry.model(NAME).latest == {NONE: 3, STAGING: 4, PRODUCTION: 1}
    assert latest(world) == [1, 3, 4]
    assert latest(world, STAGING, ARCHIVED) == [4]
    world.stage(4, NONE)
    assert world.registry.model(NAME).latest == {NONE: 4, STAGING: 2, PRODUCTION: 1}


def test_others_in_an_active_stage_are_archived_if_that_is_asked(world: World) -> None:
    world.stage(1, PRODUCTION)
    world.stage(2, PRODUCTION)
    assert stages_of(world) == [PRODUCTION, PRODUCTION, NONE, NONE]
    world.stage(3, PRODUCTION, archive=True)
    assert stages_of(world) == [ARCHIVED, ARCHIVED, PRODUCTION, NONE]
    assert world.registry.model(NAME).latest == {NONE: 4, PRODUCTION: 3, ARCHIVED: 2}


def test_more_than_one_transaction_takes_are_archived_too(world: World) -> None:
    for _ in range(60):
        world.version()
    for number in range(1, 61):
        world.stage(number, PRODUCTION)
    world.stage(61, PRODUCTION, archive=True)
    assert stages_of(world) == [ARCHIVED] * 60 + [PRODUCTION] + [NONE] * 3
    assert world.registry.model(NAME).latest == {NONE: 64, PRODUCTION: 61, ARCHIVED: 60}
    entries = world.history.page(NAME, 3, None).items
    assert sorted(version for entry in entries for version in entry.archived) == list(range(1, 61))


def test_nobody_is_archived_for_a_stage_that_is_not_active(world: World) -> None:
    with pytest.raises(InvalidStageError, match="expected Staging or Production"):
        world.stage(1, ARCHIVED, archive=True)
    with pytest.raises(ModelVersionNotFoundError):
        world.stage(9, PRODUCTION, archive=True)


def test_staying_where_it_is_changes_the_time_and_no_history(world: World) -> None:
    before = world.stage(1, STAGING)
    after = world.stage(1, STAGING)
    assert after.updated_at > before.updated_at
    assert world.registry.model(NAME).changes == 2


def test_of_two_that_move_a_version_one_wins(world: World) -> None:
    world.models.meanwhile = [lambda: world.stage(1, STAGING, by="theirs")]
    with pytest.raises(StageMovedError):
        world.stage(1, PRODUCTION)
    assert stages_of(world)[0] is STAGING


def test_of_two_that_promote_with_archiving_one_version_is_left_in_production(world: World) -> None:
    world.models.meanwhile = [lambda: world.stage(2, PRODUCTION, archive=True, by="theirs")]
    world.stage(1, PRODUCTION, archive=True)
    assert stages_of(world) == [PRODUCTION, ARCHIVED, NONE, NONE]


def test_a_deleted_version_is_gone_with_its_aliases_and_its_number(world: World) -> None:
    world.stage(4, STAGING)
    world.point(4, "a")
    world.point(3, "b")
    world.stages.delete(NAME, 4, deleted_by="eve")
    model = world.registry.model(NAME)
    assert (model.aliases, model.latest) == ({"b": 3}, {NONE: 3})
    with pytest.raises(ModelVersionNotFoundError):
        world.stages.delete(NAME, 4, deleted_by="eve")
    assert world.version().version == 5


def test_of_two_that_delete_a_version_one_wins(world: World) -> None:
    world.models.meanwhile = [lambda: world.stages.delete(NAME, 1, deleted_by="theirs")]
    with pytest.raises(ModelVersionNotFoundError):
        world.stages.delete(NAME, 1, deleted_by="eve")


def test_a_version_that_is_live_is_kept(world: World) -> None:
    world.point(2, "blue")
    world.use("demand", "blue", 1)
    with pytest.raises(ModelVersionKeptError, match="it is live, deployment 'demand' serves it"):
        world.stages.delete(NAME, 1, deleted_by="eve")
    with pytest.raises(ModelVersionKeptError, match="deployment 'demand' follows alias 'blue'"):
        world.stages.delete(NAME, 2, deleted_by="eve")
    world.stages.delete(NAME, 3, deleted_by="eve")


def test_stages_are_written_in_any_case() -> None:
    assert [canonical(text) for text in ("none", "STAGING", "Production", "archived")] == list(Stage)
    with pytest.raises(InvalidStageError, match="invalid stage 'Live': expected one of None, Staging"):
        canonical("Live")
