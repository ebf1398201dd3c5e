"""The scenes of the story, each an act of somebody who uses the platform."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from infra.demo.bikes import CATEGORIES, END_OF_APRIL, END_OF_AUGUST, END_OF_JULY, NUMBERS, TARGET, Bikes

if TYPE_CHECKING:
    from infra.demo.client import Client
    from infra.demo.story import Told

Say = Callable[[str], None]

NAME = "bikeshare"
#: A forecast that is off by more than this many bikes an hour helps nobody.
LARGEST_MAE = 60.0
PLAN: dict[str, Any] = {
    "model_name": NAME,
    "dataset": {"name": NAME, "version": 1},
    "target": TARGET,
    "features": [*NUMBERS, *CATEGORIES],
    "task": "regression",
    "algorithm": "hist_gradient_boosting",
    "hyperparameters": {"max_iter": 200},
    "split": {"kind": "ordered", "by": "day", "holdout_fraction": 0.2},
    "seed": 7,
    "backend": "sagemaker",
}
_ENDED = {"SUCCEEDED", "REFUSED", "FAILED", "CANCELLED"}


class StoryError(RuntimeError):
    """Something happened that should not have, or did not that should."""


def register_first_data(told: Told, say: Say) -> None:
    version = register(told.client, told.bikes.between(0, END_OF_APRIL), say)
    told.facts["dataset_versions"] = [version]


def register_second_data(told: Told, say: Say) -> None:
    version = register(told.client, told.bikes.between(0, END_OF_JULY), say)
    told.facts["dataset_versions"].append(version)


def register(client: Client, bikes: Bikes, say: Say) -> int:
    """Upload rows and have them made a version."""
    base = f"/v1/data/datasets/{NAME}"
    upload = client.post(f"{base}/uploads", {"format": "csv"})
    body = bikes.csv()
    client.upload(upload["url"], body, upload["headers"])
    ingestion = client.post(f"{base}/versions", {"upload_id": upload["upload_id"]})
    ended = client.until(
        "the ingestion",
        f"{base}/ingestions/{ingestion['ingestion_id']}",
        lambda seen: seen["state"] != "running",
        seconds=60,
        tell=lambda _: None,
    )
    if ended["state"] != "succeeded":
        raise StoryError(f"the data was refused: {ended.get('problem')}")
    version: int = ended["version"]
    manifest = client.get(f"{base}/versions/{version}")
    digest = manifest["source"]["sha256"][:12]
    say(f"version {version}: {manifest['row_count']} rows, SHA-256 {digest}…, checks passed")
    return version


def train_first_model(told: Told, say: Say) -> None:
    client = told.client
    client.post("/v1/serving/deployments", {"name": NAME, "model_name": NAME})
    client.put(f"/v1/validation/policies/{NAME}", {"thresholds": [{"metric": "mae", "at_most": LARGEST_MAE}]})
    job = follow_job(client, client.post("/v1/training/jobs", PLAN)["job_id"], say)
    told.facts["model_versions"] = [job["links"]["model_version"]]


def follow_job(client: Client, job_id: str, say: Say) -> Any:
    """Wait for a training job to end well."""
    seen: list[str] = []

    def tell(job: Any) -> None:
        if job["state"] not in seen:
            seen.append(job["state"])
            say(f"job {job_id} {job['state'].lower()}")

    job = client.until(
        "the training", f"/v1/training/jobs/{job_id}", lambda j: j["state"] in _ENDED, seconds=240, tell=tell
    )
    if job["state"] != "SUCCEEDED":
        raise StoryError(f"training job {job_id} is {job['state']}: {job['failure'] or job['refusal']}")
    return job


def await_first_deployment(told: Told, say: Say) -> None:
    await_version(told, told.facts["model_versions"][0], say)


def await_version(told: Told, version: int, say: Say) -> None:
    """Wait until the deployment serves a model version."""
    seen = told.client.until(
        f"deployment {NAME} serving version {version}",
        f"/v1/serving/deployments/{NAME}",
        lambda d: d["state"] == "ready" and d["model_version"] == version,
        seconds=60,
        tell=lambda _: None,
    )
    say(f"deployment {NAME} serves version {version} (revision {seen['revision']})")


def predict_early_summer(told: Told, say: Say) -> None:
    """One request per day; the answers' ids are what the truth will be told about later."""
    told.facts["predicted"] = []
    for day in told.bikes.between(END_OF_APRIL, END_OF_JULY).days():
        answer = told.client.infer(NAME, day.inputs())
        told.facts["predicted"].append({"capture_id": answer["id"], "values": day.demand()})
    rows = sum(len(one["values"]) for one in told.facts["predicted"])
    told.facts["predictions"] = rows
    say(f"{rows} predictions in {len(told.facts['predicted'])} requests, median {median(told.client):.1f} ms")


def tell_truth(told: Told, say: Say) -> None:
    labels = told.facts.pop("predicted")
    told.client.post(f"/v1/monitoring/deployments/{NAME}/labels", {"labels": labels})
    say(f"true demand of {sum(len(label['values']) for label in labels)} hours")


def await_drift(told: Told, say: Say) -> None:
    """Shorten the schedule's rate to a minute, and wait for what it finds."""
    shorten_schedule(told, say)
    path = f"/v1/monitoring/deployments/{NAME}/reports"
    page = told.client.until(
        "a report of drift",
        path,
        lambda page: any(report["outcome"] == "drift" for report in page["reports"]),
        seconds=180,
        tell=lambda _: None,
    )
    found = next(report for report in page["reports"] if report["outcome"] == "drift")
    report = told.client.get(f"{path}/{found['report_id']}")
    file = told.folder / "drift_report.html"
    file.write_text(told.client.text(f"{path}/{found['report_id']}/html"))
    told.facts["drifted_features"] = [
        column["name"] for column in report["columns"] if column["drifted"] and column["role"] == "feature"
    ]
    told.facts["drift"] = report["columns"]
    told.facts["realised_error"] = report["error"]
    told.facts["drift_report"] = str(file)
    told.facts["drift_report_uri"] = found["html_uri"]
    say(f"drifted: {', '.join(told.facts['drifted_features'])}")
    say(f"{found['reason']}")


def shorten_schedule(told: Told, say: Say) -> None:
    scheduler = told.installation.account.client("scheduler")
    (name,) = [one["Name"] for one in scheduler.list_schedules()["Schedules"] if "drift" in one["Name"]]
    schedule = scheduler.get_schedule(Name=name)
    kept = ("Name", "GroupName", "FlexibleTimeWindow", "Target", "State")
    scheduler.update_schedule(
        **{key: schedule[key] for key in kept if key in schedule}, ScheduleExpression="rate(1 minute)"
    )
    say(f"schedule {name}: {schedule['ScheduleExpression']} becomes rate(1 minute)")


def await_retraining(told: Told, say: Say) -> None:
    """The bus has started it: nobody here asks for a job."""
    page = told.client.until(
        "a retraining",
        "/v1/training/jobs",
        lambda page: any(job["trigger"] == "drift" for job in page["jobs"]),
        seconds=60,
        tell=lambda _: None,
    )
    started = next(job for job in page["jobs"] if job["trigger"] == "drift")
    job = follow_job(told.client, started["job_id"], say)
    told.facts["retraining_execution"] = job["links"]["execution_arn"]
    told.facts["model_versions"].append(job["links"]["model_version"])
    await_version(told, job["links"]["model_version"], say)


def compare_on_august(told: Told, say: Say) -> None:
    """The same rows to both versions; the earlier one stays reachable by its number."""
    before, after = told.facts["model_versions"]
    august = told.bikes.between(END_OF_JULY, END_OF_AUGUST)
    told.facts["mae_champion_before"] = mae(told.client, august, before)
    told.facts["mae_champion_after"] = mae(told.client, august, None)
    told.facts["predictions"] += len(august.rows)
    told.facts["latency_ms"] = latencies(told.client)
    say(f"version {before}: MAE {told.facts['mae_champion_before']:.1f}")
    say(f"version {after}: MAE {told.facts['mae_champion_after']:.1f}")
    if told.facts["mae_champion_after"] >= told.facts["mae_champion_before"]:
        raise StoryError("the retrained model is not better")


def mae(client: Client, bikes: Bikes, version: int | None) -> float:
    errors: list[float] = []
    for day in bikes.days():
        (output,) = client.infer(NAME, day.inputs(), version=version)["outputs"]
        errors += [abs(p - d) for p, d in zip(output["data"], day.demand(), strict=True)]
    return round(statistics.fmean(errors), 3)


def median(client: Client) -> float:
    return statistics.median(client.latencies)


def latencies(client: Client) -> dict[str, float]:
    """Milliseconds of a request of a day's 24 rows, cold starts among them."""
    ordered = sorted(client.latencies)
    return {
        "p50": round(statistics.median(ordered), 2),
        "p95": round(ordered[int(len(ordered) * 0.95)], 2),
        "max": round(ordered[-1], 2),
    }
