"""The folders of SageMaker's training contract: ``/opt/ml`` on AWS, the job's own folder here.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local.emulator import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from infra.local.emulator import CloudSettings

# A name such as algo-1 does not resolve here, and what looks it up waits for minutes.
JOB_HOST = "localhost"
_FAILURE_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class Tree:
    """One job's folder: ``ml`` is its ``/opt/ml``, ``image`` its ``/``, and the log lies beside them."""

    job: Path

    @property
    def base(self) -> Path:
        return self.job / "ml"

    @property
    def config(self) -> Path:
        return self.base / "input" / "config"

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def output(self) -> Path:
        return self.base / "output"

    @property
    def image(self) -> Path:
        return self.job / "image"

    @property
    def tmp(self) -> Path:
        return self.job / "tmp"

    @property
    def log_file(self) -> Path:
        return self.job / "job.log"

    def channel(self, name: str) -> Path:
        return self.base / "input" / "data" / name

    def make(self) -> None:
        """Make what must exist before the job starts: without output/ a failed training can exit 0."""
        for folder in (
            self.config,
            self.model,
            self.output / "data",
            self.image,
            self.tmp,
            self.base / "input" / "data",
        ):
            folder.mkdir(parents=True, exist_ok=True)
        self.log_file.touch()

    def failure(self) -> str:
        """What the job left in output/failure, as much of it as AWS keeps."""
        path = self.output / "failure"
        return path.read_text(errors="replace")[:_FAILURE_CHARACTERS].strip() if path.is_file() else ""


def base_environment(tree: Tree, settings: CloudSettings) -> dict[str, str]:
    """What every job's process sees, whoever runs it; nothing else of the host."""
    return {
        "PATH": os.defpath + ":/usr/local/bin",
        "LANG": "C.UTF-8",
        "HOME": str(tree.job),
        "TMPDIR": str(tree.tmp),
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_ACCESS_KEY_ID": settings.account,
        "AWS_SECRET_ACCESS_KEY": "local",  # pragma: allowlist secret - the emulator checks none
        "AWS_ENDPOINT_URL": settings.endpoint_url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": HOST,
        "SAGEMAKER_BASE_DIR": str(tree.base),
    }


def write_config(tree: Tree, request: Mapping[str, Any]) -> None:
    """The three configuration files that SageMaker puts below input/config."""
    channels = {
        channel["ChannelName"]: {
            "ContentType": channel.get("ContentType", ""),
            "TrainingInputMode": channel.get("InputMode", "File"),
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
        }
        for channel in request.get("InputDataConfig", ())
    }
    files = {
        "hyperparameters.json": request.get("HyperParameters", {}),
        "inputdataconfig.json": channels,
        "resourceconfig.json": resource_config(request),
    }
    for name, content in files.items():
        (tree.config / name).write_text(json.dumps(content))


def resource_config(request: Mapping[str, Any]) -> dict[str, Any]:
    instance = (request.get("ResourceConfig") or {}).get("InstanceType", "")
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance, "hosts": [JOB_HOST]}
    return {
        "current_host": JOB_HOST,
        "current_instance_type": instance,
        "current_group_name": "homogeneousCluster",
        "hosts": [JOB_HOST],
        "instance_groups": [group],
        "network_interface_name": "lo",
    }
