from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from shelflife.kernel.tables import EXPIRY
from shelflife.registry.dynamo_leftovers import DynamoLeftovers
from shelflife.registry.dynamo_models import DynamoRegisteredModels
from shelflife.registry.dynamo_uses import DynamoUses
from shelflife.registry.dynamo_versions import DynamoModelVersions
from shelflife.registry.ports import Leftovers, Use, Uses
from shelflife.registry.settings import TABLE
from tests.fakes.registry import (
    MemoryModelVersions,
    MemoryRegisteredModels,
    MemoryRegistry,
)
from tests.fakes.registry_surroundings import MemoryLeftovers, MemoryUses
from tests.harness.cloud import make_table
from tests.harness.disturbed import CutOff, before_write, cut_off
from tests.harness.registry import Keepers, World

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
SOON = AT + timedelta(seconds=1)
LATER = AT + timedelta(seconds=2)


@pytest.fixture(params=["memory", "dynamo"])
def uses(request: pytest.FixtureRequest) -> Uses:
    if request.param == "memory":
        return MemoryUses(MemoryRegistry())
    request.getfixturevalue("aws")
    return DynamoUses(make_table(TABLE))


def test_what_deployments_need_is_remembered_by_model(uses: Uses) -> None:
    uses.follow("bikeshare", "a", "champion", AT)
    uses.serve("bikeshare", "a", [1, 2], SOON)
    uses.serve("bikeshare", "b", [3], AT)
    uses.follow("churn", "c", "blue", AT)
    assert sorted(uses.of_model("bikeshare"), key=lambda use: use.deployment) == [
        Use("a", "champion", frozenset({1, 2})),
        Use("b", None, frozenset({3})),
    ]
    assert uses.of_model("churn") == [Use("c", "blue")]
    assert uses.of_model("other") == []


def test_older_news_that_comes_late_or_twice_changes_nothing(uses: Uses) -> None:
    uses.serve("bikeshare", "a", [2], SOON)
    uses.serve("bikeshare", "a", [1], AT)
    uses.serve("bikeshare", "a", [3], SOON)
    uses.follow("bikeshare", "a", "champion", AT)
    uses.follow("bikeshare", "a", "champion", AT)
    assert uses.of_model("bikeshare") == [Use("a", "champion", frozenset({2}))]


def test_a_removed_deployment_needs_nothing_whatever_comes_late(uses: Uses) -> None:
    uses.follow("bikeshare", "a", "champion", AT)
    uses.end("bikeshare", "a", SOON)
    uses.serve("bikeshare", "a", [1], AT)
    uses.follow("bikeshare", "a", "blue", AT + (SOON - AT) / 2)
    assert uses.of_model("bikeshare") == []
    uses.follow("bikeshare", "a", "blue", LATER)
    uses.end("bikeshare", "a", SOON)
    assert uses.of_model("bikeshare") == [Use("a", "blue")]


def test_what_is_kept_of_a_removed_deployment_ends_unless_it_is_made_again(aws: None) -> None:
    items = make_table(TABLE)
    uses = DynamoUses(items)
    uses.end("bikeshare", "a", AT)
    uses.end("bikeshare", "b", AT)
    uses.follow("bikeshare", "a", "blue", SOON)
    found = items.client.scan(TableName=items.table_name)["Items"]
    assert [item["sk"]["S"] for item in found if EXPIRY in item] == ["b"]


@pytest.fixture(params=["memory", "dynamo"])
def kept(request: pytest.FixtureRequest) -> tuple[World, Leftovers]:
    if request.param == "memory":
        memory = MemoryRegistry()
        keepers = Keepers(MemoryRegisteredModels(memory), MemoryModelVersions(memory))
        return World(memory, keepers=keepers), MemoryLeftovers(memory)
    request.getfixturevalue("aws")
    items = make_table(TABLE)
    keepers = Keepers(DynamoRegisteredModels(items), DynamoModelVersions(items))
    return World(keepers=keepers), DynamoLeftovers(items)


def test_what_a_deleted_model_leaves_is_cleared_once_it_is_gone(kept: tuple[World, Leftovers]) -> None:
    world, leftovers = kept
    world.create("other")
    world.create("churn")
    for number in range(18):
        world.version("churn", run_id=f"r{number % 2}", job_id=f"job-{number}")
    world.version("other", run_id="r1")
    churn = world.registry.model("churn")
    leftovers.clear(churn.model_id)
    assert world.versions.find(churn, 18) is not None
    world.lifecycle.delete("churn", deleted_by="eve")
    for _ in range(2):
        leftovers.clear(churn.model_id)
    assert world.versions.page(churn, 9, None).items == ()
    assert world.versions.of_job(churn, "job-1") is None
    assert len(world.versions.of_run("r1", 99, None).items) == 1
    assert world.versions.page_of_all(9, None).items != ()


#: Before the second transaction; and where a version would be gone and its entry not, were each write alone.
@pytest.mark.parametrize("writes", [1, 19])
def test_clearing_that_was_cut_off_goes_on(aws: None, writes: int) -> None:
    items = make_table(TABLE)
    world = World(keepers=Keepers(DynamoRegisteredModels(items), DynamoModelVersions(items)))
    world.create("churn")
    for _ in range(18):
        world.version("churn", run_id="r1")
    churn = world.registry.model("churn")
    world.lifecycle.delete("churn", deleted_by="eve")
    with before_write(writes, cut_off), suppress(CutOff):
        DynamoLeftovers(items).clear(churn.model_id)
    found = {number for _, number in world.versions.of_run("r1", 99, None).items}
    assert found == {one.version for one in world.versions.page(churn, 99, None).items}
    assert bool(found) is (writes == 1)
    DynamoLeftovers(items).clear(churn.model_id)
    assert world.versions.of_run("r1", 99, None).items == ()
