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
    """Let each be the first version of its model, and a deployment of the model's name answer with it.

    One is ready before the next begins: side by side, each would have functions start instances of their own.
    """
    for name, model in models.items():
        register(platform, name, model)
        promote(platform, name, 1)
        platform.post("/v1/serving/deployments", {"name": name, "model_name": name})
        platform.until(f"/v1/serving/deployments/{name}", lambda seen: seen["state"] == "ready")


def register(platform: Platform, name: str, model: OnnxModel) -> None:
    """Give it the next version of the model of that name."""
    offered, passed = _candidate(platform, name, model), verdict(model_name=name)
    asked = {"candidate": offered.model_dump(mode="json"), "verdict": passed.model_dump(mode="json")}
    _run(platform, "RegisterModel", asked)


def promote(platform: Platform, name: str, version: int) -> None:
    """Let the model's champion be that version."""
    told = {"reason": "made elsewhere", "moved_by": "a test"}
    _run(platform, "PromoteModel", {"model_name": name, "version": version} | told)


def _run(platform: Platform, machine: str, asked: Mapping[str, Any]) -> None:
    """Run a state machine of the registry, until it has succeeded."""
    arn = platform.machine("registry", machine)
    started = platform.aws("stepfunctions").start_execution(stateMachineArn=arn, input=json.dumps(asked))
    ended = platform.ended(started["executionArn"])
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
