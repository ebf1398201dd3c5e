"""From a file to a monitored deployment, through the documented API."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.utils.server_info import _clear_server_info_cache

from tests.e2e import steps
from tests.e2e.captures import captured
from tests.e2e.stories import STORIES, Stories, Story, Told
from tests.harness.installation import SCHEDULE, News, Platform

pytestmark = pytest.mark.e2e


@pytest.fixture(params=STORIES, ids=lambda story: story.name, scope="module")
def told(request: pytest.FixtureRequest, stories: Stories) -> Told:
    story: Story = request.param
    return stories.tell(story)


def test_the_same_bytes_are_the_same_version(told: Told, platform: Platform) -> None:
    story = told.story
    assert steps.version_of(platform, story.name, story.file(), story.form) == 1
    manifest = platform.get(f"/v1/data/datasets/{story.name}/versions/latest")
    assert manifest["version"] == 1
    assert manifest["row_count"] == len(story.frame)
    assert [column["name"] for column in manifest["columns"]] == list(story.frame.columns)


def test_the_job_leads_to_version_one(told: Told, platform: Platform) -> None:
    job = told.job
    assert (job["trigger"], job["dataset_version"], job["failure"]) == ("request", 1, None)
    assert job["links"]["model_version"] == 1
    version = platform.get(f"/v1/registry/models/{told.story.name}/versions/1")
    assert version["job_id"] == job["job_id"]
    assert version["candidate"]["dataset"] == {"name": told.story.name, "version": 1}
    assert version["evaluation_id"] == job["evaluation_id"]


def test_the_champions_history_says_who_why_and_on_what_evidence(told: Told, platform: Platform) -> None:
    path = f"/v1/registry/models/{told.story.name}/aliases/champion/history"
    first = platform.get(path)["moves"][-1]
    assert (first["from_version"], first["to_version"]) == (None, 1)
    assert first["moved_by"] == "train_model"
    assert first["reason"] == f"training job {told.job['job_id']} passed its gates"
    evidence = platform.get(f"/v1/validation/evaluations/{first['evaluation_id']}")
    assert evidence["evaluation"]["job_id"] == told.job["job_id"]
    assert evidence["judgement"]["verdict"]["passed"] is True
    gates = {gate["gate"] for gate in evidence["judgement"]["verdict"]["gates"] if gate["passed"]}
    assert len(gates) >= len(told.story.thresholds)


def test_predictions_are_what_onnxruntime_answers(told: Told) -> None:
    for rows, answer in told.answers.values():
        assert answer["model_name"] == told.story.name
        assert answer["model_version"] == "1"
        outputs = {output["name"]: output for output in answer["outputs"]}
        expected = told.expected(rows)
        assert outputs.keys() == expected.keys()
        for name, values in expected.items():
            got = np.array(outputs[name]["data"], dtype=values.dtype).reshape(outputs[name]["shape"])
            np.testing.assert_array_equal(got, values)


def test_the_run_is_read_with_mlflows_own_client(
    told: Told, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", platform.endpoints.token)
    _clear_server_info_cache()
    client = MlflowClient(platform.endpoints.api_url)
    run = client.get_run(told.job["links"]["run_id"])
    assert (run.info.status, run.info.run_name) == ("FINISHED", told.job["job_id"])
    assert run.data.params["algorithm"] == told.story.algorithm
    assert run.data.params["seed"] == "11"
    assert run.data.metrics == pytest.approx(told.job["metrics"])
    assert run.data.tags["shelflife.job_id"] == told.job["job_id"]
    assert run.data.tags["shelflife.dataset_version"] == "1"
    assert run.data.tags["team"] == "e2e"
    experiment = client.get_experiment_by_name(told.story.name)
    assert experiment is not None
    found = client.search_runs(
        [experiment.experiment_id], f"tags.`shelflife.job_id` = '{told.job['job_id']}'"
    )
    assert [one.info.run_id for one in found] == [run.info.run_id]


def test_every_predicted_row_is_captured_once(told: Told, platform: Platform, tmp_path: Path) -> None:
    story, answers = told.story, told.answers
    wanted = sum(len(rows) for rows, _ in answers.values())
    told.captured()
    found = captured(platform, story.name, tmp_path)
    assert len(found) == wanted
    assert set(found["model_version"]) == {1}
    for capture_id, (rows, answer) in answers.items():
        part = found[found["capture_id"] == capture_id].sort_values("capture_row")
        assert part["capture_row"].tolist() == list(range(len(rows)))
        for name, sent in story.feed(rows).items():
            np.testing.assert_array_equal(part[f"input.{name}"].to_numpy(), sent.astype(float))
        (output,) = [one for one in answer["outputs"] if one["name"] in {"prediction", "label"}]
        assert part[f"output.{output['name']}"].tolist() == output["data"]


def test_the_rows_that_it_was_trained_on_are_no_drift(told: Told, platform: Platform, news: News) -> None:
    name = told.story.name
    told.captured()
    told.label(list(told.answers))
    report = scanned(platform, name)
    assert (report["outcome"], report["drifted"]) == ("steady", [])
    assert report["window"]["row_count"] == len(told.story.frame)
    assert report["error"]["rows"] == len(told.story.frame)
    assert news.of("drift.detected", deployment=name) == []
    page = platform.ask("GET", f"/v1/monitoring/deployments/{name}/reports/{report['report_id']}/html")
    assert page.headers["content-type"].startswith("text/html")
    assert page.text.startswith("<!doctype html>")


def scanned(platform: Platform, deployment: str) -> Any:
    """The deployment's newest report, after its schedule's target has run."""
    platform.scan()
    newest = platform.get(f"/v1/monitoring/deployments/{deployment}/reports?limit=1")["reports"][0]
    return platform.get(f"/v1/monitoring/deployments/{deployment}/reports/{newest['report_id']}")


def test_the_scan_has_a_schedule(platform: Platform) -> None:
    schedule = platform.aws("scheduler").get_schedule(Name=SCHEDULE)
    assert (schedule["ScheduleExpression"], schedule["State"]) == ("rate(1 day)", "ENABLED")
    assert schedule["Target"]["Arn"] == platform.machine("monitoring", "DriftScan")
    assert schedule["Target"]["Input"] == "{}"
