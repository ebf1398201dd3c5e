"""Two callers at once, and callers that are cut off, at the door and over a real table's conditions."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.registry.api.handler import handler as api
from functions.registry.inspect_version.handler import handler as inspect_version
from shelflife.aws.clients import client
from shelflife.aws.items import Items
from shelflife.registry.dynamo_models import DynamoRegisteredModels
from shelflife.registry.model import Stage
from shelflife.registry.wiring import history, registry, stages
from tests.fakes.onnx_models import input_of, summing
from tests.harness.disturbed import before_write, cut_off, ended, is_unavailable, throttled
from tests.harness.events import LambdaContext, http_event

CONTEXT = LambdaContext()
MODELS, VERSIONS = "/api/2.0/mlflow/registered-models", "/api/2.0/mlflow/model-versions"
Ask = tuple[str, str, dict[str, Any]]


def ask(method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    answer = api(http_event(method, path, body), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def create(name: str) -> Ask:
    return "POST", f"{MODELS}/create", {"name": name}


def rename(name: str, new_name: str) -> Ask:
    return "POST", f"{MODELS}/rename", {"name": name, "new_name": new_name}


def delete(name: str) -> Ask:
    return "DELETE", f"{MODELS}/delete", {"name": name}


def add(name: str = "churn") -> Ask:
    return "POST", f"{VERSIONS}/create", {"name": name, "source": "s3://bucket/model"}


def alias(version: str) -> Ask:
    return "POST", f"{MODELS}/alias", {"name": "churn", "alias": "champion", "version": version}


def no_alias() -> Ask:
    return "DELETE", f"{MODELS}/alias", {"name": "churn", "alias": "champion"}


def stage(version: str, to: str, *, archive: bool = False) -> Ask:
    told = {"name": "churn", "version": version, "stage": to, "archive_existing_versions": archive}
    return "POST", f"{VERSIONS}/transition-stage", told


def remove(version: str) -> Ask:
    return "DELETE", f"{VERSIONS}/delete", {"name": "churn", "version": version}


@pytest.fixture(autouse=True)
def world(table: Items) -> None:
    """`churn` with versions 1 and 2, of which 1 is champion, and `other`."""
    for asked in (create("churn"), create("other"), add(), add(), alias("1")):
        assert ask(*asked)[0] == 200


def meanwhile(monkeypatch: pytest.MonkeyPatch, theirs: Ask) -> list[tuple[int, Any]]:
    """Somebody else asks this just before our first write; the list is what they were answered."""
    answered: list[tuple[int, Any]] = []

    def after(write: Callable[..., Any]) -> Callable[..., Any]:
        def written(*args: Any) -> Any:
            if not answered:
                answered.append((0, None))
                answered[0] = ask(*theirs)
            return write(*args)

        return written

    for name in ("add", "commit", "rename", "remove"):
        monkeypatch.setattr(DynamoRegisteredModels, name, after(getattr(DynamoRegisteredModels, name)))
    return answered


@pytest.mark.parametrize(
    ("theirs", "ours", "status", "code"),
    [
        (create("new"), create("new"), 400, "RESOURCE_ALREADY_EXISTS"),
        (create("new"), rename("churn", "new"), 400, "RESOURCE_ALREADY_EXISTS"),
        (rename("other", "new"), rename("churn", "new"), 400, "RESOURCE_ALREADY_EXISTS"),
        (rename("churn", "a"), rename("churn", "b"), 404, "RESOURCE_DOES_NOT_EXIST"),
        (rename("churn", "a"), add(), 404, "RESOURCE_DOES_NOT_EXIST"),
        (rename("churn", "a"), alias("2"), 404, "RESOURCE_DOES_NOT_EXIST"),
        (delete("churn"), add(), 404, "RESOURCE_DOES_NOT_EXIST"),
        (delete("churn"), delete("churn"), 404, "RESOURCE_DOES_NOT_EXIST"),
        (delete("churn"), stage("1", "Staging"), 404, "RESOURCE_DOES_NOT_EXIST"),
        (no_alias(), alias("2"), 409, "RESOURCE_CONFLICT"),
        (alias("2"), no_alias(), 409, "RESOURCE_CONFLICT"),
        (stage("1", "Staging"), stage("1", "Production"), 409, "RESOURCE_CONFLICT"),
        (remove("2"), alias("2"), 404, "RESOURCE_DOES_NOT_EXIST"),
        (remove("2"), stage("2", "Production"), 404, "RESOURCE_DOES_NOT_EXIST"),
        (remove("2"), remove("2"), 404, "RESOURCE_DOES_NOT_EXIST"),
    ],
)
def test_of_two_callers_one_wins_and_the_other_is_told(
    monkeypatch: pytest.MonkeyPatch, theirs: Ask, ours: Ask, status: int, code: str
) -> None:
    answered = meanwhile(monkeypatch, theirs)
    told_status, told = ask(*ours)
    assert answered[0][0] == 200
    assert (told_status, told["error_code"]) == (status, code)


def test_of_two_callers_that_move_an_alias_one_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(*add())[0] == 200
    answered = meanwhile(monkeypatch, alias("2"))
    status, told = ask(*alias("3"))
    assert (answered[0][0], status, told["error_code"]) == (200, 409, "RESOURCE_CONFLICT")
    assert registry().model("churn").aliases == {"champion": 2}


TAG: Ask = ("POST", f"{MODELS}/set-tag", {"name": "churn", "key": "k", "value": "v"})
DESCRIBE: Ask = ("PATCH", f"{MODELS}/update", {"name": "churn", "description": "theirs"})


@pytest.mark.parametrize("theirs", [add(), alias("2"), stage("2", "Staging"), TAG, DESCRIBE])
@pytest.mark.parametrize(
    "ours", [add(), stage("1", "Archived"), ("POST", f"{MODELS}/set-tag", {"name": "churn", "key": "ours"})]
)
def test_callers_that_are_in_nobodys_way_both_get_through(
    monkeypatch: pytest.MonkeyPatch, theirs: Ask, ours: Ask
) -> None:
    before = registry().model("churn")
    answered = meanwhile(monkeypatch, theirs)
    assert (ask(*ours)[0], answered[0][0]) == (200, 200)
    model = registry().model("churn")
    added = [theirs, ours].count(add())
    assert (model.newest, model.revision) == (2 + added, before.revision + 2)
    assert model.aliases == {"champion": 2 if theirs == alias("2") else 1}
    assert model.tags.get("k") == ("v" if theirs == TAG else None)
    assert ("ours" in model.tags) is (ours[2].get("key") == "ours")
    assert model.description == ("theirs" if theirs == DESCRIBE else None)
    for one in registry().latest(model):
        assert model.latest[one.stage] == max(stages().versions.staged(model, one.stage, 9)) == one.version


def test_of_two_that_promote_with_archiving_one_version_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    meanwhile(monkeypatch, stage("2", "Production", archive=True))
    assert ask(*stage("1", "Production", archive=True))[0] == 200
    model = registry().model("churn")
    assert stages().versions.staged(model, Stage.PRODUCTION, 9) == [1]
    assert stages().versions.staged(model, Stage.ARCHIVED, 9) == [2]


def test_archiving_that_was_cut_off_leaves_nothing_broken_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(3, 34):
        ask(*add())
        ask(*stage(str(number), "Production"))
    commit, left = DynamoRegisteredModels.commit, [1]

    def cut_off(self: DynamoRegisteredModels, asked: Any) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop()
        commit(self, asked)

    monkeypatch.setattr(DynamoRegisteredModels, "commit", cut_off)
    with pytest.raises(KeyboardInterrupt):
        ask(*stage("1", "Production", archive=True))
    monkeypatch.undo()
    model = registry().model("churn")
    seen = stages().versions.staged(model, Stage.PRODUCTION, 99)
    assert seen == [8, 7, 6, 5, 4, 3, 1]
    assert {one.version: one.stage for one in registry().latest(model)} == {
        2: Stage.NONE,
        8: Stage.PRODUCTION,
        33: Stage.ARCHIVED,
    }
    assert ask(*stage("1", "Production", archive=True))[0] == 200
    assert stages().versions.staged(registry().model("churn"), Stage.PRODUCTION, 99) == [1]


def test_who_always_loses_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shelflife.registry.changing._TRIES", 1)
    method, path, body = DESCRIBE
    with before_write(0, lambda: ask(*TAG)):
        assert is_unavailable(api(http_event(method, path, body), CONTEXT))


#: Each is made with a single write.
CHANGES = {
    "model": create("new"),
    "renamed": rename("churn", "new"),
    "deleted": delete("churn"),
    "version": add(),
    "alias": alias("2"),
    "no alias": no_alias(),
    "stage": stage("1", "Production", archive=True),
    "version deleted": remove("1"),
    "described": DESCRIBE,
    "tagged": TAG,
}


def seen() -> list[Any]:
    """All that a reader finds, without times."""
    told: list[Any] = []
    for name in ("churn", "other", "new"):
        status, found = ask("GET", f"{MODELS}/get?name={name}", {})
        model = found.get("registered_model", {})
        versions = ask("GET", f"{VERSIONS}/search?filter=name%3D'{name}'", {})[1].get("model_versions", [])
        told += [status, model.get("aliases"), model.get("tags"), model.get("description")]
        told += [[(one["version"], one["current_stage"], one.get("aliases")) for one in versions]]
        if status == 200:
            owner = registry().model(name)
            told += [
                {one: stages().versions.staged(owner, one, 9) for one in Stage},
                owner.changes,
                owner.latest,
            ]
            told += [len(history().page(name, 99, None).items)]
    return told


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("fault", [cut_off, throttled])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_ends_half_way_is_not_seen_and_made_whole_by_the_next(
    change: str, fault: Callable[[], object], number: int
) -> None:
    before, (method, path, body) = seen(), CHANGES[change]
    with before_write(number, fault):
        answer = ended(api, http_event(method, path, body), CONTEXT)
    if number == 0:
        assert is_unavailable(answer) is (fault is throttled)
        assert seen() == before
        answer = api(http_event(method, path, body), CONTEXT)
    assert answer["statusCode"] == 200
    assert seen() != before


def test_an_inspection_that_was_cut_off_is_done_again(monkeypatch: pytest.MonkeyPatch, table: Items) -> None:
    content, _ = summing(input_of("x"))
    client("s3").put_object(Bucket="artifacts", Key="tracking/1/r1/artifacts/m/model.onnx", Body=content)
    told = {"name": "other", "source": "mlflow-artifacts:/1/r1/artifacts/m", "run_id": "r1"}
    ask("POST", f"{VERSIONS}/create", told)
    asked = {"model_id": registry().model("other").model_id, "version": 1}

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(DynamoRegisteredModels, "commit", cut_off)
        with pytest.raises(KeyboardInterrupt):
            inspect_version(asked, CONTEXT)
    assert registry().version("other", 1).candidate is None
    for _ in range(2):
        assert inspect_version(asked, CONTEXT)["servable"] is True
    found = client("dynamodb").scan(TableName=table.table_name)["Items"]
    kinds = [item["detail_type"]["S"] for item in found if item["sk"] == {"S": "NEWS"}]
    assert kinds.count("model_version.registered") == 1
