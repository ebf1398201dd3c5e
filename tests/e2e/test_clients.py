"""Unmodified clients pass the acceptance list of docs/pages/open-inference.md."""

from functools import cache

import pytest

from tests.clients.exchange import Outcome
from tests.e2e.acceptance import CLIENTS, Listed, prepare, run, written_list
from tests.harness.installation import Platform

pytestmark = pytest.mark.e2e


class Acceptance:
    """Each client runs its whole script once, however many tests want to know how a check ended."""

    def __init__(self, platform: Platform) -> None:
        self._given = prepare(platform)
        self.of = cache(self._of)

    def _of(self, client: str) -> dict[str, Outcome]:
        return run(client, self._given)


@pytest.fixture(scope="module")
def acceptance(platform: Platform) -> Acceptance:
    return Acceptance(platform)


@pytest.mark.parametrize("listed", written_list(), ids=lambda one: f"{one.client}-{one.check}")
def test_a_client_passes_a_check(acceptance: Acceptance, listed: Listed) -> None:
    outcome = acceptance.of(listed.client)[listed.check]
    assert outcome.failure is None, outcome.failure


@pytest.mark.parametrize("client", CLIENTS)
def test_the_written_list_names_the_checks_that_ran(acceptance: Acceptance, client: str) -> None:
    listed = sorted(one.check for one in written_list() if one.client == client)
    assert listed == sorted(acceptance.of(client))
