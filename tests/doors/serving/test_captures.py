"""From a request to its files and figures: live, shadowed, masked."""

import json
from typing import Any

import pytest

from functions.serving.activate_deployment.handler import handler as activate_deployment
from functions.serving.api.handler import handler as api
from functions.serving.predict.handler import handler as predict
from functions.serving.predict_shadows.handler import handler as predict_shadows
from functions.serving.store_captures.handler import handler as store_captures
from shelflife.aws.clients import client
from shelflife.aws.objects import Objects
from shelflife.contracts.models import Datatype
from shelflife.serving.parquet import from_parquet
from shelflife.serving.settings import (
    TABLE,
    PredictSettings,
    PredictShadowsSettings,
    ServingSettings,
    StoreCapturesSettings,
)
from tests.fakes.onnx_models import input_of, reference_of, summing
from tests.harness.cloud import forget_wiring, make_bucket, make_table
from tests.harness.events import LambdaContext, golden, http_event

CONTEXT = LambdaContext()
FEATURES = (input_of("hr"), input_of("temp"), input_of("season", Datatype.BYTES))
ROW = [
    {"name": "hr", "shape": [1], "datatype": "INT64", "data": [8]},
    {"name": "temp", "shape": [1], "datatype": "FP64", "data": [0.5]},
    {"name": "season", "shape": [1], "datatype": "BYTES", "data": ["winter"]},
]
BIKES = "/v1/serving/deployments/bikes"
Urls = dict[str, str]


@pytest.fixture(autouse=True)
def urls(aws: None, monkeypatch: pytest.MonkeyPatch) -> Urls:
    """Deployment `bikes` answers with version 1 of two."""
    table = make_table(TABLE).table_name
    artifacts, bucket = make_bucket("artifacts"), make_bucket("captures")
    urls = {name: client("sqs").create_queue(QueueName=name)["QueueUrl"] for name in ("captures", "shadows")}
    for settings in (
        ServingSettings(serving_table_name=table),
        PredictSettings(
            serving_table_name=table, capture_queue_url=urls["captures"], shadow_queue_url=urls["shadows"]
        ),
        PredictShadowsSettings(serving_table_name=table, capture_queue_url=urls["captures"]),
        StoreCapturesSettings(serving_table_name=table, capture_bucket_name=bucket),
    ):
        for name, value in settings.to_env().items():
            monkeypatch.setenv(name, value)
    ask("POST", "/v1/serving/deployments", {"name": "bikes", "model_name": "bikeshare"})
    for version in (2, 1):
        content, signature = summing(*FEATURES, bias=float(version))
        reference = reference_of(
            content, signature, version=version, model_name="bikeshare", bucket=artifacts
        )
        Objects(client("s3")).write(reference.candidate.model.uri, content)
        event = golden("serving/activate_deployment")
        event["detail"] |= {
            "event_id": f"event-{version}",
            "happened_at": f"2026-11-20T08:0{3 - version}:00Z",
            "promoted": reference.model_dump(mode="json"),
        }
        activate_deployment(event, CONTEXT)
    return urls


def ask(method: str, path: str, body: Any = None, **event: Any) -> tuple[int, Any]:
    answer = api(http_event(method, path, body, **event), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None


def infer(**body: Any) -> int:
    status: int = predict(
        http_event("POST", "/v2/models/bikes/infer", {"id": "r1", "inputs": ROW} | body), CONTEXT
    )["statusCode"]
    return status


def shadow() -> None:
    rule = {
        "live": [{"model_version": 1, "weight": 100}],
        "shadows": [{"model_version": 2}],
    }
    assert ask("PUT", f"{BIKES}/traffic", rule)[0] == 200


def received(url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while messages := client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [{"messageId": one["MessageId"], "body": one["Body"]} for one in messages]
    return found


def event(records: list[dict[str, Any]]) -> dict[str, Any]:
    base = golden("serving/store_captures")["Records"][0]
    return {"Records": [base | record for record in records]}


def stored() -> dict[str, Any]:
    """Columns of each file by the folder that it is below; there is one of a kind here."""
    found = client("s3").list_objects_v2(Bucket="captures").get("Contents", [])
    keys = [one["Key"] for one in found if one["Key"].endswith(".parquet")]
    return {
        key.partition("/")[0]: from_parquet(Objects(client("s3")).read(f"s3://captures/{key}"))
        for key in keys
    }


def test_a_shadowed_request_is_answered_twice_and_compared(urls: Urls) -> None:
    shadow()
    assert infer() == 200
    requests = event(received(urls["shadows"]))
    for _ in range(2):
        assert predict_shadows(requests, CONTEXT) == {"batchItemFailures": []}
    captures = event(received(urls["captures"]))
    assert len(captures["Records"]) == 3
    assert store_captures(captures, CONTEXT) == {"batchItemFailures": []}
    files = stored()
    assert sorted(files) == ["captures", "shadows"]
    assert files["captures"]["output.prediction"].tolist() == [19.5]
    shadows = files["shadows"]
    assert (shadows["output.prediction"].tolist(), shadows["live.prediction"].tolist()) == ([20.5], [19.5])
    assert (shadows["variant"].tolist(), shadows["live_variant"].tolist()) == (["v2"], ["v1"])
    status, seen = ask("GET", f"{BIKES}/windows?variant=v2", role="viewer")
    assert status == 200
    assert (seen["variant"], seen["total"]["requests"], seen["total"]["pairs"]) == ("v2", 1, 1)
    assert seen["total"]["disagreements"] == 1
    assert len(seen["windows"]) == 1


def test_the_golden_request_is_answered_by_its_shadow(urls: Urls) -> None:
    shadow()
    golden_event = golden("serving/predict_shadows")
    revision = ask("GET", BIKES)[1]["revision"]
    (record,) = golden_event["Records"]
    record["body"] = json.dumps(json.loads(record["body"]) | {"revision": revision})
    assert predict_shadows(golden_event, CONTEXT) == {"batchItemFailures": []}
    (capture,) = received(urls["captures"])
    told = json.loads(capture["body"])
    assert (told["role"], told["variant"], told["first_row"]) == ("shadow", "v2", 0)
    assert told["outputs"]["prediction"][0] == pytest.approx(20.24)


def test_a_request_to_a_revision_that_is_unknown_comes_again(urls: Urls) -> None:
    golden_event = golden("serving/predict_shadows")
    (record,) = golden_event["Records"]
    record["body"] = json.dumps(json.loads(record["body"]) | {"revision": 99})
    told = predict_shadows(golden_event, CONTEXT)
    assert told == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    assert received(urls["captures"]) == []


def test_a_failed_request_is_a_file_of_its_own_and_a_refusal(urls: Urls) -> None:
    assert infer(inputs=ROW[:2]) == 400
    assert store_captures(event(received(urls["captures"])), CONTEXT) == {"batchItemFailures": []}
    (columns,) = stored().values()
    assert [*stored()] == ["failures"]
    assert columns["error"].tolist() == ["InvalidRequestError"]
    _, seen = ask("GET", f"{BIKES}/windows")
    assert (seen["total"]["requests"], seen["total"]["refusals"], seen["total"]["failures"]) == (1, 1, 0)


def test_what_is_masked_is_in_no_queue_and_in_no_file(urls: Urls) -> None:
    policy = {"hidden": ["season"], "hashed": ["hr"]}
    status, shown = ask("PUT", f"{BIKES}/capture", policy, role="contributor")
    assert (status, shown["capture"]) == (200, {"sampling_rate": 1.0} | policy)
    assert infer() == 200
    (message,) = received(urls["captures"])
    assert "winter" not in message["body"]
    told = json.loads(message["body"])
    assert "season" not in told["inputs"]
    assert told["inputs"]["hr"] != [8]
    assert store_captures(event([message]), CONTEXT) == {"batchItemFailures": []}
    columns = stored()["captures"]
    assert columns["input.season"].tolist() == [None]
    assert columns["input.hr"].tolist() == told["inputs"]["hr"]
    assert columns["input.temp"].tolist() == [0.5]


def test_a_policy_names_what_the_model_has_and_leaves_shadows_their_features() -> None:
    status, problem = ask("PUT", f"{BIKES}/capture", {"hashed": ["wind"]})
    assert (status, problem["errors"][0]["field"]) == (400, "hashed")
    assert "'season'" in problem["errors"][0]["message"]
    shadow()
    status, problem = ask("PUT", f"{BIKES}/capture", {"hidden": ["season"]})
    assert (status, problem["errors"][0]["message"]) == (400, "shadow variants have to see feature 'season'")
    assert ask("PUT", f"{BIKES}/capture", {"hidden": ["prediction"]})[0] == 200
    assert ask("PUT", "/v1/serving/deployments/boats/capture", {})[0] == 404
    assert ask("PUT", f"{BIKES}/capture", {}, role="viewer")[0] == 403
    assert ask("PUT", f"{BIKES}/capture", {"key": "mine"})[0] == 400


def test_values_are_hashed_under_the_same_key_after_every_change(urls: Urls) -> None:
    hashed = []
    for hidden in ([], ["temp"]):
        assert ask("PUT", f"{BIKES}/capture", {"hashed": ["hr"], "hidden": hidden})[0] == 200
        # Another instance of the function: it sees the change at once.
        forget_wiring()
        infer()
        hashed += [json.loads(one["body"])["inputs"]["hr"] for one in received(urls["captures"])]
    assert len(hashed) == 2
    assert hashed[0] == hashed[1] != [8]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("variant=v9", 404),
        ("revision=9", 404),
        ("revision=one", 400),
        ("since=2026-11-20T08:00:00Z&until=2026-11-21T08:00:01Z", 400),
        ("since=2026-11-20T08:00:00Z&until=2026-11-20T07:00:00Z", 400),
        ("since=yesterday", 400),
        ("since=2026-11-20T08:00:00Z&until=2026-11-21T08:00:00Z&variant=v1&revision=2", 200),
    ],
)
def test_windows_are_of_one_variant_and_a_day_at_the_most(query: str, status: int) -> None:
    assert ask("GET", f"{BIKES}/windows?{query}")[0] == status
    assert ask("GET", "/v1/serving/deployments/boats/windows")[0] == 404
