from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.serving import DeploymentActivated, DeploymentCreated, DeploymentRemoved
from shelflife.kernel.paging import InvalidCursorError
from shelflife.serving.dynamo import DynamoAliases, DynamoDeployments, DynamoVersions
from shelflife.serving.errors import (
    DeploymentChangedError,
    DeploymentExistsError,
    DeploymentNotFoundError,
)
from shelflife.serving.model import ActivationFailure, AliasMove, CapturePolicy, DeployableVersion, Deployment
from shelflife.serving.ports import Aliases, Deployments, Versions
from shelflife.serving.settings import TABLE
from shelflife.serving.traffic import Traffic, only
from tests.fakes.deployments import revision as revision_of
from tests.fakes.deployments import rule
from tests.fakes.onnx_models import input_of, reference_of, summing
from tests.fakes.serving import MemoryAliases, MemoryDeployments, MemoryVersions
from tests.harness.cloud import make_table

NOON = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)


class Stores(NamedTuple):
    deployments: Deployments
    versions: Versions
    aliases: Aliases


@pytest.fixture(params=["memory", "dynamo"])
def stores(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        memory = MemoryDeployments()
        return Stores(memory, MemoryVersions(), MemoryAliases(memory))
    request.getfixturevalue("aws")
    items = make_table(TABLE)
    return Stores(DynamoDeployments(items), DynamoVersions(items), DynamoAliases(items))


def version(number: int, model_name: str = "bikes") -> ModelVersionReference:
    return reference_of(*summing(input_of("x")), version=number, model_name=model_name)


def deployment(name: str, **changes: Any) -> Deployment:
    asked = {
        "name": name,
        "model_name": "bikes",
        "alias": "champion",
        "capture": CapturePolicy(sampling_rate=0.25),
        "created_at": NOON,
        "created_by": "ada",
        "reason": "waiting",
    }
    return Deployment.model_validate(asked | changes)


def add(stores: Stores, name: str, **changes: Any) -> Deployment:
    made = deployment(name, **changes)
    stores.deployments.add(
        made,
        DeploymentCreated(
            event_id=f"created-{name}",
            happened_at=NOON,
            deployment=name,
            model_name=made.model_name,
            alias=made.alias,
        ),
    )
    return made


def move(number: int, position: str = "1") -> AliasMove:
    return AliasMove(alias="champion", serving=version(number), position=position)


def activate(stores: Stores, before: Deployment, number: int, revision: int) -> Deployment:
    by = only(number)
    shifted = before.shifted(Traffic.of(by), version(number)).model_copy(update={"revision": revision})
    return stores.deployments.shift(
        shifted,
        revision_of(revision, by, before.name),
        news=[
            DeploymentActivated(
                event_id=f"activated-{before.name}-{revision}-{before.change}",
                happened_at=NOON,
                deployment=before.name,
                revision=revision,
                serving=version(number),
            ),
        ],
    )


def test_a_deployment_comes_back_as_it_was(stores: Stores) -> None:
    made = add(stores, "bikes")
    assert stores.deployments.find("bikes") == made
    assert stores.deployments.find("boats") is None
    failed = made.followed_to(move(2)).failed(
        ActivationFailure(model_version=2, reason="broken", failed_at=NOON)
    )
    failed = stores.deployments.change(failed)
    assert failed.change == made.change + 1
    assert stores.deployments.find("bikes") == failed
    activated = activate(stores, failed, 3, 1)
    assert stores.deployments.find("bikes") == activated


def test_a_name_is_taken_once(stores: Stores) -> None:
    add(stores, "bikes")
    with pytest.raises(DeploymentExistsError):
        add(stores, "bikes")


def test_of_two_writers_on_one_state_one_wins(stores: Stores) -> None:
    made = add(stores, "bikes")
    activated = activate(stores, made, 1, 1)
    with pytest.raises(DeploymentChangedError):
        activate(stores, made, 2, 1)
    with pytest.raises(DeploymentChangedError):
        stores.deployments.change(made.followed_to(move(2)))
    assert stores.deployments.find("bikes") == activated
    assert [
        one.traffic.rule.stable.model_version for one in stores.deployments.revisions("bikes", 9, None).items
    ] == [1]


def test_a_revision_is_never_written_over(stores: Stores) -> None:
    activated = activate(stores, add(stores, "bikes"), 1, 1)
    with pytest.raises(DeploymentChangedError):
        activate(stores, activated, 2, 1)
    assert stores.deployments.find("bikes") == activated


def test_a_removed_deployment_is_gone_and_its_revisions_stay(stores: Stores) -> None:
    activated = activate(stores, add(stores, "bikes"), 1, 1)
    gone = DeploymentRemoved(event_id="gone", happened_at=NOON, deployment="bikes", model_name="bikes")
    stores.deployments.remove(activated, gone)
    assert stores.deployments.find("bikes") is None
    assert stores.aliases.followers("bikes", "champion") == []
    with pytest.raises(DeploymentNotFoundError):
        stores.deployments.remove(activated, gone.model_copy(update={"event_id": "again"}))
    with pytest.raises(DeploymentChangedError):
        activate(stores, activated, 2, 2)
    found = stores.deployments.revision("bikes", 1)
    assert found is not None
    assert found.traffic.rule == only(1)


def test_revisions_are_found_by_number_and_by_version(stores: Stores) -> None:
    current = add(stores, "bikes")
    for revision, number in enumerate((1, 12, 1), 1):
        current = activate(stores, current, number, revision)
    page = stores.deployments.revisions("bikes", 2, None)
    assert [one.revision for one in page.items] == [3, 2]
    rest = stores.deployments.revisions("bikes", 2, page.next_cursor)
    assert [one.revision for one in rest.items] == [1]
    assert stores.deployments.revision("bikes", 4) is None
    newest = stores.deployments.revision_with("bikes", "bikes", 1)
    assert newest is not None
    assert newest.revision == 3
    assert stores.deployments.revision_with("bikes", "bikes", 2) is None
    assert stores.deployments.revision_with("bikes", "boats", 1) is None
    assert stores.deployments.versions("bikes", "bikes") == [1, 12]
    assert stores.deployments.versions("bikes", "bike") == []


def test_pages_hold_every_deployment_once_in_order(stores: Stores) -> None:
    for name in ("c", "a", "b"):
        add(stores, name)
    first = stores.deployments.page(2, None)
    second = stores.deployments.page(2, first.next_cursor)
    assert [one.name for page in (first, second) for one in page.items] == ["a", "b", "c"]
    with pytest.raises(InvalidCursorError):
        stores.deployments.page(2, "nonsense")


def test_followers_are_those_of_the_alias(stores: Stores) -> None:
    add(stores, "b")
    add(stores, "a")
    add(stores, "c", alias="challenger")
    add(stores, "d", model_name="boats")
    assert stores.aliases.followers("bikes", "champion") == ["a", "b"]


def test_the_newest_move_of_an_alias_is_kept(stores: Stores) -> None:
    assert stores.aliases.find("bikes", "champion") is None
    assert stores.aliases.keep(move(2, "2"))
    assert stores.aliases.keep(move(2, "2"))
    assert not stores.aliases.keep(move(1, "1"))
    assert stores.aliases.find("bikes", "champion") == move(2, "2")
    assert stores.aliases.keep(move(3, "3"))
    assert stores.aliases.find("bikes", "champion") == move(3, "3")
    assert stores.aliases.find("bikes", "challenger") is None


def test_every_live_version_of_a_rule_is_found_by_its_newest_revision(stores: Stores) -> None:
    current = activate(stores, add(stores, "bikes"), 1, 1)
    by = rule((1, 90), (2, 10), shadows=((3, 0.5),))
    shifted = current.shifted(Traffic.of(by, current.traffic), version(1))
    written = stores.deployments.shift(shifted, revision_of(2, by))
    assert stores.deployments.find("bikes") == written
    for number in (1, 2):
        found = stores.deployments.revision_with("bikes", "bikes", number)
        assert found is not None
        assert (found.revision, found.traffic.rule) == (2, by)
    assert stores.deployments.revision_with("bikes", "bikes", 3) is None
    assert stores.deployments.versions("bikes", "bikes") == [1, 2]


def test_a_version_is_kept_with_what_trying_it_has_shown_last(stores: Stores) -> None:
    assert stores.versions.find("bikes", 1) is None
    stores.versions.keep(DeployableVersion(reference=version(1), unusable="its file is broken"))
    stores.versions.keep(DeployableVersion(reference=version(2)))
    assert stores.versions.find("bikes", 1) == DeployableVersion(
        reference=version(1), unusable="its file is broken"
    )
    stores.versions.keep(DeployableVersion(reference=version(1)))
    assert stores.versions.find("bikes", 1) == DeployableVersion(reference=version(1))
    assert stores.versions.find("boats", 1) is None
