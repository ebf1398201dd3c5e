from datetime import timedelta

import pytest

from shelflife.registry.errors import AliasNotFoundError, RegisteredModelNotFoundError
from shelflife.registry.history import Then
from shelflife.registry.model import ChangeKind, Stage
from tests.harness.registry import NAME, NOON, World


@pytest.fixture
def world() -> World:
    """Versions 1 and 2; 1 was champion and in production, then 2 took over, then 1 was deleted."""
    world = World()
    for _ in range(2):
        world.version()
    world.point(1)
    world.point(1, "old")
    world.stage(1, Stage.PRODUCTION, by="eve")
    world.point(2)
    world.stage(2, Stage.PRODUCTION, archive=True)
    world.stages.delete(NAME, 1, deleted_by="eve")
    return world


def held(then: Then) -> tuple[dict[str, int], dict[str, list[int]]]:
    return (
        {alias: one.version for alias, one in then.aliases.items()},
        {stage.value: [one.version for one in found] for stage, found in then.stages.items()},
    )


def test_what_was_in_production_at_a_time_is_told(world: World) -> None:
    changes = world.history.page(NAME, 50, None).items[::-1]
    seen = [held(world.history.at(NAME, change.happened_at)) for change in changes]
    assert seen == [
        ({}, {}),
        ({"champion": 1}, {}),
        ({"champion": 1, "old": 1}, {}),
        ({"champion": 1, "old": 1}, {"Production": [1]}),
        ({"champion": 2, "old": 1}, {"Production": [1]}),
        ({"champion": 2, "old": 1}, {"Archived": [1], "Production": [2]}),
        ({"champion": 2}, {"Production": [2]}),
    ]
    production = world.history.at(NAME, changes[3].happened_at).stages[Stage.PRODUCTION][0]
    assert (production.made_by, production.since) == ("eve", changes[3].happened_at)


def test_between_two_changes_the_earlier_one_holds(world: World) -> None:
    changes = world.history.page(NAME, 50, None).items[::-1]
    just_before = changes[4].happened_at - timedelta(microseconds=1)
    assert held(world.history.at(NAME, just_before))[0]["champion"] == 1


def test_every_change_is_told_newest_first_in_pages(world: World) -> None:
    kinds, cursor = [], None
    while True:
        page = world.history.page(NAME, 2, cursor)
        kinds += [change.kind for change in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert kinds == [
        ChangeKind.VERSION_DELETED,
        ChangeKind.STAGE_MOVED,
        ChangeKind.ALIAS_MOVED,
        ChangeKind.STAGE_MOVED,
        ChangeKind.ALIAS_MOVED,
        ChangeKind.ALIAS_MOVED,
        ChangeKind.MODEL_CREATED,
    ]


def test_a_renamed_models_history_is_told_under_both_names(world: World) -> None:
    before = world.history.page(NAME, 50, None).items
    world.lifecycle.rename(NAME, "demand", renamed_by="eve")
    world.point(2, "blue", name="demand")
    now, old = world.history.page("demand", 50, None).items, world.history.page(NAME, 50, None).items
    assert [change.kind for change in now[:2]] == [ChangeKind.ALIAS_MOVED, ChangeKind.MODEL_RENAMED]
    assert (now[1].model_name, now[1].to_name) == (NAME, "demand")
    assert now[2:] == before
    assert old == now[1:]
    assert held(world.history.at("demand", now[0].happened_at))[0] == {"champion": 2, "blue": 2}
    assert held(world.history.at(NAME, before[0].happened_at))[0] == {"champion": 2}
    with pytest.raises(RegisteredModelNotFoundError):
        world.history.at(NAME, now[0].happened_at)
    with pytest.raises(RegisteredModelNotFoundError):
        world.history.at("demand", before[0].happened_at)


def test_a_deleted_models_history_stays_and_its_successors_is_told_before_it(world: World) -> None:
    last = world.history.page(NAME, 1, None).items[0]
    world.lifecycle.delete(NAME, deleted_by="eve")
    world.version()
    first = world.history.page(NAME, 50, None)
    second = world.history.page(NAME, 50, first.next_cursor)
    assert [change.kind for change in first.items] == [ChangeKind.MODEL_CREATED]
    assert [change.kind for change in second.items[:2]] == [
        ChangeKind.MODEL_DELETED,
        ChangeKind.VERSION_DELETED,
    ]
    assert second.next_cursor is None
    assert held(world.history.at(NAME, last.happened_at))[0] == {"champion": 2}


def test_time_never_runs_backwards_in_a_history(world: World) -> None:
    world.minutes = iter([0] * 9)  # type: ignore[assignment]
    world.point(2, "late")
    times = [change.happened_at for change in world.history.page(NAME, 50, None).items]
    assert times == sorted(times, reverse=True)


def test_what_never_was_is_named(world: World) -> None:
    with pytest.raises(RegisteredModelNotFoundError):
        world.history.page("nobody", 5, None)
    with pytest.raises(RegisteredModelNotFoundError):
        world.history.at(NAME, NOON - timedelta(days=1))
    with pytest.raises(AliasNotFoundError):
        world.history.of_alias(NAME, "never", 5, None)
    with pytest.raises(RegisteredModelNotFoundError):
        world.history.of_alias("nobody", "champion", 5, None)
