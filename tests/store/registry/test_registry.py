from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.registry import ModelVersionPromoted
from shelflife.kernel.paging import InvalidCursorError
from shelflife.registry.dynamo_aliases import DynamoAliases
from shelflife.registry.dynamo_models import DynamoRegisteredModels
from shelflife.registry.dynamo_versions import DynamoModelVersions
from shelflife.registry.errors import (
    AliasMovedError,
    ModelVersionExistsError,
    ModelVersionNotFoundError,
    RegisteredModelChangedError,
    RegisteredModelExistsError,
    RegisteredModelKeptError,
    RegisteredModelNotFoundError,
)
from shelflife.registry.model import AliasMove, ModelVersion, RegisteredModel, after
from shelflife.registry.ports import Aliases, ModelVersions, RegisteredModels
from shelflife.registry.settings import TABLE
from tests.fakes.registry import MemoryAliases, MemoryModelVersions, MemoryRegisteredModels, MemoryRegistry
from tests.harness.cloud import make_table
from tests.harness.models import candidate

AT = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)


@dataclass
class Stores:
    models: RegisteredModels
    versions: ModelVersions
    aliases: Aliases


@pytest.fixture(params=["memory", "dynamo"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        kept = MemoryRegistry()
        return Stores(MemoryRegisteredModels(kept), MemoryModelVersions(kept), MemoryAliases(kept))
    request.getfixturevalue("aws")
    items = make_table(TABLE)
    return Stores(DynamoRegisteredModels(items), DynamoModelVersions(items), DynamoAliases(items))


def model(name: str = "bikeshare", **changes: Any) -> RegisteredModel:
    return RegisteredModel(name=name, created_at=AT, created_by="ada", updated_at=AT, **changes)


def version(number: int, name: str = "bikeshare", **changes: Any) -> ModelVersion:
    at = AT + timedelta(minutes=number)
    plain: dict[str, Any] = {
        "source_uri": "s3://b/k",
        "created_at": at,
        "created_by": "ada",
        "updated_at": at,
    }
    return ModelVersion(model_name=name, version=number, **plain | changes)


def move(number: int, to_version: int | None = 1, **changes: Any) -> AliasMove:
    plain: dict[str, Any] = {"model_name": "bikeshare", "alias": "champion", "reason": "better"}
    told: dict[str, Any] = {"moved_at": AT + timedelta(days=number), "moved_by": "ada"}
    return AliasMove(number=number, to_version=to_version, **plain | told | changes)


def test_a_model_comes_back_as_it_was(stores: Stores) -> None:
    kept = model(description="bikes", tags={"team": "mobility", "empty": ""})
    stores.models.add(kept)
    assert stores.models.find("bikeshare") == kept
    assert stores.models.find("bike") is None
    with pytest.raises(RegisteredModelExistsError):
        stores.models.add(model())


def test_models_are_listed_by_name_in_pages(stores: Stores) -> None:
    for name in ("c", "a", "b"):
        stores.models.add(model(name))
    first = stores.models.page(2, None)
    second = stores.models.page(2, first.next_cursor)
    assert [one.name for one in first.items + second.items] == ["a", "b", "c"]
    assert second.next_cursor is None
    with pytest.raises(InvalidCursorError):
        stores.models.page(2, "nonsense")


def test_a_model_is_described_and_tagged(stores: Stores) -> None:
    stores.models.add(model(tags={"a": "1"}))
    later = AT + timedelta(hours=1)
    assert stores.models.describe("bikeshare", "new", later).description == "new"
    assert stores.models.tag("bikeshare", "b.c-d", "2", later).tags == {"a": "1", "b.c-d": "2"}
    changed = stores.models.tag("bikeshare", "a", None, later)
    assert (changed.tags, changed.description, changed.updated_at) == ({"b.c-d": "2"}, "new", later)
    with pytest.raises(RegisteredModelNotFoundError):
        stores.models.tag("nobody", "a", "1", later)
    with pytest.raises(RegisteredModelNotFoundError):
        stores.models.describe("nobody", "x", later)


def test_a_version_comes_back_as_it_was(stores: Stores) -> None:
    stores.models.add(model())
    trained = candidate(metrics={"mae": 2.0, "r2": 1e-30})
    kept = version(1, candidate=trained, job_id="job-1", evaluation_id="e", run_id="r", tags={"k": "v"})
    stores.versions.add(kept)
    assert stores.versions.find("bikeshare", 1) == kept
    assert stores.versions.of_job("bikeshare", "job-1") == kept
    assert stores.versions.of_job("bikeshare", "job-2") is None
    assert stores.versions.find("bikeshare", 2) is None
    assert (stores.versions.newest("bikeshare"), stores.versions.newest("other")) == (1, 0)


def test_a_number_and_a_job_are_taken_once(stores: Stores) -> None:
    stores.models.add(model())
    stores.versions.add(version(1, job_id="job-1"))
    with pytest.raises(ModelVersionExistsError):
        stores.versions.add(version(1))
    with pytest.raises(ModelVersionExistsError):
        stores.versions.add(version(2, job_id="job-1"))
    assert stores.versions.newest("bikeshare") == 1


def test_a_version_needs_its_model(stores: Stores) -> None:
    with pytest.raises(RegisteredModelNotFoundError):
        stores.versions.add(version(1))


def test_versions_are_listed_newest_first(stores: Stores) -> None:
    for name in ("bikeshare", "churn"):
        stores.models.add(model(name))
    for number in (1, 2, 10):
        stores.versions.add(version(number))
    stores.versions.add(version(3, "churn"))
    first = stores.versions.page("bikeshare", 2, None)
    second = stores.versions.page("bikeshare", 2, first.next_cursor)
    assert [one.version for one in first.items + second.items] == [10, 2, 1]
    everything = stores.versions.page_of_all(10, None)
    assert [(v.model_name, v.version) for v in everything.items] == [
        ("bikeshare", 10),
        ("churn", 3),
        ("bikeshare", 2),
        ("bikeshare", 1),
    ]


def test_a_version_is_described_and_tagged(stores: Stores) -> None:
    stores.models.add(model())
    stores.versions.add(version(1, candidate=candidate()))
    later = AT + timedelta(hours=1)
    assert stores.versions.describe("bikeshare", 1, "new", later).description == "new"
    tagged = stores.versions.tag("bikeshare", 1, ("a", "1"), later)
    assert (tagged.tags, tagged.candidate) == ({"a": "1"}, candidate())
    assert stores.versions.tag("bikeshare", 1, ("a", None), later).tags == {}
    with pytest.raises(ModelVersionNotFoundError):
        stores.versions.tag("bikeshare", 2, ("a", "1"), later)
    with pytest.raises(ModelVersionNotFoundError):
        stores.versions.describe("bikeshare", 2, "x", later)


def test_an_alias_moves_once_per_number(stores: Stores) -> None:
    stores.aliases.move(move(1), None)
    assert stores.aliases.find("bikeshare", "champion") == after(move(1))
    for taken in (1, 3):
        with pytest.raises(AliasMovedError):
            stores.aliases.move(move(taken, 2), None)
    stores.aliases.move(move(2, 2, from_version=1, evaluation_id="e"), None)
    assert stores.aliases.find("bikeshare", "champion") == after(move(2, 2))


def test_a_removed_alias_goes_on_counting(stores: Stores) -> None:
    stores.aliases.move(move(1), None)
    stores.aliases.move(move(1, alias="challenger"), None)
    stores.aliases.move(move(2, None, from_version=1), None)
    assert [alias.alias for alias in stores.aliases.of_model("bikeshare")] == ["challenger"]
    stores.aliases.move(move(3, 2), None)
    assert [alias.alias for alias in stores.aliases.of_model("bikeshare")] == ["challenger", "champion"]
    first = stores.aliases.history("bikeshare", "champion", 2, None)
    second = stores.aliases.history("bikeshare", "champion", 2, first.next_cursor)
    assert first.items + second.items == (move(3, 2), move(2, None, from_version=1), move(1))


def test_a_model_is_removed_with_all_that_is_its(stores: Stores) -> None:
    for name in ("bikeshare", "churn"):
        stores.models.add(model(name))
        stores.versions.add(version(1, name))
    stores.aliases.move(move(1), None)
    with pytest.raises(RegisteredModelChangedError):
        stores.models.remove("bikeshare", 0)
    stores.models.remove("bikeshare", 1)
    assert stores.models.find("bikeshare") is None
    assert stores.versions.find("bikeshare", 1) is None
    assert stores.aliases.find("bikeshare", "champion") is None
    assert stores.versions.find("churn", 1) is not None
    with pytest.raises(RegisteredModelChangedError):
        stores.models.remove("bikeshare", 1)


def test_a_model_with_too_many_items_for_one_transaction_is_kept(aws: None) -> None:
    items = make_table(TABLE)
    models, versions = DynamoRegisteredModels(items), DynamoModelVersions(items)
    models.add(model())
    for number in range(1, 100):
        versions.add(version(number))
    with pytest.raises(RegisteredModelKeptError):
        models.remove("bikeshare", 99)
    assert versions.find("bikeshare", 99) is not None


def test_news_is_written_with_the_move_or_not_at_all(aws: None) -> None:
    items = make_table(TABLE)
    aliases = DynamoAliases(items)
    promoted = ModelVersionReference(model_name="bikeshare", version=1, candidate=candidate())

    def news(event_id: str) -> ModelVersionPromoted:
        return ModelVersionPromoted(
            event_id=event_id,
            happened_at=AT,
            alias="champion",
            promoted=promoted,
            previous_version=None,
            moved_by="ada",
        )

    aliases.move(move(1), news("said"))
    with pytest.raises(AliasMovedError):
        aliases.move(move(1), news("unsaid"))
    said = items.get("NEWS#said", "NEWS")
    assert said is not None
    assert ModelVersionPromoted.model_validate_json(said["detail"]) == news("said")
    assert items.get("NEWS#unsaid", "NEWS") is None
