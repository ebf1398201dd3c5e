import base64
import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from functions.tracking.index_runs.handler import handler as index_runs
from shelflife.aws.clients import client
from shelflife.aws.items import Items
from shelflife.tracking import wire
from shelflife.tracking.artifacts import INLINE_LIMIT, UPLOAD_LIMIT
from shelflife.tracking.dynamo_index import DynamoRunIndex
from shelflife.tracking.model import Segment
from shelflife.tracking.settings import TrackingSettings
from tests.harness.events import LambdaContext, golden, http_event
from tests.harness.tracking import handler

MLFLOW = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"


def answered(method: str, path: str, body: Any = None, **event: Any) -> dict[str, Any]:
    answer: dict[str, Any] = handler(http_event(method, path, body, **event), LambdaContext())
    return answer


def ask(method: str, path: str, body: Any = None, **event: Any) -> tuple[int, Any]:
    answer = answered(method, path, body, **event)
    return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def run_id(installed: None) -> str:
    _, made = ask("POST", f"{MLFLOW}/runs/create", {"experiment_id": "0", "start_time": "5", "tags": []})
    return str(made["run"]["info"]["run_id"])


def test_a_golden_event_logs_its_batch(run_id: str) -> None:
    event = golden("tracking/api")
    body = json.loads(event["body"]) | {"run_id": run_id}
    assert handler(event | {"body": json.dumps(body)}, LambdaContext())["statusCode"] == 200
    _, found = ask("GET", f"{MLFLOW}/runs/get?run_id={run_id}")
    assert found["run"]["data"]["params"] == [{"key": "depth", "value": "3"}]
    assert found["run"]["data"]["metrics"] == [
        {"key": "mae", "value": 0.25, "timestamp": 1795161600000, "step": 1},
        {"key": "rmse", "value": "NaN", "timestamp": 1795161600000, "step": 1},
    ]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_run_is_told_under_both_of_its_names(run_id: str, version: str) -> None:
    for name in ("run_id", "run_uuid"):
        status, found = ask("GET", f"{MLFLOW}/runs/get?{name}={run_id}", version=version)
        info = found["run"]["info"]
        assert (status, info["run_id"], info["run_uuid"]) == (200, run_id, run_id)
        assert "end_time" not in info
        assert (info["start_time"], info["user_id"]) == (5, "tester")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_names_may_hold_what_separates_parameters(version: str) -> None:
    name = "a, b & c=d/ö"
    ask("POST", f"{MLFLOW}/experiments/create", {"name": name}, version=version)
    path = f"{MLFLOW}/experiments/get-by-name?experiment_name={quote(name, safe='')}"
    status, found = ask("GET", path, version=version)
    assert (status, found["experiment"]["name"]) == (200, name)
    assert "tags" not in found["experiment"]


def test_what_any_client_asks_first_needs_no_token() -> None:
    version = answered("GET", "/version", role=None)
    assert (version["statusCode"], version["body"]) == (200, wire.VERSION)
    assert answered("GET", "/health", role=None)["body"] == "OK"
    assert ask("GET", "/api/3.0/mlflow/server-info", role=None) == (200, wire.SERVER_INFO)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_errors_are_in_mlflows_form(run_id: str, version: str) -> None:
    def refused(method: str, path: str, body: Any = None, **event: Any) -> tuple[int, str]:
        status, told = ask(method, f"{MLFLOW}/{path}", body, version=version, **event)
        assert told.keys() == {"error_code", "message"}
        return status, told["error_code"]

    ask("POST", f"{MLFLOW}/experiments/create", {"name": "taken"})
    assert refused("POST", "experiments/create", {"name": "taken"}) == (400, "RESOURCE_ALREADY_EXISTS")
    assert refused("GET", "experiments/get-by-name?experiment_name=x") == (404, "RESOURCE_DOES_NOT_EXIST")
    assert refused("GET", "experiments/search") == (400, "INVALID_PARAMETER_VALUE")
    assert refused("GET", "runs/get") == (400, "INVALID_PARAMETER_VALUE")
    assert refused("POST", "runs/search", "{") == (400, "INVALID_PARAMETER_VALUE")
    assert refused("POST", "runs/update", {"run_id": run_id, "status": "DONE"}) == (
        400,
        "INVALID_PARAMETER_VALUE",
    )
    assert refused("GET", "runs/get?run_id=x", role=None) == (401, "UNAUTHENTICATED")
    assert refused("POST", "runs/delete", {"run_id": run_id}, role="viewer") == (403, "PERMISSION_DENIED")
    assert refused("GET", "gateway-proxy") == (404, "ENDPOINT_NOT_FOUND")
    assert refused("GET", "runs/create") == (405, "ENDPOINT_NOT_FOUND")


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"metrics": [{"key": "m", "value": "high", "timestamp": 1}]}, "metrics.0.value: .*'high'"),
        ({"metrics": [{"key": "m", "value": 1}]}, "metrics.0.timestamp"),
        ({"metrics": [{"key": "m", "value": 1, "timestamp": -1}]}, "metrics.0.timestamp: .*-1"),
        ({"metrics": [{"key": "m", "value": 1, "timestamp": 2**63}]}, "metrics.0.timestamp"),
        ({"params": [{"key": "p" * 251, "value": "1"}]}, "params.0.key"),
        ({"params": [{"key": "p", "value": 3}]}, "params.0.value: .*3"),
        ({"params": [{"key": str(at)} for at in range(101)]}, "params"),
        ({"metrics": [{"key": "m", "value": 1, "timestamp": 1}] * 1001}, "metrics"),
        (
            {
                "metrics": [{"key": "m", "value": 1, "timestamp": 1}] * 950,
                "params": [{"key": str(at)} for at in range(51)],
            },
            "1001",
        ),
    ],
)
def test_what_is_wrong_with_a_batch_is_named(run_id: str, entry: dict[str, Any], named: str) -> None:
    status, told = ask("POST", f"{MLFLOW}/runs/log-batch", {"run_id": run_id, **entry})
    assert (status, told["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert re.search(named, told["message"])


def test_what_is_too_long_is_cut_off_as_mlflow_does(run_id: str) -> None:
    long = {
        "run_id": run_id,
        "params": [{"key": "p", "value": "x" * 6001}],
        "tags": [{"key": "t", "value": "y" * 8001}],
    }
    assert ask("POST", f"{MLFLOW}/runs/log-batch", long)[0] == 200
    _, found = ask("GET", f"{MLFLOW}/runs/get?run_id={run_id}")
    data = found["run"]["data"]
    assert len(data["params"][0]["value"]) == 6000
    assert {len(tag["value"]) for tag in data["tags"] if tag["key"] == "t"} == {8000}


def test_an_empty_list_is_an_empty_answer() -> None:
    assert ask("POST", f"{MLFLOW}/runs/search", {"experiment_ids": ["0"], "filter": "params.a = 'b'"}) == (
        200,
        {},
    )
    assert ask("GET", f"{FILES}?path=0/nowhere/artifacts") == (200, {})
    assert ask("POST", f"{MLFLOW}/logged-models/search", {"experiment_ids": ["0"]}) == (
        200,
        {},
    )


def test_a_page_ends_before_an_answer_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PAGE_BYTES", 2000)
    for at in range(9):
        ask("POST", f"{MLFLOW}/runs/create", {"experiment_id": "0", "start_time": at, "run_name": f"r{at}"})
    names: list[str] = []
    token = None
    pages = 0
    while pages == 0 or token:
        _, page = ask("POST", f"{MLFLOW}/runs/search", {"experiment_ids": ["0"], "page_token": token})
        names += [run["info"]["run_name"] for run in page["runs"]]
        token, pages = page.get("next_page_token"), pages + 1
    assert names == [f"r{at}" for at in range(8, -1, -1)]
    assert pages > 1


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_file_comes_back_with_headers_that_keep_browsers_from_running_it(version: str) -> None:
    page = b"<script>alert(1)</script>"
    headers = {"Content-Type": "text/html"} if version == "1.0" else {"content-type": "text/html"}
    status, _ = ask("PUT", f"{FILES}/0/r/artifacts/a%20b.html", page, headers=headers, version=version)
    assert status == 200
    answer = answered("GET", f"{FILES}/0/r/artifacts/a b.html", version=version)
    told = answer.get("headers") or {name: values[0] for name, values in answer["multiValueHeaders"].items()}
    assert base64.b64decode(answer["body"]) == page
    assert told["Content-Type"] == "text/html"
    assert told["X-Content-Type-Options"] == "nosniff"
    assert told["Content-Disposition"] == "attachment; filename*=UTF-8''a%20b.html"
    listed = {"files": [{"path": "a b.html", "is_dir": False, "file_size": len(page)}]}
    assert ask("GET", f"{FILES}?path=0/r/artifacts/", version=version) == (200, listed)
    assert ask("DELETE", f"{FILES}/0/r/artifacts/", version=version) == (200, {})
    assert ask("GET", f"{FILES}/0/r/artifacts/a b.html", version=version)[0] == 404


def test_a_file_over_the_limit_is_413_with_the_limit() -> None:
    status, told = ask("PUT", f"{FILES}/0/r/artifacts/large.bin", bytes(UPLOAD_LIMIT + 1))
    assert (status, told["error_code"]) == (413, "INVALID_PARAMETER_VALUE")
    assert str(UPLOAD_LIMIT) in told["message"]


def test_a_large_file_is_answered_with_where_it_is() -> None:
    ask("PUT", f"{FILES}/0/r/artifacts/large.bin", bytes(INLINE_LIMIT + 1))
    answer = answered("GET", f"{FILES}/0/r/artifacts/large.bin")
    assert answer["statusCode"] == 302
    assert "/tracking/0/r/artifacts/large.bin?" in answer["headers"]["Location"]


@pytest.mark.parametrize("path", ["../secrets", "0/../../datasets/x", "0//x", "0/%2e%2e/%2e%2e/x"])
def test_a_path_never_leaves_the_artifacts(path: str) -> None:
    assert ask("PUT", f"{FILES}/{path}", b"x")[0] == 400
    assert ask("GET", f"{FILES}?path={quote(path)}")[0] == 400
    with pytest.raises(ClientError, match="Not Found"):
        client("s3").head_object(Bucket="artifacts", Key="datasets/x")


def test_a_golden_event_of_the_stream_gives_a_run_its_index_entries(run_id: str) -> None:
    index = DynamoRunIndex(Items(client("dynamodb"), TrackingSettings.from_env().tracking_table_name))
    event = json.loads(
        json.dumps(golden("tracking/index_runs")).replace("01kagq2v7e0000000000000000", run_id)
    )
    assert [run.run_id for run in index.pending(Segment("0", 0))] == [run_id]
    for _ in range(2):
        assert index_runs(event, LambdaContext()) == {"batchItemFailures": []}
        assert index.pending(Segment("0", 0)) == []
    _, found = ask("POST", f"{MLFLOW}/runs/search", {"experiment_ids": ["0"]})
    assert [run["info"]["run_id"] for run in found["runs"]] == [run_id]


def test_pages_go_on_behind_the_last_run_while_runs_are_added(run_id: str) -> None:
    asked: dict[str, Any] = {"experiment_ids": ["0"], "max_results": 1}
    create = {"experiment_id": "0", "start_time": "1"}
    _, older = ask("POST", f"{MLFLOW}/runs/create", create)
    _, first = ask("POST", f"{MLFLOW}/runs/search", asked)
    ask("POST", f"{MLFLOW}/runs/create", create | {"start_time": "9"})
    _, second = ask("POST", f"{MLFLOW}/runs/search", asked | {"page_token": first["next_page_token"]})
    seen = [page["runs"][0]["info"]["run_id"] for page in (first, second)]
    assert seen == [run_id, older["run"]["info"]["run_id"]]
    assert "next_page_token" not in second
