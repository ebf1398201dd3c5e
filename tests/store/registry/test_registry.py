from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shelflife.aws.items import Items
from shelflife.contracts.registry import ModelVersionRegistered, RegisteredModelDeleted
from shelflife.kernel.paging import InvalidCursorError
from shelflife.registry.dynamo_histories import DynamoHistories
from shelflife.registry.dynamo_models import DynamoRegisteredModels
from shelflife.registry.dynamo_versions import DynamoModelVersions
from shelflife.registry.errors import (
    ModelRecordTooLargeError,
    ModelVersionExistsError,
    ModelVersionNotFoundError,
    RegisteredModelChangedError,
    RegisteredModelExistsError,
)
from shelflife.registry.model import (
    PROMPT_TAG,
    Change,
    ChangeKind,
    ModelVersion,
    RegisteredModel,
    Stage,
    Tenure,
)
from shelflife.registry.ports import Commit, Histories, ModelVersions, RegisteredModels, VersionOrder
from shelflife.registry.settings import TABLE
from tests.fakes.registry import (
    MemoryHistories,
    MemoryModelVersions,
    MemoryRegisteredModels,
    MemoryRegistry,
)
from tests.harness.cloud import make_table
from tests.harness.models import candidate
from tests.harness.turning_away import contended

AT = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)


@dataclass
class Stores:
    models: RegisteredModels
    versions: ModelVersions
    histories: Histories

    def add(self, name: str = "bikeshare", **changes: Any) -> RegisteredModel:
        made = model(name, **changes)
        self.models.add(made, change(made, ChangeKind.MODEL_CREATED, number=1))
        return made

    def version(self, of: RegisteredModel, **changes: Any) -> tuple[RegisteredModel, ModelVersion]:
        """One more version, written with the model."""
        added = version(of, of.newest + 1, **changes)
        latest = of.latest | {added.stage: added.version}
        after = of.after(newest=added.version, latest=latest, updated_at=added.updated_at)
        self.models.commit(Commit(after, added=added))
        return after, added


@pytest.fixture(params=["memory", "dynamo"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        kept = MemoryRegistry()
        return Stores(MemoryRegisteredModels(kept), MemoryModelVersions(kept), MemoryHistories(kept))
    request.getfixturevalue("aws")
    return dynamo(make_table(TABLE))


def dynamo(items: Items) -> Stores:
    return Stores(DynamoRegisteredModels(items), DynamoModelVersions(items), DynamoHistories(items))


def model(name: str = "bikeshare", **changes: Any) -> RegisteredModel:
    times = dict.fromkeys(("created_at", "updated_at", "named_at", "changed_at"), AT)
    plain: dict[str, Any] = {"model_id": f"id-{name}", "name": name, "created_by": "ada", **times}
    return RegisteredModel(**plain | changes)


def version(of: RegisteredModel, number: int, **changes: Any) -> ModelVersion:
    at = AT + timedelta(minutes=number)
    plain: dict[str, Any] = {
        "owner_id": of.model_id,
        "model_name": of.name,
        "version": number,
        "source_uri": "s3://b/k",
        "created_at": at,
        "created_by": "ada",
        "updated_at": at,
    }
    return ModelVersion(**plain | changes)


def change(of: RegisteredModel, kind: ChangeKind, **told: Any) -> Change:
    plain: dict[str, Any] = {
        "owner_id": of.model_id,
        "model_name": of.name,
        "number": of.changes + 1,
        "kind": kind,
        "happened_at": AT + timedelta(hours=told.get("number", of.changes + 1) - 1),
        "made_by": "ada",
    }
    return Change(**plain | told)


def deleted(of: RegisteredModel) -> RegisteredModelDeleted:
    return RegisteredModelDeleted(
        event_id=f"gone-{of.model_id}", happened_at=AT, model_id=of.model_id, model_name=of.name
    )


def test_a_model_comes_back_as_it_was(stores: Stores) -> None:
    kept = stores.add(description="bikes", tags={"team": "mobility", "empty": ""}, aliases={"a.b-c": 3})
    assert stores.models.find("bikeshare") == kept
    assert stores.models.find("bike") is None
    with pytest.raises(RegisteredModelExistsError):
        stores.add(model_id="another")


def test_neither_a_number_nor_an_entry_of_the_history_is_given_twice(stores: Stores) -> None:
    owner, kept = stores.version(stores.add())
    with pytest.raises(RegisteredModelChangedError):
        stores.models.commit(Commit(owner.after(), added=version(owner, 1, source_uri="s3://b/other")))
    assert stores.versions.find(owner, 1) == kept
    twice = change(owner, ChangeKind.ALIAS_MOVED, number=1)
    with pytest.raises(RegisteredModelChangedError):
        stores.models.commit(Commit(owner.changed(twice), change=twice))
    assert len(stores.histories.page(owner.model_id, 9, None).items) == 1


def names(stores: Stores, *, limit: int = 10, **choice: Any) -> list[str]:
    plain: dict[str, Any] = {"prompts": False, "by_age": False, "backwards": False, "prefix": ""}
    told: list[str] = []
    cursor = None
    while True:
        page = stores.models.page(limit=limit, cursor=cursor, **plain | choice)
        told += [one.name for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return told


def test_models_are_listed_by_name_and_age_in_pages_apart_from_prompts(stores: Stores) -> None:
    for minutes, name in enumerate(("cc", "ca", "b")):
        stores.add(name, updated_at=AT + timedelta(minutes=minutes))
    stores.add("ask", tags={PROMPT_TAG: "True"})
    assert names(stores, limit=2) == ["b", "ca", "cc"]
    assert names(stores, limit=1, backwards=True) == ["cc", "ca", "b"]
    assert names(stores, prefix="c") == ["ca", "cc"]
    assert names(stores, limit=2, by_age=True) == ["cc", "ca", "b"]
    assert names(stores, by_age=True, backwards=True) == ["b", "ca", "cc"]
    assert names(stores, prompts=True) == ["ask"]
    with pytest.raises(InvalidCursorError):
        stores.models.page(
            prompts=False, by_age=False, backwards=False, prefix="", limit=2, cursor="nonsense"
        )


@pytest.mark.parametrize("by_age", [True, False])
@pytest.mark.parametrize("backwards", [True, False])
def test_a_page_of_models_begins_behind_any_of_them(stores: Stores, *, by_age: bool, backwards: bool) -> None:
    for name in ("a", "b", "c"):
        stores.add(name)
    choice: dict[str, Any] = {"prompts": False, "by_age": by_age, "backwards": backwards, "prefix": ""}
    cursor = stores.models.after(model("b"), by_age=by_age)
    rest = stores.models.page(limit=9, cursor=cursor, **choice)
    assert [one.name for one in rest.items] == (["a"] if backwards else ["c"])


def test_models_are_found_by_their_ids(stores: Stores) -> None:
    kept = stores.add("a")
    assert stores.models.named(["id-a", "id-b", "id-a"]) == {"id-a": kept}
    assert stores.models.named([]) == {}


def test_a_name_that_changes_hands_while_it_is_looked_up_is_not_told_of_another(aws: None) -> None:
    items = make_table(TABLE)
    stores = dynamo(items)
    known = stores.add("a")

    class Slow:
        """A client whose second read comes after the name changed hands."""

        reads = 0

        def __getattr__(self, name: str) -> Any:
            self.reads += name == "batch_get_item"
            if self.reads == 2:
                renamed = change(known, ChangeKind.MODEL_RENAMED)
                stores.models.rename(known, known.changed(renamed, name="b"), renamed)
                stores.add("a", model_id="another")
            return getattr(items.client, name)

    slow: Any = Slow()
    assert dynamo(Items(slow, items.table_name)).models.named([known.model_id]) == {}


def test_who_did_not_see_the_last_write_writes_nothing(stores: Stores) -> None:
    seen = stores.add()
    stores.models.commit(Commit(seen.after(description="theirs")))
    with pytest.raises(RegisteredModelChangedError):
        stores.models.commit(Commit(seen.after(description="ours"), added=version(seen, 1)))
    found = stores.models.find("bikeshare")
    assert found is not None
    assert (found.description, stores.versions.find(seen, 1)) == ("theirs", None)


def test_one_that_was_made_again_is_not_taken_for_the_former(stores: Stores) -> None:
    former = stores.add()
    stores.models.remove(former, change(former, ChangeKind.MODEL_DELETED), deleted(former))
    again = stores.add(model_id="another")
    renamed = change(former, ChangeKind.MODEL_RENAMED)
    with pytest.raises(RegisteredModelChangedError):
        stores.models.commit(Commit(former.after(description="of the former")))
    with pytest.raises(RegisteredModelChangedError):
        stores.models.rename(former, former.changed(renamed, name="new"), renamed)
    with pytest.raises(RegisteredModelChangedError):
        stores.models.remove(former, change(former, ChangeKind.MODEL_DELETED), deleted(former))
    assert stores.models.find("bikeshare") == again


@pytest.mark.parametrize(
    ("write", "error"),
    [
        (lambda stores, _: stores.add("new"), RegisteredModelExistsError),
        (lambda stores, of: stores.version(of), RegisteredModelChangedError),
        (
            lambda stores, of: stores.models.rename(
                of, of.after(name="new"), change(of, ChangeKind.MODEL_RENAMED)
            ),
            RegisteredModelChangedError,
        ),
        (
            lambda stores, of: stores.models.remove(of, change(of, ChangeKind.MODEL_DELETED), deleted(of)),
            RegisteredModelChangedError,
        ),
    ],
)
def test_a_transaction_that_meets_another_is_told_so(
    aws: None, write: Callable[[Stores, RegisteredModel], object], error: type[Exception]
) -> None:
    items = make_table(TABLE)
    kept = dynamo(items).add()
    with pytest.raises(error):
        write(dynamo(contended(items)), kept)


def test_a_version_comes_back_as_it_was(stores: Stores) -> None:
    trained = candidate(metrics={"mae": 2.0, "r2": 1e-30})
    told = {"candidate": trained, "job_id": "job-1", "evaluation_id": "e", "run_id": "r", "tags": {"k": "v"}}
    owner, kept = stores.version(stores.add(), **told)
    assert stores.versions.find(owner, 1) == kept
    assert stores.versions.of_job(owner, "job-1") == kept
    assert stores.versions.of_job(owner, "job-2") is None
    assert stores.versions.find(owner, 2) is None
    assert stores.models.find("bikeshare") == owner


def test_a_job_leads_to_one_version(stores: Stores) -> None:
    owner, _ = stores.version(stores.add(), job_id="job-1")
    with pytest.raises(ModelVersionExistsError):
        stores.version(owner, job_id="job-1")
    assert stores.models.find("bikeshare") == owner


def test_versions_are_read_many_at_once(stores: Stores) -> None:
    a, b = stores.add("a"), stores.add("b")
    for _ in range(3):
        a, _ = stores.version(a)
    b, _ = stores.version(b)
    assert [one.version for one in stores.versions.find_many(a, [3, 9, 1])] == [1, 3]
    found = stores.versions.find_all([(b, 1), (a, 2), (a, 7)])
    assert [(one.model_name, one.version) for one in found] == [("b", 1), ("a", 2)]


def test_versions_are_listed_by_number_and_age(stores: Stores) -> None:
    owner, first = stores.version(stores.add())
    for _ in range(2):
        owner, _ = stores.version(owner)
    stores.versions.describe(first, "changed last", AT + timedelta(days=1))
    numbers = {
        order: [one.version for one in page.items]
        for order, page in {
            "new": stores.versions.page(owner, 9, None),
            "old": stores.versions.page(owner, 9, None, backwards=False),
            "changed": stores.versions.page_by_age(owner, 9, None),
            "unchanged": stores.versions.page_by_age(owner, 9, None, backwards=False),
            "all": stores.versions.page_of_all(9, None),
        }.items()
    }
    assert numbers == {
        "new": [3, 2, 1],
        "old": [1, 2, 3],
        "changed": [1, 3, 2],
        "unchanged": [2, 3, 1],
        "all": [1, 3, 2],
    }
    page = stores.versions.page(owner, 2, None)
    assert [one.version for one in stores.versions.page(owner, 2, page.next_cursor).items] == [1]


@pytest.mark.parametrize("order", list(VersionOrder))
def test_a_page_of_versions_begins_behind_any_of_them(stores: Stores, order: VersionOrder) -> None:
    owner = stores.add()
    for _ in range(3):
        owner, _ = stores.version(owner)
    cursor = stores.versions.after(version(owner, 2), order)
    page = {
        VersionOrder.NUMBER: lambda: stores.versions.page(owner, 9, cursor),
        VersionOrder.AGE: lambda: stores.versions.page_by_age(owner, 9, cursor),
        VersionOrder.AGE_OF_ALL: lambda: stores.versions.page_of_all(9, cursor),
    }[order]()
    assert [one.version for one in page.items] == [1]


def test_versions_of_prompts_are_a_list_of_their_own(stores: Stores) -> None:
    stores.version(stores.add("a"))
    stores.version(stores.add("ask"), tags={PROMPT_TAG: "true"})
    assert [one.owner_id for one in stores.versions.page_of_all(9, None).items] == ["id-a"]
    assert [one.owner_id for one in stores.versions.page_of_all(9, None, prompts=True).items] == ["id-ask"]


def test_versions_of_a_run_are_found(stores: Stores) -> None:
    owner, first = stores.version(stores.add(), run_id="r1")
    owner, _ = stores.version(owner, run_id="r2")
    owner, _ = stores.version(owner, run_id="")
    other, _ = stores.version(stores.add("other"), run_id="r1")
    assert stores.versions.of_run("r1", 9, None).items == ((owner.model_id, 1), (other.model_id, 1))
    change_ = change(owner, ChangeKind.VERSION_DELETED, version=1)
    stores.models.commit(Commit(owner.changed(change_), change=change_, removed=first))
    assert stores.versions.of_run("r1", 9, None).items == ((other.model_id, 1),)
    assert stores.versions.of_run("r3", 9, None).items == ()


def test_a_version_is_described_and_tagged(stores: Stores) -> None:
    owner, made = stores.version(stores.add(), candidate=candidate())
    later = AT + timedelta(hours=1)
    assert stores.versions.describe(made, "new", later).description == "new"
    tagged = stores.versions.tag(made, "a.b", "1")
    assert (tagged.tags, tagged.candidate, tagged.updated_at) == ({"a.b": "1"}, candidate(), later)
    assert stores.versions.tag(made, "a.b", None).tags == {}
    with pytest.raises(ModelVersionNotFoundError):
        stores.versions.tag(version(owner, 2), "a", "1")
    with pytest.raises(ModelVersionNotFoundError):
        stores.versions.describe(version(owner, 2), "x", later)


def test_stages_are_changed_with_the_model_or_not_at_all(stores: Stores) -> None:
    owner, first = stores.version(stores.add())
    owner, second = stores.version(owner)
    assert stores.versions.staged(owner, Stage.NONE, 9) == [2, 1]
    assert stores.versions.staged(owner, Stage.NONE, 1) == [2]
    moved = change(owner, ChangeKind.STAGE_MOVED, version=1, to_stage=Stage.PRODUCTION)
    after = owner.changed(moved, updated_at=AT + timedelta(days=2))
    stores.models.commit(
        Commit(after, change=moved, moved=((first, Stage.PRODUCTION), (second, Stage.ARCHIVED)))
    )
    found = stores.versions.find_many(after, [1, 2])
    assert [(one.stage, one.updated_at) for one in found] == [
        (Stage.PRODUCTION, AT + timedelta(days=2)),
        (Stage.ARCHIVED, AT + timedelta(days=2)),
    ]
    assert stores.versions.staged(after, Stage.NONE, 9) == []
    assert stores.versions.staged(after, Stage.PRODUCTION, 9) == [1]
    with pytest.raises(RegisteredModelChangedError):
        stores.models.commit(Commit(after.after(), moved=((first, Stage.STAGING),)))
    assert stores.versions.staged(after, Stage.PRODUCTION, 9) == [1]


@pytest.mark.parametrize("told", [{"candidate": candidate()}, {"status_message": "no ONNX file"}])
def test_whether_a_version_can_be_served_is_settled_once(stores: Stores, told: dict[str, Any]) -> None:
    owner, made = stores.version(stores.add(), tags={"a": "b"})
    settled = made.model_copy(update=told | {"location": "s3://b/there", "run_id": "r1"})
    owner = owner.after()
    stores.models.commit(Commit(owner, settled=settled))
    assert stores.versions.find(owner, 1) == settled
    assert stores.versions.of_run("r1", 9, None).items == ((owner.model_id, 1),)
    other = made.model_copy(update={"status_message": "another"})
    with pytest.raises(RegisteredModelChangedError):
        stores.models.commit(Commit(owner.after(), settled=other))
    with pytest.raises(RegisteredModelChangedError):
        stores.models.commit(Commit(owner.after(), settled=made.model_copy(update=told | {"version": 9})))


def test_a_removed_version_is_gone(stores: Stores) -> None:
    owner, made = stores.version(stores.add())
    gone = change(owner, ChangeKind.VERSION_DELETED, version=1)
    after = owner.changed(gone)
    stores.models.commit(Commit(after, change=gone, removed=made))
    assert stores.versions.find(after, 1) is None
    assert stores.versions.staged(after, Stage.NONE, 9) == []
    assert stores.versions.page_by_age(after, 9, None).items == ()
    again = change(after, ChangeKind.VERSION_DELETED, version=1)
    with pytest.raises(RegisteredModelChangedError):
        stores.models.commit(Commit(after.changed(again), change=again, removed=made))


def test_a_rename_keeps_everything_under_the_new_name(stores: Stores) -> None:
    owner, made = stores.version(stores.add(), job_id="job-1", run_id="r1")
    stores.add("taken")
    renamed = change(owner, ChangeKind.MODEL_RENAMED, to_name="demand")
    after = owner.changed(renamed, name="demand", named_at=renamed.happened_at)
    with pytest.raises(RegisteredModelExistsError):
        stores.models.rename(owner, after.model_copy(update={"name": "taken"}), renamed)
    with pytest.raises(RegisteredModelChangedError):
        stores.models.rename(owner.model_copy(update={"revision": 9}), after, renamed)
    stores.models.rename(owner, after, renamed)
    assert stores.models.find("bikeshare") is None
    assert stores.models.find("demand") == after
    assert stores.models.named([owner.model_id]) == {owner.model_id: after}
    assert stores.versions.find(after, 1) == made.model_copy(update={"model_name": "demand"})
    assert stores.versions.of_job(after, "job-1") is not None
    assert names(stores) == ["demand", "taken"]
    with pytest.raises(RegisteredModelChangedError):
        stores.models.commit(Commit(owner.after(description="late")))


def test_a_removed_model_is_gone_and_its_name_is_free(stores: Stores) -> None:
    owner, _ = stores.version(stores.add())
    gone = change(owner, ChangeKind.MODEL_DELETED)
    with pytest.raises(RegisteredModelChangedError):
        stores.models.remove(owner.model_copy(update={"revision": 9}), gone, deleted(owner))
    stores.models.remove(owner, gone, deleted(owner))
    assert stores.models.find("bikeshare") is None
    assert stores.models.named([owner.model_id]) == {}
    assert names(stores) == []
    with pytest.raises(RegisteredModelChangedError):
        stores.models.remove(owner, gone, deleted(owner))
    again = stores.add(model_id="another")
    assert stores.versions.find(again, 1) is None


def test_changes_are_kept_in_order(stores: Stores) -> None:
    owner = stores.add()
    for number in range(1, 4):
        alias = "champion" if number % 2 else "other"
        moved = change(owner, ChangeKind.ALIAS_MOVED, alias=alias, to_version=number, reason="better")
        owner = owner.changed(moved, aliases={alias: number})
        stores.models.commit(Commit(owner, change=moved))
    first = stores.histories.page(owner.model_id, 3, None)
    second = stores.histories.page(owner.model_id, 3, first.next_cursor)
    assert [one.number for one in first.items + second.items] == [4, 3, 2, 1]
    oldest = stores.histories.page(owner.model_id, 2, None, backwards=False)
    assert [one.kind for one in oldest.items] == [ChangeKind.MODEL_CREATED, ChangeKind.ALIAS_MOVED]
    moves = stores.histories.of_alias(owner.model_id, "champion", 9, None).items
    assert [one.to_version for one in moves] == [3, 1]
    assert stores.histories.of_alias(owner.model_id, "never", 9, None).items == ()


def test_whose_name_it_was_is_known(stores: Stores) -> None:
    owner = stores.add()
    renamed = change(owner, ChangeKind.MODEL_RENAMED, to_name="demand")
    after = owner.changed(renamed, name="demand", named_at=renamed.happened_at)
    stores.models.rename(owner, after, renamed)
    gone = change(after, ChangeKind.MODEL_DELETED)
    stores.models.remove(after, gone, deleted(after))
    first = Tenure(name="bikeshare", owner_id=owner.model_id, since=AT, until=renamed.happened_at)
    assert stores.histories.tenures("bikeshare", 9, None).items == (first,)
    second = Tenure(name="demand", owner_id=owner.model_id, since=renamed.happened_at, until=gone.happened_at)
    assert stores.histories.tenures("demand", 9, None).items == (second,)
    moment = timedelta(microseconds=1)
    assert stores.histories.tenure_at("bikeshare", AT) == first
    assert stores.histories.tenure_at("bikeshare", AT - moment) is None
    assert stores.histories.tenure_at("bikeshare", renamed.happened_at) is None
    assert stores.histories.tenure_at("demand", gone.happened_at - moment) == second
    assert stores.histories.tenure_at("nobody", AT) is None


def test_what_outgrows_an_item_is_refused(aws: None) -> None:
    stores = dynamo(make_table(TABLE))
    huge = {str(number): "x" * 100_000 for number in range(5)}
    with pytest.raises(ModelRecordTooLargeError, match="400 KB"):
        stores.add(tags=huge)
    owner = stores.add()
    with pytest.raises(ModelRecordTooLargeError):
        stores.models.commit(Commit(owner.after(tags=huge)))
    with pytest.raises(ModelRecordTooLargeError):
        stores.version(owner, tags=huge)


def test_news_of_a_deletion_is_written_with_it(aws: None) -> None:
    items = make_table(TABLE)
    stores = dynamo(items)
    gone = stores.add()
    stores.models.remove(gone, change(gone, ChangeKind.MODEL_DELETED), deleted(gone))
    found = items.client.scan(TableName=items.table_name)["Items"]
    assert [item["detail_type"]["S"] for item in found if "detail_type" in item] == [
        "registered_model.deleted"
    ]


def test_news_is_written_with_the_version_or_not_at_all(aws: None) -> None:
    items = make_table(TABLE)
    stores = dynamo(items)
    seen = stores.add()
    added = version(seen, 1, candidate=candidate())
    reference = added.reference()
    assert reference is not None
    said = ModelVersionRegistered(event_id="said", happened_at=AT, registered=reference)
    stores.models.commit(Commit(seen.after(newest=1), added=added, news=(said,)))
    unsaid = said.model_copy(update={"event_id": "unsaid"})
    with pytest.raises(RegisteredModelChangedError):
        stores.models.commit(Commit(seen.after(newest=1), added=version(seen, 2), news=(unsaid,)))
    found = items.get("NEWS#said", "NEWS")
    assert found is not None
    assert ModelVersionRegistered.model_validate_json(found["detail"]) == said
    assert items.get("NEWS#unsaid", "NEWS") is None
