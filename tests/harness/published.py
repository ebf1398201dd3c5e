"""Models that were made elsewhere, put into a running platform: registered, promoted, deployed."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from shelflife.contracts.data import StoredObject
from shelflife.contracts.models import Candidate
from tests.fakes.protocol_models import OnnxModel
from tests.harness.installation import Platform
from tests.harness.models import candidate, verdict


def publish(platform: Platform, models: Mapping[str, OnnxModel]) -> None:
    """Let each be the first version of its model, and a deployment of the model's name answer with it."""
    register(platform, list(models.items()))
    promote(platform, dict.fromkeys(models, 1))
    for name in models:
        platform.post("/v1/serving/deployments", {"name": name, "model_name": name})
    for name in models:
        platform.until(f"/v1/serving/deployments/{name}", lambda seen: seen["state"] == "ready")


def register(platform: Platform, models: list[tuple[str, OnnxModel]]) -> None:
    """Give each the next version of the model of that name."""
    asked = []
    for name, model in models:
        offered = _candidate(platform, name, model)
        passed = verdict(model_name=name)
        asked.append(
            {"candidate": offered.model_dump(mode="json"), "verdict": passed.model_dump(mode="json")}
        )
    run(platform, "RegisterModel", asked)


def promote(platform: Platform, versions: Mapping[str, int]) -> None:
    """Let each model's champion be that version."""
    told = {"reason": "made elsewhere", "moved_by": "a test"}
    run(
        platform,
        "PromoteModel",
        [{"model_name": name, "version": version} | told for name, version in versions.items()],
    )


def run(platform: Platform, machine: str, inputs: list[Any]) -> None:
    """Run a state machine of the registry with each of the inputs, until it has succeeded.

    One after the other: side by side, each would have to start instances of every function on its way.
    """
    arn = platform.machine("registry", machine)
    states = platform.aws("stepfunctions")
    for one in inputs:
        execution = states.start_execution(stateMachineArn=arn, input=json.dumps(one))
        ended = platform.ended(execution["executionArn"])
        assert ended["status"] == "SUCCEEDED", ended


def _candidate(platform: Platform, name: str, model: OnnxModel) -> Candidate:
    bucket = platform.resource("foundation", "Artifacts", "AWS::S3::Bucket")
    job_id = f"{name}-{hashlib.sha256(model.content).hexdigest()[:12]}"
    folder = f"s3://{bucket}/training/{job_id}"
    return candidate(
        model_name=name,
        task=model.task,
        target="target",
        signature=model.signature,
        model=_stored(platform, f"{folder}/model.onnx", model.content),
        holdout=_stored(platform, f"{folder}/holdout.npz", b"nobody judges it"),
        baseline=None,
        job_id=job_id,
        run_id=hashlib.sha256(job_id.encode()).hexdigest()[:32],
    )


def _stored(platform: Platform, uri: str, content: bytes) -> StoredObject:
    platform.overwrite(uri, content)
    return StoredObject(uri=uri, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
