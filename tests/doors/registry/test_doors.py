import json
from typing import Any

import pytest

from functions.registry.api.handler import handler as api
from functions.registry.find_alias.handler import handler as find_alias
from functions.registry.history.handler import handler as read_history
from functions.registry.inspect_version.handler import handler as inspect_version
from functions.registry.move_alias.handler import handler as move_alias
from functions.registry.note_use.handler import handler as note_use
from functions.registry.publish_news.handler import handler as publish_news
from functions.registry.register_version.handler import handler as register_version
from functions.registry.sweep_model.handler import handler as sweep_model
from shelflife.aws.clients import client
from shelflife.aws.items import Items, to_item
from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.registry import AliasFound, ModelVersionPromoted
from shelflife.entry.task import InvalidTaskInputError
from shelflife.registry.errors import CandidateNotPassedError
from tests.fakes.onnx_models import input_of, summing
from tests.harness.events import LambdaContext, golden, http_event

CONTEXT = LambdaContext()
MODELS = "/v1/registry/models"


@pytest.fixture(autouse=True)
def installed(table: Items) -> None:
    pass


def ask(method: str, path: str, body: Any = None, **event: Any) -> tuple[int, Any]:
    answer = api(http_event(method, path, body, **event), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None


def register(job_id: str) -> int:
    event = golden("registry/register_version")
    event["candidate"]["job_id"] = job_id
    number: int = register_version(event, CONTEXT)["version"]
    return number


def test_a_candidate_is_registered_promoted_and_found() -> None:
    assert find_alias(golden("registry/find_alias"), CONTEXT) == {"found": None}
    registered = register_version(golden("registry/register_version"), CONTEXT)
    reference = ModelVersionReference.model_validate(registered)
    assert (reference.model_name, reference.version) == ("bikeshare", 1)
    assert move_alias(golden("registry/move_alias"), CONTEXT) == registered
    found = AliasFound.model_validate(find_alias(golden("registry/find_alias"), CONTEXT))
    assert found.found == reference


def test_every_task_can_be_asked_twice(table: Items) -> None:
    for _ in range(2):
        assert register_version(golden("registry/register_version"), CONTEXT)["version"] == 1
    for _ in range(2):
        move_alias(golden("registry/move_alias"), CONTEXT)
    told = [item["detail_type"]["S"] for item in news_in(table)]
    assert sorted(told) == ["model_version.promoted", "model_version.registered"]


def test_a_task_that_cannot_be_done_says_why() -> None:
    event = golden("registry/register_version")
    event["verdict"]["passed"] = False
    with pytest.raises(CandidateNotPassedError):
        register_version(event, CONTEXT)
    with pytest.raises(InvalidTaskInputError, match="version"):
        move_alias({"model_name": "bikeshare"}, CONTEXT)


def news_in(table: Items) -> list[dict[str, Any]]:
    found = client("dynamodb").scan(TableName=table.table_name)["Items"]
    return [item for item in found if item["sk"] == {"S": "NEWS"}]


def hear(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A bus whose events end up in a queue."""
    sqs, events = client("sqs"), client("events")
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.create_event_bus(Name="bus")
    events.put_rule(Name="all", EventBusName="bus", EventPattern='{"source": ["shelflife"]}')
    events.put_targets(Rule="all", EventBusName="bus", Targets=[{"Id": "1", "Arn": arn}])
    monkeypatch.setenv("BUS_NAME", "bus")
    return lambda: [
        json.loads(message["Body"]) for message in sqs.receive_message(QueueUrl=url).get("Messages", [])
    ]


def test_news_goes_from_the_table_to_the_bus(table: Items, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = hear(monkeypatch)
    register_version(golden("registry/register_version"), CONTEXT)
    move_alias(golden("registry/move_alias"), CONTEXT)
    event = golden("registry/publish_news")
    (promoted,) = [one for one in news_in(table) if one["detail_type"] == {"S": "model_version.promoted"}]
    event["Records"][0]["dynamodb"]["NewImage"] = promoted
    assert publish_news(event, CONTEXT) == {"batchItemFailures": []}
    (told,) = heard()
    published = golden("published/registry.model_version_promoted.v1")
    assert (told["source"], told["detail-type"]) == (published["source"], published["detail-type"])
    changing = {"event_id": None, "happened_at": None}
    assert told["detail"] | changing == published["detail"] | changing


def test_the_golden_news_is_what_the_contract_says(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = hear(monkeypatch)
    published = golden("published/registry.model_version_promoted.v1")
    assert published["detail-type"] == ModelVersionPromoted.detail_type
    promoted = ModelVersionPromoted.model_validate(published["detail"])
    assert promoted.model_dump(mode="json") == published["detail"]
    publish_news(golden("registry/publish_news"), CONTEXT)
    assert [told["detail"] for told in heard()] == [published["detail"]]


def test_other_records_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = hear(monkeypatch)
    event = golden("registry/publish_news")
    event["Records"][0]["dynamodb"]["NewImage"] = to_item({"pk": "NAME#a", "sk": "NAME"})
    assert publish_news(event, CONTEXT) == {"batchItemFailures": []}
    assert heard() == []


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_models_versions_and_aliases_are_told(version: str) -> None:
    assert ask("GET", MODELS, version=version) == (200, {"models": [], "next_cursor": None})
    register("job-1")
    register("job-2")
    status, listed = ask("GET", MODELS, version=version)
    assert (status, [model["name"] for model in listed["models"]]) == (200, ["bikeshare"])
    _, versions = ask("GET", f"{MODELS}/bikeshare/versions?limit=1", version=version)
    assert [one["version"] for one in versions["versions"]] == [2]
    _, rest = ask(
        "GET", f"{MODELS}/bikeshare/versions?limit=1&cursor={versions['next_cursor']}", version=version
    )
    assert [one["version"] for one in rest["versions"]] == [1]
    _, second = ask("GET", f"{MODELS}/bikeshare/versions/2", version=version)
    assert (second["job_id"], second["candidate"]["metrics"]["mae"]) == ("job-2", 41.25)
    status, moved = ask(
        "PUT", f"{MODELS}/bikeshare/aliases/champion", {"version": 2, "reason": "better"}, version=version
    )
    assert (status, moved["version"], moved["moved_by"]) == (200, 2, "tester")
    _, model = ask("GET", f"{MODELS}/bikeshare", version=version)
    assert (model["latest_version"], model["aliases"][0]["version"]) == (2, 2)
    _, alias = ask("GET", f"{MODELS}/bikeshare/aliases/champion", version=version)
    assert alias["model_version"] == second


def test_a_roll_back_is_one_call_and_leaves_its_trace() -> None:
    register("job-1")
    register("job-2")
    path = f"{MODELS}/bikeshare/aliases/champion"
    for number, reason in ((1, "first"), (2, "better"), (1, "spoiled")):
        assert ask("PUT", path, {"version": number, "reason": reason}, role="approver")[0] == 200
    _, history = ask("GET", f"{path}/history", role="viewer")
    told = [(move["from_version"], move["to_version"], move["reason"]) for move in history["moves"]]
    assert told == [(2, 1, "spoiled"), (1, 2, "better"), (None, 1, "first")]
    assert {move["evaluation_id"] for move in history["moves"]} == {"job-1.first"}


def test_what_may_not_be_done_or_is_not_there() -> None:
    register("job-1")
    path = f"{MODELS}/bikeshare/aliases/champion"
    asked = {"version": 1, "reason": "better"}
    for expected, method, where, body, role in (
        ("role-required", "PUT", path, asked, "contributor"),
        ("unauthenticated", "GET", MODELS, None, None),
        ("registered-model-not-found", "GET", f"{MODELS}/churn", None, "viewer"),
        ("registered-model-not-found", "GET", f"{MODELS}/churn/versions", None, "viewer"),
        ("model-version-not-found", "GET", f"{MODELS}/bikeshare/versions/9", None, "viewer"),
        ("invalid-parameter", "GET", f"{MODELS}/bikeshare/versions/one", None, "viewer"),
        ("alias-not-found", "GET", path, None, "viewer"),
        ("alias-not-found", "GET", f"{path}/history", None, "viewer"),
        ("model-version-not-found", "PUT", path, {"version": 9, "reason": "better"}, "approver"),
        ("invalid-input", "PUT", path, {"version": 0, "reason": ""}, "approver"),
        ("invalid-alias", "PUT", f"{MODELS}/bikeshare/aliases/latest", asked, "approver"),
        ("invalid-cursor", "GET", f"{MODELS}?cursor=x", None, "viewer"),
    ):
        _, problem = ask(method, where, body, role=role)
        assert problem["type"] == f"/errors/{expected}", (method, where)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_history_tells_every_change_and_what_was_in_use_at_a_time(version: str) -> None:
    register("job-1")
    register("job-2")
    path = f"{MODELS}/bikeshare/aliases/champion"
    for number in (1, 2):
        ask("PUT", path, {"version": number, "reason": f"take {number}"}, version=version)
    status, first = look("/v1/models/bikeshare/history?limit=2", version=version)
    assert status == 200
    assert [change["to_version"] for change in first["changes"]] == [2, 1]
    assert first["changes"][0] | {"happened_at": None} == {
        "model_name": "bikeshare",
        "number": 3,
        "kind": "alias_moved",
        "happened_at": None,
        "made_by": "tester",
        "reason": "take 2",
        "alias": "champion",
        "from_version": 1,
        "to_version": 2,
        "evaluation_id": "job-1.first",
    }
    _, rest = look(f"/v1/models/bikeshare/history?limit=2&cursor={first['next_cursor']}", version=version)
    assert ([change["kind"] for change in rest["changes"]], rest["next_cursor"]) == (["model_created"], None)
    then = first["changes"][1]["happened_at"]
    _, told = look(f"/v1/models/bikeshare/history?at={then}", version=version)
    assert told == {
        "name": "bikeshare",
        "at": then,
        "aliases": {
            "champion": {"version": 1, "since": then, "made_by": "tester", "reason": "take 1"},
        },
        "stages": {},
    }
    _, now = look("/v1/models/bikeshare/history?at=2099-01-01T00:00:00%2B02:00", version=version)
    assert now["aliases"]["champion"]["version"] == 2
    assert (
        look("/v1/models/bikeshare/history?at=4070908800000", version=version)[1]["aliases"] == now["aliases"]
    )


def test_a_history_that_cannot_be_told() -> None:
    register("job-1")
    for query, expected in (
        ("bikeshare/history?at=yesterday", "invalid-parameter"),
        ("bikeshare/history?at=99999999999999999999", "invalid-parameter"),
        ("bikeshare/history?at=1999-01-01", "registered-model-not-found"),
        ("nobody/history", "registered-model-not-found"),
        ("bikeshare/history?limit=0", "invalid-parameter"),
        ("bikeshare/history?cursor=x", "invalid-cursor"),
    ):
        assert look(f"/v1/models/{query}")[1]["type"] == f"/errors/{expected}", query


def look(path: str, **event: Any) -> tuple[int, Any]:
    answer = read_history(http_event("GET", path, None, **event), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def test_what_deployments_follow_and_serve_has_to_stay() -> None:
    for job in ("job-1", "job-2", "job-3"):
        register(job)
    path = f"{MODELS}/bikeshare/aliases/champion"
    ask("PUT", path, {"version": 2, "reason": "better"})
    created, shifted = golden("registry/note_use"), golden("published/serving.deployment_shifted.v1")
    shifted["detail"]["versions"] = [1]
    for event in (created, shifted, created):
        note_use(event, CONTEXT)
    used = ask("GET", f"{MODELS}/bikeshare")[1]["used_by"]
    assert used == [{"deployment": "bikes", "alias": "champion", "versions": [1]}]
    for version, reason in ((1, "it is live, deployment"), (2, "follows alias 'champion'")):
        status, problem = delete(version)
        assert (status, problem["error_code"]) == (409, "RESOURCE_CONFLICT")
        assert reason in problem["message"]
    assert delete(3) == (200, {})
    status, problem = ask("DELETE", "/api/2.0/mlflow/registered-models/alias", NAMED | {"alias": "champion"})
    assert (status, problem["error_code"]) == (409, "RESOURCE_CONFLICT")
    status, problem = ask("DELETE", "/api/2.0/mlflow/registered-models/delete", NAMED)
    assert (status, problem["error_code"]) == (409, "RESOURCE_CONFLICT")
    note_use(golden("published/serving.deployment_removed.v1"), CONTEXT)
    note_use(shifted, CONTEXT)
    assert ask("DELETE", "/api/2.0/mlflow/registered-models/delete", NAMED) == (200, {})


def test_what_is_left_of_a_deleted_model_is_cleared_away_on_its_news(table: Items) -> None:
    register("job-1")
    owner = [item for item in items_in(table) if item["sk"] == {"S": "NAME"} and "model_id" in item]
    ask("DELETE", "/api/2.0/mlflow/registered-models/delete", NAMED)
    event = golden("registry/sweep_model")
    event["detail"]["model_id"] = owner[0]["model_id"]["S"]
    for _ in range(2):
        sweep_model(event, CONTEXT)
    left = {item["pk"]["S"].split("#")[0] for item in items_in(table)}
    assert left == {"HISTORY", "TENURE", "NEWS"}


FILES = "1/models/m-1/artifacts"


def submit(*files: tuple[str, bytes]) -> Any:
    """A client's version of the model `churn`; the answer asks for its inspection."""
    for name, body in files:
        client("s3").put_object(Bucket="artifacts", Key=f"tracking/{FILES}/{name}", Body=body)
    ask("POST", "/api/2.0/mlflow/registered-models/create", {"name": "churn"})
    told = {"name": "churn", "source": f"mlflow-artifacts:/{FILES}", "model_id": "m-1"}
    status, _ = ask("POST", "/api/2.0/mlflow/model-versions/create", told)
    assert status == 200
    return {"model_id": ask("GET", f"{MODELS}/churn")[1]["model_id"], "version": 1}


def test_a_model_that_a_client_logged_can_be_served(table: Items) -> None:
    content, signature = summing(input_of("x"))
    asked = submit(("model.onnx", content), ("MLmodel", b""))
    for _ in range(2):
        assert inspect_version(asked, CONTEXT) == {"servable": True, "reason": None}
    _, version = ask("GET", f"{MODELS}/churn/versions/1")
    model = version["candidate"]["model"]
    key = model["uri"].removeprefix("s3://artifacts/")
    assert client("s3").get_object(Bucket="artifacts", Key=key)["Body"].read() == content
    assert version["candidate"]["signature"] == signature.model_dump(mode="json")
    _, shown = ask("GET", "/api/2.0/mlflow/model-versions/get?name=churn&version=1")
    assert (shown["model_version"]["status"], "status_message" in shown["model_version"]) == ("READY", False)
    assert sorted(item["detail_type"]["S"] for item in news_in(table)) == [
        "model_version.registered",
        "model_version.submitted",
    ]


def test_a_model_that_cannot_be_served_says_why() -> None:
    asked = submit(("model.pkl", b"x"))
    why = "it cannot be served: there is no ONNX file among its artifacts"
    assert inspect_version(asked, CONTEXT) == {"servable": False, "reason": why}
    _, shown = ask("GET", "/api/2.0/mlflow/model-versions/get?name=churn&version=1")
    told = shown["model_version"]
    assert (told["status"], told["status_message"]) == ("READY", why)


NAMED = {"name": "bikeshare"}


def delete(version: int) -> tuple[int, Any]:
    return ask("DELETE", "/api/2.0/mlflow/model-versions/delete", NAMED | {"version": str(version)})


def items_in(table: Items) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client("dynamodb").scan(TableName=table.table_name)["Items"]
    return found
