"""What callers do, step by step: documented routes only."""

from collections.abc import Mapping
from typing import Any

import httpx

from tests.harness.installation import Platform

JOB_SECONDS = 150
ENDED = {"SUCCEEDED", "REFUSED", "FAILED", "CANCELLED"}


def ingest(
    platform: Platform, name: str, body: bytes, form: str = "csv", columns: Mapping[str, str] | None = None
) -> Any:
    """Upload a file and have it made a version; the ingestion as it ended."""
    base = f"/v1/data/datasets/{name}"
    upload = platform.post(f"{base}/uploads", {"format": form})
    assert upload["method"] == "PUT"
    put = httpx.put(upload["url"], content=body, headers=upload["headers"], timeout=60)
    assert put.status_code == httpx.codes.OK, put.text
    asked = {"upload_id": upload["upload_id"], "columns": dict(columns or {})}
    ingestion = platform.post(f"{base}/versions", asked)
    return platform.until(
        f"{base}/ingestions/{ingestion['ingestion_id']}", lambda seen: seen["state"] != "running"
    )


def version_of(platform: Platform, name: str, body: bytes, form: str = "csv") -> int:
    """The number of the dataset version that the file has become."""
    ended = ingest(platform, name, body, form)
    assert ended["state"] == "succeeded", ended
    version: int = ended["version"]
    return version


def start(platform: Platform, plan: Mapping[str, Any]) -> str:
    job_id: str = platform.post("/v1/training/jobs", dict(plan))["job_id"]
    return job_id


def ended(platform: Platform, job_id: str, seconds: float = JOB_SECONDS) -> Any:
    """The job, once it is over."""
    return platform.until(f"/v1/training/jobs/{job_id}", lambda job: job["state"] in ENDED, seconds=seconds)


def trained(platform: Platform, plan: Mapping[str, Any]) -> Any:
    """The job, once it has led to a registered version."""
    return succeeded(platform, start(platform, plan))


def succeeded(platform: Platform, job_id: str) -> Any:
    job = ended(platform, job_id)
    assert job["state"] == "SUCCEEDED", job
    return job


def deploy(platform: Platform, name: str, model: str) -> None:
    platform.post("/v1/serving/deployments", {"name": name, "model_name": model})


def serving(platform: Platform, name: str, version: int) -> Any:
    """The deployment, once it serves the version."""
    return platform.until(
        f"/v1/serving/deployments/{name}",
        lambda seen: seen["state"] == "ready" and seen["model_version"] == version,
    )


def infer(platform: Platform, name: str, inputs: list[dict[str, Any]], request_id: str | None = None) -> Any:
    """One Open Inference Protocol request."""
    return platform.post(
        f"/v2/models/{name}/infer", {"inputs": inputs} | ({"id": request_id} if request_id else {})
    )


def champion(platform: Platform, model: str) -> int:
    version: int = platform.get(f"/v1/registry/models/{model}/aliases/champion")["version"]
    return version


def promote(platform: Platform, model: str, version: int, reason: str) -> None:
    platform.put(f"/v1/registry/models/{model}/aliases/champion", {"version": version, "reason": reason})


def tokens(platform: Platform) -> dict[str, Any]:
    """All API tokens, by the name of who has them."""
    found: dict[str, Any] = {}
    cursor = ""
    while True:
        page = platform.get(f"/v1/access/tokens?limit=100{cursor}")
        found |= {token["name"]: token for token in page["tokens"]}
        if not page["next_cursor"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"
