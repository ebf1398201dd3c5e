import base64
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from shelflife.access.errors import TokenLifetimeError, TokenNotFoundError
from shelflife.access.service import Access
from shelflife.contracts.access import Principal, Role
from tests.fakes.access import MemorySecrets, MemoryTokens

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class World:
    at: datetime = NOON
    tokens: MemoryTokens = field(default_factory=MemoryTokens)
    secrets: MemorySecrets = field(default_factory=MemorySecrets)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def access(world: World) -> Access:
    ids = count(1)
    return Access(
        tokens=world.tokens,
        secrets=world.secrets,
        now=lambda: world.at,
        new_id=lambda: f"{next(ids):04}",
        new_secret=lambda: "5ecre7",
        stage_name="local",
    )


def test_a_token_identifies_its_owner(access: Access) -> None:
    text, _ = access.issue("ada", Role.APPROVER, DAY, issued_by="root")
    assert access.identify(f"Bearer {text}") == Principal(name="ada", role=Role.APPROVER)


def test_a_token_is_also_a_password(access: Access) -> None:
    text, _ = access.issue("ada", Role.VIEWER, DAY, issued_by="root")
    basic = base64.b64encode(f"anything:{text}".encode()).decode()
    assert access.identify(f"Basic {basic}") == Principal(name="ada", role=Role.VIEWER)


def test_the_store_never_sees_the_text(access: Access, world: World) -> None:
    text, token = access.issue("ada", Role.VIEWER, DAY, issued_by="root")
    kept = world.tokens.find(token.token_id)
    assert kept is not None
    assert text not in kept.model_dump_json()
    assert kept.last_four == text[-4:]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer x",
        "Bearer shl_0001_wrong",
        "Basic !!!",
        "Basic /w==",
        "Digest shl_0001_5ecre7",
    ],
)
def test_anything_else_identifies_nobody(access: Access, header: str | None) -> None:
    access.issue("ada", Role.VIEWER, DAY, issued_by="root")
    assert access.identify(header) is None


def test_a_token_ends_at_its_time(access: Access, world: World) -> None:
    text, _ = access.issue("ada", Role.VIEWER, DAY, issued_by="root")
    world.at = NOON + DAY - timedelta(seconds=1)
    assert access.identify(f"Bearer {text}")
    world.at = NOON + DAY
    assert access.identify(f"Bearer {text}") is None


def test_a_revoked_token_identifies_nobody(access: Access) -> None:
    text, token = access.issue("ada", Role.VIEWER, DAY, issued_by="root")
    access.revoke(token.token_id)
    assert access.identify(f"Bearer {text}") is None
    with pytest.raises(TokenNotFoundError):
        access.revoke(token.token_id)


@pytest.mark.parametrize("lifetime", [timedelta(), -DAY, timedelta(days=366)])
def test_a_lifetime_is_positive_and_a_year_at_the_most(access: Access, lifetime: timedelta) -> None:
    with pytest.raises(TokenLifetimeError):
        access.issue("ada", Role.VIEWER, lifetime, issued_by="root")


def test_a_jobs_token_waits_in_its_parameter_until_the_job_is_over(access: Access, world: World) -> None:
    issued = access.issue_job_token("j1", DAY)
    text = world.secrets.values["/shelflife/local/jobs/j1/token"]
    assert issued.parameter_name == "/shelflife/local/jobs/j1/token"
    assert access.identify(f"Bearer {text}") == Principal(name="job:j1", role=Role.CONTRIBUTOR)
    for _ in range(2):
        access.revoke_job_token("j1", issued.token_id)
    assert world.secrets.values == {}
    assert access.identify(f"Bearer {text}") is None


def test_a_job_that_asks_again_gets_a_token_that_works(access: Access, world: World) -> None:
    access.issue_job_token("j1", DAY)
    later = replace(access, new_id=lambda: "9999")
    later.issue_job_token("j1", DAY)
    assert later.identify(f"Bearer {world.secrets.values['/shelflife/local/jobs/j1/token']}")
