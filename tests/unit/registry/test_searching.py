from typing import Any

import pytest

from shelflife.kernel.filters import InvalidSearchError
from shelflife.kernel.paging import InvalidCursorError
from shelflife.registry.found import Search
from shelflife.registry.model import PROMPT_TAG, Stage
from tests.harness.registry import World

PROMPT = {PROMPT_TAG: "true"}
PROMPTS = f"tags.`{PROMPT_TAG}` = 'true'"


@pytest.fixture
def world() -> World:
    world = World()
    for name in ("churn-us", "churn-eu", "bikes"):
        world.version(name, run_id=f"run-{name}", tags={"team": name[:5]})
    world.version("churn-us", run_id="run-2")
    world.version("churn-us")
    world.create("ask", **PROMPT)
    world.version("ask", tags=PROMPT)
    world.registry.tag_model("churn-eu", "team", "growth")
    return world


def models(world: World, text: str = "", *order_by: str, limit: int = 100) -> list[str]:
    found = world.searching.find_models(Search(text, order_by, limit, None))
    return [model.name for model, _ in found.things]


def versions(world: World, text: str = "", *order_by: str) -> list[tuple[str, int]]:
    found = world.searching.find_versions(Search(text, order_by, 100, None))
    return [(model.name, version.version) for (model, version), _ in found.things]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["bikes", "churn-eu", "churn-us"]),
        ("name = 'bikes'", ["bikes"]),
        ("name = 'ask'", []),
        ("name IN ('churn-us', 'bikes', 'nobody')", ["bikes", "churn-us"]),
        ("name NOT IN ('bikes')", ["churn-eu", "churn-us"]),
        ("name LIKE 'churn%'", ["churn-eu", "churn-us"]),
        ("name LIKE 'ch_rn-u%'", ["churn-us"]),
        ("name LIKE 'CHURN%'", []),
        ("name ILIKE 'CHURN%'", ["churn-eu", "churn-us"]),
        ("tags.team = 'growth'", ["churn-eu"]),
        # As on stock, an absent tag is not unequal; the tag that marks prompts is.
        ("tags.team != 'risk'", ["churn-eu"]),
        (f"tags.`{PROMPT_TAG}` != 'true'", ["bikes", "churn-eu", "churn-us"]),
        (f"tags.`{PROMPT_TAG}` = 'false' AND name LIKE 'b%'", ["bikes"]),
        (PROMPTS, ["ask"]),
        (f"tags.`{PROMPT_TAG}` != 'false' AND name = 'ask'", ["ask"]),
    ],
)
def test_models_are_found(world: World, text: str, expected: list[str]) -> None:
    assert models(world, text) == expected


def test_models_are_ordered(world: World) -> None:
    assert models(world, "", "name DESC") == ["churn-us", "churn-eu", "bikes"]
    for order in ("timestamp", "last_updated_timestamp"):
        assert models(world, "", f"{order} DESC") == ["churn-us", "bikes", "churn-eu"]
        assert models(world, "name LIKE 'c%'", order) == ["churn-eu", "churn-us"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("churn-us", 3), ("churn-us", 2), ("bikes", 1), ("churn-eu", 1), ("churn-us", 1)]),
        ("name = 'churn-us'", [("churn-us", 3), ("churn-us", 2), ("churn-us", 1)]),
        ("name = 'churn-us' AND version_number > 1", [("churn-us", 3), ("churn-us", 2)]),
        ("name = 'churn-us' AND version_number <= '2'", [("churn-us", 2), ("churn-us", 1)]),
        ("name = 'nobody'", []),
        ("name = 'ask'", []),
        ("name LIKE 'churn-%' AND version_number = 1", [("churn-eu", 1), ("churn-us", 1)]),
        ("name IN ('bikes', 'churn-eu')", [("bikes", 1), ("churn-eu", 1)]),
        ("run_id = 'run-2'", [("churn-us", 2)]),
        ("run_id IN ('run-2', 'run-bikes', 'run-9')", [("churn-us", 2), ("bikes", 1)]),
        ("run_id = 'run-2' AND name = 'bikes'", []),
        ("run_id = ''", [("churn-us", 3)]),
        ("tags.team = 'bikes'", [("bikes", 1)]),
        ("tags.team != 'bikes'", [("churn-eu", 1), ("churn-us", 1)]),
        (
            "source_path LIKE 's3://%' AND run_id != ''",
            [("churn-us", 2), ("bikes", 1), ("churn-eu", 1), ("churn-us", 1)],
        ),
        (PROMPTS, [("ask", 1)]),
        (f"name = 'ask' AND {PROMPTS}", [("ask", 1)]),
    ],
)
def test_versions_are_found(world: World, text: str, expected: list[tuple[str, int]]) -> None:
    assert versions(world, text) == expected


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        (["version_number ASC"], [1, 2, 3]),
        (["version_number DESC"], [3, 2, 1]),
        (["name ASC"], [3, 2, 1]),
        (["name", "version_number"], [1, 2, 3]),
        (["creation_timestamp ASC"], [1, 2, 3]),
        (["last_updated_timestamp ASC"], [2, 3, 1]),
        (["last_updated_timestamp DESC"], [1, 3, 2]),
        ([], [1, 3, 2]),
    ],
)
def test_a_models_versions_are_ordered(world: World, order_by: list[str], expected: list[int]) -> None:
    world.registry.describe_version("churn-us", 1, "changed last")
    assert [number for _, number in versions(world, "name = 'churn-us'", *order_by)] == expected


def test_versions_of_all_models_are_ordered(world: World) -> None:
    assert versions(world, "", "name ASC", "version_number ASC")[:3] == [
        ("bikes", 1),
        ("churn-eu", 1),
        ("churn-us", 1),
    ]
    world.registry.describe_version("churn-eu", 1, "changed last")
    assert versions(world)[0] == ("churn-eu", 1)


@pytest.mark.parametrize("text", ["", "name = 'churn-us'", "name LIKE 'churn-u%'", "version_number < 99"])
@pytest.mark.parametrize(
    "order", ["last_updated_timestamp DESC", "version_number DESC", "creation_timestamp DESC"]
)
def test_a_token_stays_valid_while_versions_are_added(world: World, text: str, order: str) -> None:
    told: list[tuple[str, int]] = []
    expected, token = versions(world, text, order), None
    while True:
        found = world.searching.find_versions(Search(text, (order,), 1, token))
        told += [(model.name, version.version) for (model, version), _ in found.things]
        if not found.more:
            break
        token = found.things[-1][1]
        world.version("churn-us")
    assert told == expected


def test_a_token_of_something_that_was_deleted_goes_on_where_it_stood(world: World) -> None:
    search = Search("name LIKE 'churn-u%'", (), 1, None)
    token = world.searching.find_versions(search).things[0][1]
    world.stages.delete("churn-us", 3, deleted_by="eve")
    rest = world.searching.find_versions(Search(search.filter, (), 9, token))
    assert [version.version for (_, version), _ in rest.things] == [1]


def test_models_come_in_pages_too(world: World) -> None:
    first = world.searching.find_models(Search("", (), 2, None))
    assert ([model.name for model, _ in first.things], first.more) == (["bikes", "churn-eu"], True)
    world.create("aaa")
    second = world.searching.find_models(Search("", (), 2, first.things[-1][1]))
    assert ([model.name for model, _ in second.things], second.more) == (["churn-us"], False)


def test_versions_of_a_deleted_model_are_found_no_more(world: World) -> None:
    world.lifecycle.delete("churn-us", deleted_by="eve")
    assert versions(world) == [("bikes", 1), ("churn-eu", 1)]
    assert versions(world, "run_id = 'run-2'") == []


def test_versions_of_a_renamed_model_have_its_name(world: World) -> None:
    world.lifecycle.rename("bikes", "demand", renamed_by="eve")
    assert ("demand", 1) in versions(world)
    assert versions(world, "run_id = 'run-bikes'") == [("demand", 1)]
    assert versions(world, "name = 'bikes'") == []


def test_a_version_is_listed_once_whatever_its_stage(world: World) -> None:
    world.version("bikeshare")
    world.stage(1, Stage.PRODUCTION)
    assert versions(world, "name = 'bikeshare'") == [("bikeshare", 1)]


@pytest.mark.parametrize(
    ("find", "text", "order"),
    [
        ("find_models", "colour = 'red'", ()),
        ("find_models", "name > 'a'", ()),
        ("find_models", "creation_timestamp > 1", ()),
        ("find_models", "name = 'a' OR name = 'b'", ()),
        ("find_models", "", ("creation_timestamp",)),
        ("find_models", "", ("name", "name DESC")),
        ("find_versions", "version_number = 1.5", ()),
        ("find_versions", "version_number IN (1)", ()),
        ("find_versions", "source_path IN ('a')", ()),
        ("find_versions", "current_stage = 'None'", ()),
        ("find_versions", "", ("run_id",)),
    ],
)
def test_what_cannot_be_read_is_told(world: World, find: str, text: str, order: Any) -> None:
    with pytest.raises(InvalidSearchError):
        getattr(world.searching, find)(Search(text, order, 10, None))


@pytest.mark.parametrize("token", ["x", "eyJhIjoxfQ"])
def test_a_foreign_token_is_refused(world: World, token: str) -> None:
    with pytest.raises(InvalidCursorError):
        world.searching.find_versions(Search("name LIKE 'churn%'", (), 10, token))


@pytest.mark.parametrize("text", ["name = 'many'", ""])
def test_a_page_reads_little_more_than_it_answers(
    world: World, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    for _ in range(300):
        world.version("many")
    read = 0

    def counted(find: Any) -> Any:
        def page(*args: Any, **named: Any) -> Any:
            nonlocal read
            found = find(*args, **named)
            read += len(found.items)
            return found

        return page

    for name in ("page", "page_by_age", "page_of_all"):
        monkeypatch.setattr(world.versions, name, counted(getattr(world.versions, name)))
    for order in ("version_number DESC", "last_updated_timestamp DESC"):
        if text or order.startswith("last"):
            found = world.searching.find_versions(Search(text, (order,), 50, None))
            assert len(found.things) == 50
            assert found.more
    assert read <= 2 * 51
