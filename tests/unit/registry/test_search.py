from collections.abc import Mapping

import pytest

from shelflife.kernel.paging import InvalidCursorError
from shelflife.registry.errors import InvalidModelSearchError
from shelflife.registry.search import ordered, parse_filter, sliced

KNOWN: dict[str, type] = {"name": str, "run_id": str, "version_number": int}
FIELDS = {"name": "churn-eu", "run_id": None, "version_number": 3}
TAGS = {"team": "growth", "a.b c": "it's"}


def holds(text: str, fields: Mapping[str, object] = FIELDS, tags: Mapping[str, str] = TAGS) -> bool:
    return all(clause.holds(fields, tags) for clause in parse_filter(text, KNOWN))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name = 'churn-eu'",
        'name="churn-eu"',
        "name LIKE 'churn%'",
        "name like '%-e_'",
        "name ILIKE 'CHURN%'",
        "attributes.name != 'other'",
        "version_number > 2 AND version_number <= 3",
        "version_number = '3'",
        "version_number IN ('1', '3')",
        "name IN ('a', 'churn-eu')",
        "tags.team = 'growth' and name LIKE 'c%'",
        "tag.team ILIKE 'GROW%'",
        'tags.`a.b c` = "it\'s"',
        "tags.\"a.b c\" != 'x'",
        "tags.`mlflow.prompt.is_prompt` != 'true'",
        "run_id != 'r'",
    ],
)
def test_a_filter_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "name = 'CHURN-EU'",
        "name LIKE 'CHURN%'",
        "name LIKE 'churn.eu'",
        "name != 'churn-eu'",
        "version_number < 3",
        "name = 'churn-eu' AND tags.team = 'x'",
        "tags.absent = 'x'",
        "tags.absent LIKE '%'",
        "run_id = 'r'",
        "run_id IN ('r')",
        "name IN ('a')",
    ],
)
def test_a_filter_does_not_hold(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "name",
        "name =",
        "name = churn",
        "colour = 'red'",
        "name = 'a' OR name = 'b'",
        "name = 'a' name = 'b'",
        "name > 'a'",
        "version_number LIKE '3'",
        "version_number = 'three'",
        "name IN 'a'",
        "name = ('a')",
        "metrics.mae < 3",
    ],
)
def test_what_cannot_be_read_is_quoted(text: str) -> None:
    with pytest.raises(InvalidModelSearchError) as refused:
        parse_filter(text, KNOWN)
    assert refused.value.faults[0].field == "filter"
    assert repr(text) in str(refused.value)


ROWS = [
    {"name": "b", "version_number": 1, "run_id": None},
    {"name": "a", "version_number": 2, "run_id": "r"},
    {"name": "a", "version_number": 1, "run_id": None},
]


def order(*by: str) -> list[int]:
    return [ROWS.index(row) for row in ordered(ROWS, by, KNOWN, lambda row: row)]


def test_orders_apply_one_after_the_other() -> None:
    assert order() == [0, 1, 2]
    assert order("name") == [1, 2, 0]
    assert order("name ASC", "version_number ASC") == [2, 1, 0]
    assert order("`version_number` DESC", "name DESC") == [1, 0, 2]
    assert order("run_id DESC") == [1, 0, 2]


@pytest.mark.parametrize("by", ["colour", "name UP", ""])
def test_an_order_by_anything_else_is_refused(by: str) -> None:
    with pytest.raises(InvalidModelSearchError, match="order_by"):
        order(by)


def test_pages_hold_everything_once() -> None:
    first = sliced("abc", 2, None)
    second = sliced("abc", 2, first.next_cursor)
    assert (first.items, second.items, second.next_cursor) == (("a", "b"), ("c",), None)
    with pytest.raises(InvalidCursorError):
        sliced("abc", 2, "nonsense")
