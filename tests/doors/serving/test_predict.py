import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.serving.activate_deployment.handler import handler as activate_deployment
from functions.serving.api.handler import handler as api
from functions.serving.predict.handler import door
from functions.serving.predict.handler import handler as predict
from shelflife.aws.clients import client
from shelflife.aws.objects import Objects
from shelflife.contracts.models import Datatype
from shelflife.serving.captures import CapturedRows
from shelflife.serving.settings import TABLE, PredictSettings, ServingSettings
from shelflife.serving.wiring import answer_cache, predictions, protocol
from tests.fakes.onnx_models import input_of, reference_of, summing
from tests.harness.cloud import make_bucket, make_table
from tests.harness.events import LambdaContext, golden, http_event

CONTEXT = LambdaContext()
FEATURES = (input_of("hr"), input_of("temp"), input_of("season", Datatype.BYTES))
ROW = [
    {"name": "hr", "shape": [1], "datatype": "INT64", "data": [8]},
    {"name": "temp", "shape": [1, 1], "datatype": "FP64", "data": [[0.5]]},
    {"name": "season", "shape": [1], "datatype": "BYTES", "data": ["winter"]},
]
Promote = Callable[..., None]


@pytest.fixture(autouse=True)
def queue(aws: None, monkeypatch: pytest.MonkeyPatch) -> str:
    table = make_table(TABLE)
    make_bucket("artifacts")
    url = client("sqs").create_queue(QueueName="captures")["QueueUrl"]
    shadow_url = client("sqs").create_queue(QueueName="shadows")["QueueUrl"]
    needed = PredictSettings(
        serving_table_name=table.table_name, capture_queue_url=url, shadow_queue_url=shadow_url
    ).to_env()
    for name, value in (needed | ServingSettings(serving_table_name=table.table_name).to_env()).items():
        monkeypatch.setenv(name, value)
    return url


@pytest.fixture
def promote() -> Promote:
    """Store a model and let the bus tell that it has the alias."""

    def tell(version: int = 1, *, content: bytes | None = None, minute: int = 0) -> None:
        made, signature = summing(*FEATURES, bias=float(version))
        reference = reference_of(made, signature, version=version, model_name="bikeshare")
        stored = made if content is None else content
        Objects(client("s3")).write(reference.candidate.model.uri, stored)
        event = golden("serving/activate_deployment")
        event["detail"] |= {
            "event_id": f"event-{version}-{minute}",
            "happened_at": f"2026-11-20T08:{minute or version:02d}:00Z",
            "promoted": reference.model_dump(mode="json"),
        }
        activate_deployment(event, CONTEXT)

    return tell


@pytest.fixture
def serving(promote: Promote) -> None:
    create()
    promote()


def create(**changes: Any) -> None:
    body = {"name": "bikes", "model_name": "bikeshare"} | changes
    assert api(http_event("POST", "/v1/serving/deployments", body), CONTEXT)["statusCode"] == 201


def ask(method: str, path: str, body: Any = None, **event: Any) -> tuple[int, Any, dict[str, str]]:
    answer = predict(http_event(method, path, body, **event), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def infer(path: str = "/v2/models/bikes/infer", **changes: Any) -> tuple[int, Any, dict[str, str]]:
    return ask("POST", path, {"inputs": ROW} | changes, role="viewer")


def captured(url: str) -> list[CapturedRows]:
    messages = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [CapturedRows.model_validate_json(one["Body"]) for one in messages]


@pytest.mark.usefixtures("serving")
def test_the_golden_request_is_answered_and_captured(queue: str) -> None:
    event = golden("serving/predict")
    event["requestContext"]["authorizer"] = {"lambda": {"principal": "shop", "role": "viewer"}}
    answer = predict(event, CONTEXT)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {
        "model_name": "bikes",
        "model_version": "1",
        "id": "42",
        "outputs": [
            {"name": "prediction", "datatype": "FP32", "shape": [1, 1], "data": [pytest.approx(19.24)]}
        ],
    }
    assert answer["headers"] == {
        "Content-Type": "application/json",
        "x-shelflife-model-version": "1",
        "x-shelflife-revision": "1",
        "x-shelflife-variant": "v1",
    }
    (kept,) = captured(queue)
    assert (kept.capture_id, kept.deployment, kept.model_version) == ("42", "bikes", 1)


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("as_bytes", [False, True])
def test_both_event_formats_and_base64_bodies_are_answered(version: str, as_bytes: bool) -> None:  # noqa: FBT001
    body: Any = {"inputs": ROW, "outputs": [{"name": "prediction"}], "parameters": {"a": 1}}
    body = json.dumps(body).encode() if as_bytes else body
    status, answer, headers = ask(
        "POST", "/v2/models/bikes/infer", body, version=version, headers={"Content-Type": ""}, role="viewer"
    )
    assert (status, answer["outputs"][0]["data"]) == (200, [19.5])
    assert headers["x-shelflife-model-version"] == "1"


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize("number", ["9223372036854775808", "18446744073709551616", "-9223372036854775809"])
def test_a_number_in_json_that_its_type_does_not_hold_is_400(number: str) -> None:
    """The parser reads the greatest ones as floats."""
    body = json.dumps({"inputs": ROW}).replace("[8]", f"[{number}]")
    status, answer, _ = ask("POST", "/v2/models/bikes/infer", body, role="viewer")
    assert status == 400
    assert "'hr'" in answer["error"]
    assert "INT64" in answer["error"]


@pytest.mark.usefixtures("serving")
def test_an_answer_without_an_id_gets_one_that_its_capture_has(queue: str) -> None:
    _, answer, _ = infer()
    assert [kept.capture_id for kept in captured(queue)] == [answer["id"]]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_nobody_is_401_in_the_protocols_form(version: str) -> None:
    status, answer, headers = ask("GET", "/v2/models/bikes", role=None, version=version)
    assert (status, list(answer), headers["WWW-Authenticate"]) == (401, ["error"], "Bearer")


@pytest.mark.parametrize("path", ["/v2", "/v2/health/live", "/v2/health/ready"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_health_and_the_servers_own_metadata_are_open_to_all(path: str, version: str) -> None:
    assert ask("GET", path, role=None, version=version)[0] == 200


@pytest.mark.usefixtures("serving")
def test_a_model_describes_itself() -> None:
    status, answer, _ = ask("GET", "/v2/models/bikes")
    assert status == 200
    assert (answer["name"], answer["versions"]) == ("bikes", ["1"])
    assert [tensor["name"] for tensor in answer["inputs"]] == ["hr", "temp", "season"]
    assert ask("GET", "/v2/models/bikes/versions/1")[1] == answer
    assert ask("GET", "/v2/models/bikes/ready")[:2] == (200, {"name": "bikes", "ready": True})


def test_a_deployment_that_waits_is_503_with_the_reason() -> None:
    create()
    reason = (
        "deployment 'bikes' is not ready: no version of model 'bikeshare' with alias 'champion' "
        "was activated yet"
    )
    assert infer()[:2] == (503, {"error": reason})
    assert ask("GET", "/v2/models/bikes")[:2] == (503, {"error": reason})
    answer = ask("GET", "/v2/models/bikes/ready")
    assert answer[:2] == (503, {"name": "bikes", "ready": False, "error": reason})


def test_a_corrupted_model_never_replaces_one_that_serves(promote: Promote) -> None:
    create()
    promote()
    promote(2, content=b"not what was registered")
    assert infer()[1]["model_version"] == "1"
    shown = json.loads(api(http_event("GET", "/v1/serving/deployments/bikes"), CONTEXT)["body"])
    assert (shown["state"], shown["model_version"], shown["reason"]) == ("ready", 1, None)
    assert shown["last_failure"]["model_version"] == 2
    assert "has size 23, not" in shown["last_failure"]["reason"]


def test_a_first_model_that_is_corrupted_fails_the_deployment(promote: Promote) -> None:
    create()
    promote(content=b"")
    status, answer, _ = infer()
    assert status == 503
    assert "has size 0, not" in answer["error"]
    assert "has size 0, not" in ask("GET", "/v2/models/bikes/ready")[1]["error"]


def test_an_older_version_still_answers_by_its_number(promote: Promote) -> None:
    create()
    promote()
    promote(2)
    assert infer("/v2/models/bikes/infer")[1]["outputs"][0]["data"] == [20.5]
    status, answer, headers = infer("/v2/models/bikes/versions/1/infer")
    assert (status, answer["model_version"], headers["x-shelflife-revision"]) == (200, "1", "1")
    assert answer["outputs"][0]["data"] == [19.5]
    status, answer, _ = infer("/v2/models/bikes/versions/7/infer")
    assert (status, answer) == (404, {"error": "deployment 'bikes' never served a model version '7'"})


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "body: expected JSON"),
        ("[" * 50_000, "body: the JSON is nested too deep"),
        ("\ud800", "body: expected JSON"),
        ({"inputs": []}, "inputs: expected a list of tensors"),
        ({"inputs": ROW[:2]}, "inputs: tensor 'season' is missing"),
        ({"inputs": [*ROW, ROW[0] | {"name": "wind"}]}, "tensor 'wind': is not expected"),
        ({"inputs": [ROW[0] | {"shape": [2]}, *ROW[1:]]}, "tensor 'hr': has 1 values"),
        ({"inputs": [ROW[0] | {"datatype": "BYTES"}, *ROW[1:]]}, "tensor 'hr': has datatype BYTES"),
        ({"inputs": ROW, "outputs": [{"name": "score"}]}, "outputs: there is no output 'score'"),
    ],
)
def test_what_is_wrong_with_a_request_is_400_and_named(queue: str, body: Any, told: str) -> None:
    status, answer, _ = ask("POST", "/v2/models/bikes/infer", body)
    assert status == 400
    assert answer["error"].startswith(told)
    assert all(kept.error and kept.refused and not kept.outputs for kept in captured(queue))


def test_what_is_not_there_is_404_and_a_wrong_method_405() -> None:
    assert infer()[:2] == (404, {"error": "there is no deployment 'bikes'"})
    assert ask("GET", "/v2/models/bikes/ready")[0] == 404
    assert ask("GET", "/v2/nowhere")[:2] == (404, {"error": "there is nothing at GET /v2/nowhere"})
    status, _, headers = ask("GET", "/v2/models/bikes/infer")
    assert (status, headers["Allow"]) == (405, "POST")


def test_a_stage_in_the_path_is_passed_over() -> None:
    event = http_event("GET", "/prod/v2/health/live", role=None)
    event["requestContext"]["stage"] = "prod"
    assert predict(event, CONTEXT)["statusCode"] == 200


@pytest.mark.usefixtures("serving")
def test_a_queue_that_is_gone_costs_no_answer_and_its_captures_wait(
    queue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client("sqs").delete_queue(QueueUrl=queue)
    capsys.readouterr()
    assert infer()[0] == 200
    _, _, line, metrics = (json.loads(text) for text in capsys.readouterr().out.splitlines())
    assert metrics["CapturesSpilled"] == [1.0]
    assert {"Name": "CapturesSpilled", "Unit": "Count"} in metrics["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    assert (line["CapturesSpilled"], line["request_id"]) == (1, CONTEXT.aws_request_id)


@pytest.mark.usefixtures("serving")
def test_the_log_tells_who_asked_what_and_never_the_values(capsys: pytest.CaptureFixture[str]) -> None:
    infer()
    line, metrics = (json.loads(text) for text in capsys.readouterr().out.splitlines()[-2:])
    assert (
        line.items()
        >= {
            "door": "serving POST /v2/models/<name>/infer",
            "principal": "tester",
            "deployment": "bikes",
            "model_version": 1,
            "revision": 1,
            "rows": 1,
            "status": 200,
            "request_id": CONTEXT.aws_request_id,
        }.items()
    )
    assert "winter" not in json.dumps(line)
    assert metrics["Failures"] == [0.0]


@pytest.mark.usefixtures("serving")
def test_ten_thousand_rows_are_answered_and_captured_in_parts(queue: str) -> None:
    rows = 10_000
    values = {"INT64": [*range(rows)], "FP64": [at / 3 for at in range(rows)], "BYTES": ["summer"] * rows}
    inputs = [one | {"shape": [rows], "data": values[str(one["datatype"])]} for one in ROW]
    status, answer, _ = infer(inputs=inputs, id="large")
    assert (status, answer["outputs"][0]["shape"]) == (200, [rows, 1])
    parts = captured(queue)
    assert len(parts) > 1
    assert {part.capture_id for part in parts} == {"large"}
    assert sorted(row for part in parts for row in part.inputs["hr"]) == values["INT64"]


@pytest.mark.usefixtures("serving")
def test_the_repository_is_listed_loaded_and_unloaded() -> None:
    index = predict(http_event("POST", "/v2/repository/index", b"", role="viewer"), CONTEXT)
    assert (index["statusCode"], json.loads(index["body"])) == (
        200,
        [{"name": "bikes", "version": "1", "state": "READY", "reason": ""}],
    )
    for what in ("load", "unload"):
        path = f"/v2/repository/models/bikes/{what}"
        assert ask("POST", path, {}, role="contributor")[:2] == (200, {"name": "bikes", what: True})
        assert ask("POST", path, {}, role="viewer")[0] == 403
    assert infer()[0] == 200
    client("s3").delete_object(Bucket="artifacts", Key="training/job-1/model.onnx")
    status, answer, _ = ask("POST", "/v2/repository/models/bikes/load", {})
    assert (status, "does not exist" in answer["error"]) == (503, True)
    assert ask("POST", "/v2/repository/models/boats/load", {})[0] == 404


@pytest.mark.usefixtures("serving")
def test_the_simpler_forms_are_answered_by_the_same_deployment(queue: str) -> None:
    features = {"features": [8, 0.5, "winter"]}
    status, answer, headers = ask("POST", "/predict", features, role="viewer")
    assert (status, answer, headers["x-shelflife-variant"]) == (200, {"prediction": [19.5]}, "v1")
    records = {"dataframe_records": [{"hr": 8, "temp": 0.5, "season": "winter"}]}
    status, answer, headers = ask("POST", "/models/bikes/invocations", records, role="viewer")
    assert (status, answer, headers["x-shelflife-model-version"]) == (200, {"predictions": [19.5]}, "1")
    assert [kept.inputs["hr"] for kept in captured(queue)] == [[8], [8]]


@pytest.mark.usefixtures("serving")
def test_an_answer_that_is_kept_says_so_in_its_headers_and_metrics(
    queue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = {"cache": {"ttl_seconds": 60}}
    put = api(http_event("PUT", "/v1/serving/deployments/bikes/cache", policy), CONTEXT)
    assert put["statusCode"] == 200
    capsys.readouterr()
    answers = [infer(id=f"p{at}") for at in range(3)]
    assert [headers["x-shelflife-cache"] for _, _, headers in answers] == ["miss", "hit", "hit"]
    assert len({json.dumps(answer["outputs"]) for _, answer, _ in answers}) == 1
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counted = [(one["CacheHits"], one["CacheMisses"]) for one in records if "CacheHits" in one]
    assert counted == [([0.0], [1.0]), ([1.0], [0.0]), ([1.0], [0.0])]
    assert sorted(rows.capture_id for rows in captured(queue)) == ["p0", "p1", "p2"]
    # Another instance finds it in the table.
    for made in (answer_cache, predictions, protocol):
        made.cache_clear()
    assert infer()[2]["x-shelflife-cache"] == "hit"


@pytest.mark.usefixtures("serving")
def test_a_request_that_loaded_a_model_says_so_and_the_next_one_does_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    for at in range(2):
        assert infer(id=f"p{at}")[0] == 200
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    first, second = [one for one in records if "Latency" in one]
    assert first["ModelLoads"] == [1.0]
    assert first["ModelLoadTime"][0] > 0
    assert "ModelLoads" not in second


@pytest.mark.usefixtures("serving")
def test_nothing_is_said_of_a_cache_that_is_off() -> None:
    assert "x-shelflife-cache" not in infer()[2]


def test_the_door_knows_its_routes() -> None:
    models = ("", "/ready", "/infer", "/config", "/stats")
    paths = [
        f"/v2/models/<name>{version}{rest}" for version in ("", "/versions/<version>") for rest in models
    ]
    expected = {("POST" if path.endswith("infer") else "GET", path) for path in paths}
    known = ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/stats")
    expected |= {("GET", path) for path in known}
    expected |= {
        ("POST", f"/v2/repository/{rest}") for rest in ("index", "models/<name>/load", "models/<name>/unload")
    }
    expected |= {("POST", path) for path in ("/predict", "/models/<name>/invocations")}
    assert set(door.routes) == expected


def test_a_failure_is_counted_for_the_variant_that_should_have_answered(
    promote: Promote, capsys: pytest.CaptureFixture[str]
) -> None:
    create()
    promote()
    client("s3").delete_object(Bucket="artifacts", Key="training/job-1/model.onnx")
    capsys.readouterr()
    assert infer()[0] == 503
    assert infer(path="/v2/models/boats/infer")[0] == 404
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    failed, unknown = (one for one in records if one.get("door", "").endswith("/infer") and "_aws" in one)
    assert (failed["deployment"], failed["variant"], failed["Failures"]) == ("bikes", "v1", [1.0])
    assert ["deployment", "variant"] in failed["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    assert ("variant" in unknown, unknown["Failures"]) == (False, [0.0])
    line = next(one for one in records if one.get("status") == 503)
    assert (line["deployment"], line["variant"]) == ("bikes", "v1")


@pytest.mark.usefixtures("serving")
def test_a_refusal_is_counted_for_no_variant(capsys: pytest.CaptureFixture[str]) -> None:
    assert infer()[0] == 200
    capsys.readouterr()
    assert infer(inputs=[ROW[0] | {"data": ["many"]}, *ROW[1:]])[0] == 400
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (metrics,) = [one for one in records if one.get("door", "").endswith("/infer") and "_aws" in one]
    assert ("variant" in metrics, metrics["Failures"]) == (False, [0.0])
