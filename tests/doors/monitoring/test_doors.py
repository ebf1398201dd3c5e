import json
import subprocess
import sys
from typing import Any

import pytest

from functions.monitoring.api.handler import handler as api
from functions.monitoring.follow_deployment.handler import handler as follow_deployment
from functions.monitoring.list_monitors.handler import handler as list_monitors
from functions.monitoring.publish_news.handler import handler as publish_news
from functions.monitoring.scan_drift.handler import handler as scan_drift
from shelflife.aws.clients import client
from shelflife.aws.items import Items
from shelflife.contracts.monitoring import DriftDetected
from shelflife.entry.task import InvalidTaskInputError
from shelflife.kernel.ids import utc_now
from shelflife.kernel.settings import OutboxSettings
from shelflife.monitoring.errors import MonitorNotFoundError
from shelflife.monitoring.policy import Policy
from tests.fakes.monitored import HOUR, watched
from tests.fakes.monitored_cloud import activate, capture, install
from tests.harness.events import LambdaContext, golden, http_event

CONTEXT = LambdaContext()
MONITOR = "/v1/monitoring/monitors/bikes"
BIKES = "/v1/monitoring/deployments/bikes"


@pytest.fixture(autouse=True)
def table(aws: None, monkeypatch: pytest.MonkeyPatch) -> Items:
    return install(monkeypatch)


def ask(method: str, path: str, body: Any = None, **event: Any) -> tuple[int, Any]:
    answer = api(http_event(method, path, body, **event), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None


def scan(scan_id: str = "scan-1") -> Any:
    asked = {"scan_id": scan_id, "started_at": utc_now().isoformat()}
    return scan_drift(golden("monitoring/scan_drift") | asked, CONTEXT)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_an_activated_deployment_has_a_monitor(version: str) -> None:
    follow_deployment(golden("monitoring/follow_deployment"), CONTEXT)
    follow_deployment(golden("monitoring/follow_deployment"), CONTEXT)
    status, listed = ask("GET", "/v1/monitoring/monitors", version=version)
    assert (status, listed["next_cursor"]) == (200, None)
    [monitor] = listed["monitors"]
    assert monitor == {
        "deployment": "bikes",
        "revision": 1,
        "model_name": "bike-demand",
        "model_version": 1,
        "activated_at": "2026-11-20T12:00:00+00:00",
        "policy": Policy().model_dump(mode="json"),
        "last_scan": None,
        "announced": None,
    }
    assert ask("GET", MONITOR, version=version) == (200, monitor)


def test_what_serving_publishes_is_followed() -> None:
    published = golden("published/serving.deployment_activated.v1")
    follow_deployment(published, CONTEXT)
    name = published["detail"]["deployment"]
    assert ask("GET", f"/v1/monitoring/monitors/{name}")[0] == 200


def test_a_policy_is_put_whole_by_those_who_may() -> None:
    activate()
    asked = {"min_rows": 50, "ignored": ["hr"], "thresholds": {"wasserstein": 0.3, "stability_index": None}}
    status, monitor = ask("PUT", MONITOR, asked)
    assert status == 200
    assert monitor["policy"]["min_rows"] == 50
    assert monitor["policy"]["thresholds"]["wasserstein"] == 0.3
    assert monitor["policy"]["thresholds"]["stability_index"] is None
    assert monitor["policy"]["thresholds"]["jensen_shannon"] == 0.1
    status, problem = ask("PUT", MONITOR, asked, role="viewer")
    assert (status, problem["type"]) == (403, "/errors/role-required")
    assert ask("PUT", MONITOR, {})[1]["policy"] == Policy().model_dump(mode="json")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"min_rows": 0}, "min_rows"),
        ({"share_drifted": 2}, "share_drifted"),
        ({"thresholds": {"psi": 1}}, "thresholds.psi"),
        ({"ignored": ["nothing"]}, "ignored"),
    ],
)
def test_a_wrong_policy_is_refused_by_its_field(asked: Any, field: str) -> None:
    activate()
    status, problem = ask("PUT", MONITOR, asked)
    assert (status, [fault["field"] for fault in problem["errors"]]) == (400, [field])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", MONITOR, None),
        ("PUT", MONITOR, {}),
        ("DELETE", MONITOR, None),
        ("POST", f"{BIKES}/labels", {"labels": [{"capture_id": "a", "values": [1]}]}),
    ],
)
def test_what_was_never_activated_is_404(method: str, path: str, body: Any) -> None:
    status, problem = ask(method, path, body)
    assert (status, problem["type"]) == (404, "/errors/monitor-not-found")
    assert "'bikes'" in problem["detail"]


def test_a_stopped_monitor_is_gone() -> None:
    activate()
    assert ask("DELETE", MONITOR) == (204, None)
    assert ask("GET", MONITOR)[0] == 404


def test_labels_are_accepted_and_stored() -> None:
    activate()
    asked = {"labels": [{"capture_id": "a", "values": [12.5, 3]}, {"capture_id": "b", "values": [1]}]}
    status, told = ask("POST", f"{BIKES}/labels", asked)
    assert (status, told["accepted"]) == (202, 2)
    [stored] = client("s3").list_objects_v2(Bucket="captures", Prefix="labels/bikes/")["Contents"]
    assert stored["Key"].endswith(f"/{told['batch_id']}.json")
    assert ask("POST", f"{BIKES}/labels", asked, role="viewer")[0] == 403


@pytest.mark.parametrize(
    ("labels", "field"),
    [
        ([], "labels"),
        ([{"capture_id": "a", "values": []}], "labels.0.values"),
        ([{"capture_id": "", "values": [1]}], "labels.0.capture_id"),
        ([{"capture_id": "a", "values": ["warm"]}], "labels.0.values.0"),
        ([{"capture_id": "a", "value": 1}], "labels.0.values"),
    ],
)
def test_wrong_labels_are_refused_by_their_field(labels: Any, field: str) -> None:
    activate()
    status, problem = ask("POST", f"{BIKES}/labels", {"labels": labels})
    assert status == 400
    assert field in [fault["field"] for fault in problem["errors"]]


def test_a_scan_leaves_a_report_that_can_be_read() -> None:
    activate()
    capture(480, warmer=8)
    scanned = scan()
    assert (scanned["outcome"], scanned["announced"]) == ("drift", True)
    status, listed = ask("GET", f"{BIKES}/reports")
    [record] = listed["reports"]
    assert (status, record["report_id"], record["drifted"]) == (
        200,
        scanned["report_id"],
        ["prediction", "temp"],
    )
    status, report = ask("GET", f"{BIKES}/reports/{scanned['report_id']}")
    assert (status, report["outcome"], report["window"]["row_count"]) == (200, "drift", 480)
    assert report["html_url"].startswith("https://")
    page = api(http_event("GET", f"{BIKES}/reports/{scanned['report_id']}/html"), CONTEXT)
    assert page["statusCode"] == 200
    headers = page.get("headers") or {key: values[0] for key, values in page["multiValueHeaders"].items()}
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Drift detected" in page["body"]
    assert ask("GET", MONITOR)[1]["announced"]["report_id"] == scanned["report_id"]


@pytest.mark.parametrize("page", ["", "/html"])
def test_an_unknown_report_is_404(page: str) -> None:
    status, problem = ask("GET", f"{BIKES}/reports/nothing{page}")
    assert (status, problem["type"]) == (404, "/errors/report-not-found")


def test_a_scan_cut_off_before_its_answer_is_asked_again(table: Items) -> None:
    activate()
    capture(480, warmer=8)
    event = golden("monitoring/scan_drift")
    first = scan_drift(event, CONTEXT)
    capture(500, warmer=9)
    assert scan_drift(event, CONTEXT) == first
    assert len(ask("GET", f"{BIKES}/reports")[1]["reports"]) == 1
    assert table.get(f"NEWS#drift-{first['report_id']}", "NEWS")


def test_labels_and_captures_meet_in_the_report(tmp_path: Any) -> None:
    seen = activate()
    capture(480)
    path = tmp_path / "rows.parquet"
    rows = ", ".join(
        f"('c{n}', 0, TIMESTAMPTZ '{(seen.activated_at + HOUR).isoformat()}', 1, 1, 20.0::FLOAT)"
        for n in range(150)
    )
    names = 'capture_id, capture_row, captured_at, model_version, revision, "output.prediction"'
    import duckdb  # noqa: PLC0415 - only this test writes Parquet

    copied = f"COPY (SELECT * FROM (VALUES {rows}) t({names})) TO '{path}' (FORMAT parquet)"  # noqa: S608 - ours
    duckdb.connect().execute(copied)
    key = f"captures/bikes/{utc_now() - HOUR:%Y/%m/%d/%H}/b1.parquet"
    client("s3").put_object(Bucket="captures", Key=key, Body=path.read_bytes())
    labels = [{"capture_id": f"c{n}", "values": [40 + n % 2]} for n in range(150)]
    assert ask("POST", f"{BIKES}/labels", {"labels": labels})[0] == 202
    scanned = scan()
    assert scanned["outcome"] == "drift"
    assert scanned["reason"] == "the mean absolute error is 2.05 times the held-out one (limit 1.3 times)"


def test_a_deployment_that_is_not_watched_cannot_be_scanned() -> None:
    with pytest.raises(MonitorNotFoundError):
        scan()
    with pytest.raises(InvalidTaskInputError):
        scan_drift({"deployment": "bikes"}, CONTEXT)


def test_the_last_page_answers_the_tally() -> None:
    page = list_monitors(golden("monitoring/list_monitors"), CONTEXT)
    assert (page["count"], page["last"], page["tally"]["scanned"]) == (0, True, 41)
    assert page["tally"]["outcomes"] == {"steady": 39, "failed": 1, "drift": 1}
    assert page["tally"]["announced"] == 1


def test_the_first_page_names_the_monitors() -> None:
    activate()
    activate(watched(1, utc_now()).model_copy(update={"deployment": "cars"}))
    page = list_monitors({}, CONTEXT)
    assert (page["deployments"], page["last"]) == (["bikes", "cars"], True)


def test_the_golden_news_is_what_the_contract_says() -> None:
    published = golden("published/monitoring.drift_detected.v1")
    assert published["detail-type"] == DriftDetected.detail_type
    told = DriftDetected.model_validate(published["detail"])
    assert told.model_dump(mode="json") == published["detail"]


def test_news_goes_onto_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    client("events").create_event_bus(Name="bus")
    for name, value in OutboxSettings(bus_name="bus").to_env().items():
        monkeypatch.setenv(name, value)
    sent: list[Any] = []

    def put_events(**asked: Any) -> Any:
        sent.append(asked)
        return {"FailedEntryCount": 0}

    monkeypatch.setattr(client("events"), "put_events", put_events)
    assert publish_news(golden("monitoring/publish_news"), CONTEXT) == {"batchItemFailures": []}
    [entry] = sent[0]["Entries"]
    published = golden("published/monitoring.drift_detected.v1")
    assert (entry["DetailType"], json.loads(entry["Detail"])) == ("drift.detected", published["detail"])
    assert (entry["Source"], entry["EventBusName"]) == ("shelflife", "bus")


@pytest.mark.parametrize("function", ["api", "follow_deployment", "list_monitors", "publish_news"])
def test_only_the_scan_needs_the_layer_with_numpy(function: str) -> None:
    asked = (
        f"import sys, functions.monitoring.{function}.handler\n"
        "print(sorted({'numpy', 'duckdb'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
