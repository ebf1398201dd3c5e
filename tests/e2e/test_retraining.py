"""The world moves on: drift is found, told on the bus, and answered by a retraining."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytest

from tests.e2e import steps
from tests.e2e.stories import DIABETES, TARGET, Stories, Told
from tests.harness.installation import News, Platform, eventually

pytestmark = pytest.mark.e2e

NAME = DIABETES.name
#: Two standard deviations, for half of the features.
SHIFTED = {"bmi": 0.1, "bp": 0.1, "s1": 0.1, "s2": 0.1, "s5": 0.1}
PROMOTED = "model_version.promoted"
DRIFT = "drift.detected"


@dataclass
class Drifted:
    told: Told
    report: Any
    detail: dict[str, Any]


@pytest.fixture(scope="module")
def drifted(stories: Stories, platform: Platform, news: News) -> Drifted:
    """The deployment answers shifted rows; the truth and a newer dataset version come in; a scan looks."""
    told = stories.tell(DIABETES)
    shifted = moved(DIABETES.frame)
    told.label(told.predict(shifted))
    newer = pd.concat([DIABETES.frame, shifted], ignore_index=True)
    assert steps.version_of(platform, NAME, DIABETES.file(newer), DIABETES.form) == 2
    told.captured()
    platform.scan()
    reports = f"/v1/monitoring/deployments/{NAME}/reports"
    report = platform.get(f"{reports}/{platform.get(reports)['reports'][0]['report_id']}")
    (detail,) = eventually(lambda: news.of(DRIFT, deployment=NAME), "news of drift")
    return Drifted(told, report, detail)


@pytest.fixture(scope="module")
def retrained(drifted: Drifted, platform: Platform) -> Any:
    (job,) = eventually(lambda: retrainings(platform), "a retraining")
    return steps.succeeded(platform, job["job_id"])


def moved(frame: pd.DataFrame) -> pd.DataFrame:
    shifted = frame.copy()
    for name, by in SHIFTED.items():
        shifted[name] += by
    shifted[TARGET] += 300.0
    return shifted


def retrainings(platform: Platform) -> list[Any]:
    page = platform.get("/v1/training/jobs?limit=100")
    return [job for job in page["jobs"] if job["trigger"] == "drift" and job["plan"]["model_name"] == NAME]


def test_the_report_names_what_has_moved(drifted: Drifted) -> None:
    report = drifted.report
    assert report["outcome"] == "drift"
    assert set(SHIFTED) <= set(report["drifted"])
    assert {"age", "sex", "s6"}.isdisjoint(report["drifted"])
    assert report["error"]["drifted"] is True
    assert report["error"]["unmatched"] == 0
    assert "of the features drifted" in report["reason"]


def test_drift_is_news_with_its_evidence(drifted: Drifted, platform: Platform) -> None:
    detail, report = drifted.detail, drifted.report
    assert (detail["model_name"], detail["model_version"]) == (NAME, 1)
    assert (detail["report_id"], detail["reason"]) == (report["report_id"], report["reason"])
    assert set(detail["drifted"]) == set(report["drifted"])
    assert f'"report_id":"{report["report_id"]}"' in platform.object(detail["report_uri"]).decode()


def test_the_bus_started_the_retraining(drifted: Drifted, retrained: Any, platform: Platform) -> None:
    (execution,) = platform.executions(platform.machine("training", "TrainModel"), drifted.detail["event_id"])
    assert execution["executionArn"] == retrained["links"]["execution_arn"]
    assert retrained["requested_by"] == f"event:{drifted.detail['event_id']}"
    assert retrained["reason"] == drifted.report["reason"]
    assert retrained["plan"]["dataset"] == {"name": NAME, "version": "latest"}
    assert retrained["dataset_version"] == 2


def test_the_candidate_was_judged_against_the_champion(retrained: Any, platform: Platform) -> None:
    record = platform.get(f"/v1/validation/evaluations/{retrained['evaluation_id']}")
    evaluation, verdict = record["evaluation"], record["judgement"]["verdict"]
    assert evaluation["champion"]["version"] == 1
    assert evaluation["candidate"]["metrics"]["mae"] < evaluation["champion"]["measured"]["metrics"]["mae"]
    assert verdict["passed"] is True
    assert all(gate["passed"] and gate["reason"] for gate in verdict["gates"])


def test_the_better_model_serves(drifted: Drifted, retrained: Any, platform: Platform) -> None:
    assert retrained["links"]["model_version"] == 2
    newest = platform.get(f"/v1/registry/models/{NAME}/aliases/champion/history")["moves"][0]
    assert (newest["from_version"], newest["to_version"]) == (1, 2)
    assert newest["evaluation_id"] == retrained["evaluation_id"]
    deployment = steps.serving(platform, NAME, 2)
    assert [one["model_version"] for one in deployment["revisions"]] == [2, 1]
    rows = moved(DIABETES.frame)[:50]
    newer, older = (error(platform, rows, version) for version in (2, 1))
    assert newer < older / 2


def error(platform: Platform, rows: pd.DataFrame, version: int) -> float:
    """The mean absolute error of a version of the model, which the deployment goes on to know."""
    path = f"/v2/models/{NAME}/versions/{version}/infer"
    answer = platform.post(path, {"inputs": DIABETES.tensors(rows)})
    assert answer["model_version"] == str(version)
    predicted = pd.Series(answer["outputs"][0]["data"], index=rows.index)
    return float((predicted - rows[TARGET]).abs().mean())


def test_a_promotion_told_again_makes_no_revision(retrained: Any, platform: Platform, news: News) -> None:
    before = steps.serving(platform, NAME, 2)
    (detail,) = eventually(
        lambda: [
            one for one in news.of(PROMOTED) if one["promoted"]["candidate"]["job_id"] == retrained["job_id"]
        ],
        "news of the promotion",
    )
    activated = len(news.of("deployment.activated", deployment=NAME))
    for again in (detail, news.of(PROMOTED)[0]):
        tell_again(platform, news, again)
    after = platform.get(f"/v1/serving/deployments/{NAME}")
    assert (after["revision"], after["model_version"]) == (before["revision"], before["model_version"])
    assert after["revisions"] == before["revisions"]
    assert len(news.of("deployment.activated", deployment=NAME)) == activated


def tell_again(platform: Platform, news: News, detail: dict[str, Any]) -> None:
    """Say it once more, and wait until it was listened to."""
    heard = len(handled(platform, detail))
    news.say_again(PROMOTED, detail)
    eventually(lambda: len(handled(platform, detail)) > heard, "the second delivery")


def handled(platform: Platform, detail: dict[str, Any]) -> list[dict[str, Any]]:
    return platform.log("serving/activate_deployment", detail["event_id"], '"message":"done"')


def test_drift_told_again_retrains_nothing(
    drifted: Drifted, retrained: Any, platform: Platform, news: News
) -> None:
    machine = platform.machine("training", "TrainModel")
    event_id = drifted.detail["event_id"]
    news.say_again(DRIFT, drifted.detail)
    eventually(lambda: len(platform.executions(machine, event_id)) == 2, "a second execution")
    second = platform.executions(machine, event_id)[0]
    assert second["executionArn"] != retrained["links"]["execution_arn"]
    assert platform.ended(second["executionArn"])["status"] == "SUCCEEDED"
    assert platform.states(second["executionArn"]) == ["PlanTraining", "AlreadyStarted"]
    assert [job["job_id"] for job in retrainings(platform)] == [retrained["job_id"]]
    assert steps.champion(platform, NAME) == 2


def test_a_new_revision_is_watched_from_its_activation(retrained: Any, platform: Platform) -> None:
    platform.scan()
    monitor = platform.get(f"/v1/monitoring/monitors/{NAME}")
    assert (monitor["model_version"], monitor["revision"], monitor["announced"]) == (2, 2, None)
    assert monitor["last_scan"]["outcome"] == "insufficient_data"
