from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shelflife.access.dynamo import DynamoTokens
from shelflife.access.errors import TokenExistsError, TokenNotFoundError
from shelflife.access.model import Token
from shelflife.access.ports import Tokens
from shelflife.access.settings import TABLE
from shelflife.contracts.access import Role
from shelflife.kernel.paging import InvalidCursorError
from tests.fakes.access import MemoryTokens
from tests.harness.cloud import make_table


def token(token_id: str) -> Token:
    at = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
    return Token(
        token_id=token_id,
        name="ada",
        role=Role.VIEWER,
        sha256="0" * 64,
        last_four="cafe",
        created_at=at,
        created_by="root",
        expires_at=at + timedelta(days=1),
    )


@pytest.fixture(params=["memory", "dynamo"])
def tokens(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryTokens()
    request.getfixturevalue("aws")
    return DynamoTokens(make_table(TABLE))


def test_a_token_comes_back_as_it_was(tokens: Tokens) -> None:
    tokens.add(token("a"))
    assert tokens.find("a") == token("a")
    assert tokens.find("b") is None


def test_an_id_is_taken_once(tokens: Tokens) -> None:
    tokens.add(token("a"))
    with pytest.raises(TokenExistsError):
        tokens.add(token("a"))


def test_a_removed_token_is_gone(tokens: Tokens) -> None:
    tokens.add(token("a"))
    tokens.remove("a")
    assert tokens.find("a") is None
    with pytest.raises(TokenNotFoundError):
        tokens.remove("a")


def test_pages_hold_every_token_once_in_order(tokens: Tokens) -> None:
    for token_id in "cabed":
        tokens.add(token(token_id))
    first = tokens.page(2, None)
    second = tokens.page(2, first.next_cursor)
    third = tokens.page(2, second.next_cursor)
    assert [t.token_id for page in (first, second, third) for t in page.items] == list("abcde")
    assert third.next_cursor is None


def test_a_foreign_cursor_is_refused(tokens: Tokens) -> None:
    with pytest.raises(InvalidCursorError):
        tokens.page(2, "nonsense")
