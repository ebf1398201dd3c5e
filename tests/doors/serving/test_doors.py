import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from functions.serving.activate_deployment.handler import handler as activate_deployment
from functions.serving.api.handler import handler as api
from functions.serving.count_labels.handler import handler as count_labels
from functions.serving.publish_news.handler import handler as publish_news
from functions.serving.store_captures.handler import handler as store_captures
from shelflife.aws.clients import client
from shelflife.aws.items import Items
from shelflife.aws.objects import Objects
from shelflife.contracts.models import Datatype
from shelflife.contracts.monitoring import Label, LabelBatch, LabelsReceived
from shelflife.contracts.serving import (
    CapturedProfile,
    DeploymentActivated,
    DeploymentCreated,
    DeploymentRemoved,
    DeploymentShifted,
    ExperimentEnded,
)
from shelflife.kernel.profiles import from_json, reference_profile, to_json
from shelflife.serving.captures import Answered, claim_key_of
from shelflife.serving.claims import DynamoClaims
from shelflife.serving.dynamo import DynamoVersions
from shelflife.serving.model import DeployableVersion
from shelflife.serving.parquet import from_parquet
from shelflife.serving.settings import TABLE, CountLabelsSettings, ServingSettings
from tests.fakes.onnx_models import input_of, reference_of, stored, summing
from tests.harness.cloud import make_bucket, make_table
from tests.harness.events import LambdaContext, golden, http_event

CONTEXT = LambdaContext()
BIKES = {"name": "bikes", "model_name": "bikeshare"}
FEATURES = (input_of("hr"), input_of("temp"), input_of("season", Datatype.BYTES))


@pytest.fixture(autouse=True)
def table(aws: None, monkeypatch: pytest.MonkeyPatch) -> Items:
    table = make_table(TABLE)
    make_bucket("artifacts")
    settings = CountLabelsSettings(
        serving_table_name=table.table_name,
        capture_bucket_name=make_bucket("captures"),
        label_queue_url=client("sqs").create_queue(QueueName="labels")["QueueUrl"],
    )
    for name, value in (
        settings.to_env() | ServingSettings(serving_table_name=table.table_name).to_env()
    ).items():
        monkeypatch.setenv(name, value)
    return table


def ask(method: str, path: str, body: Any = None, **event: Any) -> tuple[int, Any]:
    answer = api(http_event(method, path, body, **event), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None


def promoted() -> dict[str, Any]:
    """The golden news of a model that is really there, with a baseline."""
    content, signature = summing(*FEATURES)
    trained = reference_profile(
        {
            "hr": np.array([8.0, 17.0]),
            "temp": np.array([0.24, 0.5]),
            "season": np.array(["winter", "summer"], dtype=object),
            "prediction": np.array([18.24, 17.0]),
        }
    )
    body = to_json(trained).encode()
    baseline = stored("s3://artifacts/training/job-1/baseline.json", body)
    reference = reference_of(content, signature, model_name="bikeshare", baseline=baseline)
    objects = Objects(client("s3"))
    objects.write(reference.candidate.model.uri, content)
    objects.write(baseline.uri, body)
    event: dict[str, Any] = golden("serving/activate_deployment")
    event["detail"]["promoted"] = reference.model_dump(mode="json")
    return event


def news_in(table: Items) -> list[dict[str, Any]]:
    found = client("dynamodb").scan(TableName=table.table_name)["Items"]
    return [item for item in found if item["sk"] == {"S": "NEWS"}]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_deployment_is_made_listed_shown_and_removed(version: str) -> None:
    status, made = ask("POST", "/v1/serving/deployments", BIKES, role="contributor", version=version)
    assert status == 201
    assert (made["state"], made["model_version"], made["alias"]) == ("waiting", None, "champion")
    assert (made["created_by"], made["capture"]) == (
        "tester",
        {"sampling_rate": 1.0, "hidden": [], "hashed": []},
    )
    _, listed = ask("GET", "/v1/serving/deployments", role="viewer", version=version)
    assert listed == {"deployments": [made], "next_cursor": None}
    path = "/v1/serving/deployments/bikes"
    assert ask("GET", path, version=version) == (200, made | {"revisions": []})
    assert ask("DELETE", path, role="contributor", version=version) == (204, None)
    for method, gone in (("GET", path), ("DELETE", path), ("GET", f"{path}/revisions")):
        status, problem = ask(method, gone, version=version)
        assert (status, problem["type"]) == (404, "/errors/deployment-not-found")


def test_a_name_is_taken_once() -> None:
    ask("POST", "/v1/serving/deployments", BIKES)
    status, problem = ask("POST", "/v1/serving/deployments", BIKES)
    assert (status, problem["type"]) == (409, "/errors/deployment-exists")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "a b"}, "name"),
        ({"name": "x" * 64}, "name"),
        ({"model_name": None}, "model_name"),
        ({"capture": {"sampling_rate": 1.5}}, "capture.sampling_rate"),
        ({"capture": {"sampling_rate": "often"}}, "capture.sampling_rate"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_with_a_deployment_is_named(changes: dict[str, Any], field: str) -> None:
    status, problem = ask("POST", "/v1/serving/deployments", BIKES | changes)
    assert (status, [fault["field"] for fault in problem["errors"]]) == (400, [field])


@pytest.mark.parametrize("name", ["x" * 5000, "a%23b", "-"])
def test_a_name_that_cannot_be_is_not_found(name: str) -> None:
    assert ask("GET", f"/v1/serving/deployments/{name}")[0] == 404


def test_a_viewer_changes_nothing() -> None:
    assert ask("POST", "/v1/serving/deployments", BIKES, role="viewer")[0] == 403
    assert ask("DELETE", "/v1/serving/deployments/bikes", role="viewer")[0] == 403
    assert ask("GET", "/v1/serving/deployments", role=None)[0] == 401


def test_a_promotion_activates_once_however_often_it_is_told(table: Items) -> None:
    ask("POST", "/v1/serving/deployments", BIKES)
    event = promoted()
    for _ in range(2):
        activate_deployment(event, CONTEXT)
    _, shown = ask("GET", "/v1/serving/deployments/bikes")
    assert (shown["state"], shown["revision"], shown["model_version"]) == ("ready", 1, 1)
    assert [(one["revision"], one["model_version"]) for one in shown["revisions"]] == [(1, 1)]
    assert ask("GET", "/v1/serving/deployments/bikes/revisions?limit=1")[1]["revisions"] == shown["revisions"]
    told = [item["detail_type"]["S"] for item in news_in(table)]
    assert sorted(told) == ["deployment.activated", "deployment.created", "deployment.shifted"]


def test_a_deployment_made_after_the_promotion_catches_up(table: Items) -> None:
    activate_deployment(promoted(), CONTEXT)
    ask("POST", "/v1/serving/deployments", BIKES)
    event = golden("published/serving.deployment_created.v1")
    (created,) = news_in(table)
    event["detail"] = json.loads(created["detail"]["S"])
    activate_deployment(event, CONTEXT)
    assert ask("GET", "/v1/serving/deployments/bikes")[1]["state"] == "ready"


def test_a_rule_is_put_shown_and_refused_by_who_saw_another_revision(table: Items) -> None:
    serving()
    DynamoVersions(table).keep(
        DeployableVersion(reference=reference_of(*summing(input_of("x")), version=2, model_name="bikeshare"))
    )
    path = "/v1/serving/deployments/bikes"
    live = [{"model_version": 1, "weight": 90}, {"model_version": 2, "weight": 10, "name": "canary"}]
    asked = {"live": live, "reason": "a look at version 2", "expected_revision": 1}
    status, shown = ask("PUT", f"{path}/traffic", asked, role="contributor")
    assert (status, shown["revision"], shown["model_version"]) == (200, 2, 1)
    assert shown["traffic"] == {
        "live": [
            {"name": "v1", "model_version": 1, "weight": 90.0},
            {"name": "canary", "model_version": 2, "weight": 10.0},
        ],
        "shadows": [],
    }
    newest = ask("GET", f"{path}/revisions")[1]["revisions"][0]
    assert newest["change"] == {"changed_by": "tester", "reason": "a look at version 2", "rollout_id": None}
    assert ask("PUT", f"{path}/traffic", asked)[1]["type"] == "/errors/deployment-changed"
    assert ask("PUT", f"{path}/traffic", asked | {"expected_revision": 2})[1]["revision"] == 2
    # The stable version is the same: nobody has to be told.
    told = [item["detail_type"]["S"] for item in news_in(table)]
    assert told.count("deployment.activated") == 1


def test_answers_are_kept_by_a_policy_or_not_at_all() -> None:
    serving()
    path = "/v1/serving/deployments/bikes/cache"
    assert ask("GET", "/v1/serving/deployments/bikes")[1]["cache"] is None
    policy = {"ttl_seconds": 300}
    status, shown = ask("PUT", path, {"cache": policy}, role="contributor")
    assert (status, shown["cache"]) == (200, policy)
    assert ask("GET", "/v1/serving/deployments/bikes")[1]["cache"] == policy
    assert ask("PUT", path, {"cache": None})[1]["cache"] is None
    for wrong in ({}, {"cache": {"ttl_seconds": 0}}, {"cache": {"ttl_seconds": 10**7}}):
        assert ask("PUT", path, wrong)[0] == 400
    assert ask("PUT", path, {"cache": policy}, role="viewer")[0] == 403
    assert ask("PUT", "/v1/serving/deployments/boats/cache", {"cache": policy})[0] == 404


def experimenting(table: Items) -> None:
    """Deployment `bikes` has two versions of equal weight."""
    serving()
    DynamoVersions(table).keep(
        DeployableVersion(reference=reference_of(*summing(input_of("x")), version=2, model_name="bikeshare"))
    )
    live = [{"model_version": 1, "weight": 50}, {"model_version": 2, "weight": 50}]
    assert ask("PUT", "/v1/serving/deployments/bikes/traffic", {"live": live})[0] == 200


def capture(table: Items, id: str, variant: str, captured_at: str) -> None:
    answered = Answered(2, variant, assigned=True, captured_at=datetime.fromisoformat(captured_at))
    DynamoClaims(table).claim(claim_key_of("bikes", id), "s3://file", answered.captured_at, answered)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_an_experiment_is_started_told_of_goals_shown_and_won(table: Items, version: str) -> None:
    experimenting(table)
    path = "/v1/serving/deployments/bikes"
    asked = {"goal": {"name": "bought", "kind": "proportion", "minimum_samples": 2}, "reason": "is 2 better?"}
    status, started = ask("POST", f"{path}/experiments", asked, role="contributor", version=version)
    assert (status, started["state"], started["variants"]) == (201, "running", ["v1", "v2"])
    assert (started["started_by"], started["reason"]) == ("tester", "is 2 better?")
    for at in range(4):
        capture(table, f"p{at}", f"v{at % 2 + 1}", started["started_at"])
    told = {"goals": [{"prediction_id": f"p{at}", "value": at % 2} for at in range(5)]}
    answer = {"accepted": ["p0", "p1", "p2", "p3"], "duplicate": [], "unknown": ["p4"], "ignored": []}
    assert ask("POST", f"{path}/goals", told, role="contributor", version=version) == (200, answer)
    again = answer | {"accepted": [], "duplicate": answer["accepted"]}
    assert ask("POST", f"{path}/goals", told, version=version) == (200, again)
    one = f"{path}/experiments/{started['experiment_id']}"
    _, shown = ask("GET", one, role="viewer", version=version)
    standing = shown.pop("standing")
    assert shown == started
    assert [(of["variant"], of["samples"], of["mean"]) for of in standing["variants"]] == [
        ("v1", 2, 0.0),
        ("v2", 2, 1.0),
    ]
    assert (standing["leader"], standing["comparisons"][0]["decision"]) == (None, "undecided")


def test_the_rule_stays_until_an_experiment_is_stopped_and_its_winner_answers(table: Items) -> None:
    experimenting(table)
    path = "/v1/serving/deployments/bikes"
    _, started = ask("POST", f"{path}/experiments", {"goal": {"name": "orders"}})
    status, problem = ask("PUT", f"{path}/traffic", {"live": [ALL]})
    assert (status, problem["type"]) == (409, "/errors/experiment-running")
    listed = {"experiments": [started], "next_cursor": None}
    assert ask("GET", f"{path}/experiments") == (200, listed)
    stop = f"{path}/experiments/{started['experiment_id']}/stop"
    _, ended = ask("POST", stop, {"winner": "v2", "reason": "it is"}, role="contributor")
    assert (ended["state"], ended["winner"], ended["ended_by"]) == ("decided", "v2", "tester")
    _, deployment = ask("GET", path)
    assert (deployment["model_version"], deployment["experiment_id"]) == (2, None)
    assert ask("POST", stop, {})[1]["type"] == "/errors/experiment-over"


def test_an_alias_that_moves_during_an_experiment_is_followed_when_it_is_over(table: Items) -> None:
    experimenting(table)
    path = "/v1/serving/deployments/bikes"
    _, started = ask("POST", f"{path}/experiments", {"goal": {"name": "orders"}})
    event = promoted()
    event["detail"] |= {"happened_at": "2026-11-21T08:00:00Z", "event_id": "later"}
    event["detail"]["promoted"]["version"] = 3
    activate_deployment(event, CONTEXT)
    assert ask("GET", path)[1]["revision"] == 2
    ask("POST", f"{path}/experiments/{started['experiment_id']}/stop", {})
    (told,) = [
        item["detail"]["S"]
        for item in news_in(table)
        if item["detail_type"]["S"] == ExperimentEnded.detail_type
    ]
    over = golden("published/serving.experiment_ended.v1")
    over["detail"] = json.loads(told)
    activate_deployment(over, CONTEXT)
    shown = ask("GET", path)[1]
    assert (shown["revision"], shown["model_version"]) == (3, 3)


@pytest.mark.parametrize(
    ("path", "asked", "status", "told"),
    [
        ("experiments", {}, 400, "goal"),
        ("experiments", {"goal": {"name": "a b"}}, 400, "goal.name"),
        ("experiments", {"goal": {"name": "a", "kind": "median"}}, 400, "goal.kind"),
        ("experiments", {"goal": {"name": "a"}}, 409, "nothing to compare"),
        ("experiments/e1/stop", {}, 404, "no experiment 'e1'"),
        ("goals", {"goals": []}, 400, "goals"),
        ("goals", {"goals": [{"prediction_id": "a", "value": 1}] * 1001}, 400, "goals"),
        ("goals", {"goals": [{"prediction_id": "", "value": 1}]}, 400, "goals.0.prediction_id"),
    ],
)
def test_what_is_wrong_with_an_experiment_is_told(
    path: str, asked: dict[str, Any], status: int, told: str
) -> None:
    serving()
    found, problem = ask("POST", f"/v1/serving/deployments/bikes/{path}", asked)
    assert found == status
    assert told in json.dumps(problem)


def test_a_viewer_looks_at_experiments_and_tells_nothing() -> None:
    serving()
    path = "/v1/serving/deployments/bikes"
    assert ask("GET", f"{path}/experiments", role="viewer") == (200, {"experiments": [], "next_cursor": None})
    for refused in ("experiments", "experiments/e1/stop", "goals"):
        assert ask("POST", f"{path}/{refused}", {}, role="viewer")[0] == 403


ALL = {"model_version": 1, "weight": 100}


@pytest.mark.parametrize(
    ("asked", "status", "told"),
    [
        ({"live": [{"model_version": 1, "weight": 90}]}, 400, "weights add up to 90.0, expected 100"),
        ({"live": [{"model_version": 7, "weight": 100}]}, 404, "no version 7 that could be deployed"),
        ({"live": []}, 400, "live"),
        (
            {"live": [{"model_version": 1, "weight": 100}], "shadows": [{"model_version": 9}]},
            404,
            "version 9",
        ),
    ],
)
def test_what_is_wrong_with_a_rule_is_told(asked: dict[str, Any], status: int, told: str) -> None:
    serving()
    found, problem = ask("PUT", "/v1/serving/deployments/bikes/traffic", asked)
    assert found == status
    assert told in problem["detail"]


def stored_files() -> list[str]:
    found = client("s3").list_objects_v2(Bucket="captures").get("Contents", [])
    return [one["Key"] for one in found]


def serving() -> None:
    ask("POST", "/v1/serving/deployments", BIKES)
    activate_deployment(promoted(), CONTEXT)


def test_a_captured_request_becomes_parquet_and_a_profile() -> None:
    serving()
    assert store_captures(golden("serving/store_captures"), CONTEXT) == {"batchItemFailures": []}
    assert store_captures(golden("serving/store_captures"), CONTEXT) == {"batchItemFailures": []}
    captures, profiles = stored_files()
    assert Path(captures).parent == Path("captures/bikes/2026/11/20/08")
    assert Path(profiles) == Path("profiles/bikes/2026/11/20/08") / f"{Path(captures).stem}.json"
    columns = from_parquet(Objects(client("s3")).read(f"s3://captures/{captures}"))
    assert columns["input.season"].tolist() == ["winter", None]
    profile = CapturedProfile.model_validate_json(Objects(client("s3")).read(f"s3://captures/{profiles}"))
    counted = from_json(profile.profile_json)
    assert counted.columns["hr"].counts.tolist() == [1, 1]
    assert counted.columns["temp"].missing == 1


def labelled() -> Any:
    """News of the truth about the golden capture."""
    told = golden("serving/count_labels")
    uri = json.loads(told["Records"][0]["body"])["labels_uri"]
    batch = LabelBatch(
        batch_id="b1",
        deployment="bikes",
        received_at=datetime(2026, 11, 20, 8, 2, tzinfo=UTC),
        labels=(Label(capture_id="01kagq4w0a0000000000000000", values=(18.0, 19.0)),),
    )
    Objects(client("s3")).write(uri, batch.model_dump_json().encode())
    return told


def losses() -> tuple[int, Any]:
    path = "/v1/serving/deployments/bikes/windows?since=2026-11-20T08:00:00Z&until=2026-11-20T08:10:00Z"
    total = ask("GET", path)[1]["total"]
    return total["labels"], total["loss_sum"]


def test_labels_become_losses_of_the_variant_that_answered() -> None:
    serving()
    store_captures(golden("serving/store_captures"), CONTEXT)
    told = labelled()
    for _ in range(2):
        assert count_labels(told, CONTEXT) == {"batchItemFailures": []}
    assert losses() == (2, pytest.approx(2.24))


def test_labels_that_come_before_their_captures_go_back_into_the_queue() -> None:
    serving()
    told = labelled()
    record = told["Records"][0]
    news = LabelsReceived.model_validate_json(record["body"])
    record["body"] = news.model_copy(update={"happened_at": datetime.now(UTC)}).model_dump_json()
    assert count_labels(told, CONTEXT) == {"batchItemFailures": []}
    assert losses() == (0, 0)
    store_captures(golden("serving/store_captures"), CONTEXT)
    url = client("sqs").get_queue_url(QueueName="labels")["QueueUrl"]
    (back,) = client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert count_labels({"Records": [record | {"body": back["Body"]}]}, CONTEXT) == {"batchItemFailures": []}
    assert losses() == (2, pytest.approx(2.24))
    assert "Messages" not in client("sqs").receive_message(QueueUrl=url)


@pytest.mark.parametrize("poison", ["", "{", "[]", "{}", '{"capture_id": 1}'])
def test_a_message_that_cannot_be_read_fails_alone(poison: str) -> None:
    serving()
    event = golden("serving/store_captures")
    event["Records"].append(event["Records"][0] | {"messageId": "bad", "body": poison})
    assert store_captures(event, CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert len(stored_files()) == 2


def test_a_capture_of_an_unknown_deployment_comes_again() -> None:
    event = golden("serving/store_captures")
    failed = [{"itemIdentifier": event["Records"][0]["messageId"]}]
    assert store_captures(event, CONTEXT) == {"batchItemFailures": failed}


@pytest.mark.parametrize(
    ("name", "news"),
    [
        ("deployment_activated", DeploymentActivated),
        ("deployment_created", DeploymentCreated),
        ("deployment_shifted", DeploymentShifted),
        ("deployment_removed", DeploymentRemoved),
    ],
)
def test_the_golden_news_is_what_the_contract_says(name: str, news: Any) -> None:
    published = golden(f"published/serving.{name}.v1")
    assert published["detail-type"] == news.detail_type
    assert news.model_validate(published["detail"]).model_dump(mode="json") == published["detail"]


def test_news_goes_onto_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    client("events").create_event_bus(Name="bus")
    monkeypatch.setenv("BUS_NAME", "bus")
    assert publish_news(golden("serving/publish_news"), CONTEXT) == {"batchItemFailures": []}
