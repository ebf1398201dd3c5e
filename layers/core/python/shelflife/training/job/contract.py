"""SageMaker's training contract, which Batch and plain processes keep too.

``<base>/input/config/hyperparameters.json`` comes in, ``<base>/model/`` goes out, and a job that fails says
why in ``<base>/output/failure`` and exits with 1. There are no input channels: the rows are read from S3 by
the URI in the plan, so that the same code runs where no channel is mounted.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelflife.training.job.errors import JobNotConfiguredError

BASE_VARIABLE = "SAGEMAKER_BASE_DIR"
DEFAULT_BASE = "/opt/ml"
#: Hyperparameters as JSON where no file is mounted: ours on Batch, and the SageMaker toolkit's own.
VARIABLES = ("TRAINING_HYPERPARAMETERS", "SM_HPS")
#: SageMaker shows this much of the file as the job's FailureReason.
FAILURE_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class Tree:
    """The folders of one job."""

    base: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Tree":
        """The job's folders; those that it writes to are made here, since nobody else does on Batch."""
        tree = cls(Path(environ.get(BASE_VARIABLE, DEFAULT_BASE)))
        for folder in (tree.model, tree.failure.parent):
            folder.mkdir(parents=True, exist_ok=True)
        return tree

    @property
    def hyperparameters(self) -> Path:
        return self.base / "input" / "config" / "hyperparameters.json"

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def failure(self) -> Path:
        return self.base / "output" / "failure"


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """What a job is told; names of parameters are missing where a plain process trains for itself."""

    plan_uri: str
    api_url_parameter: str | None = None
    token_parameter: str | None = None


def hyperparameters(tree: Tree, environ: Mapping[str, str]) -> Hyperparameters:
    """Read them from the mounted file, or from the environment.

    Raises:
        JobNotConfiguredError: nothing says where the plan is.
    """
    told = {name: _text(value) for name, value in _told(tree, environ).items()}
    if not told.get("plan_uri"):
        raise JobNotConfiguredError("plan_uri")
    return Hyperparameters(
        plan_uri=told["plan_uri"],
        api_url_parameter=told.get("api_url_parameter") or None,
        token_parameter=told.get("token_parameter") or None,
    )


def failure_line(error: BaseException) -> str:
    """One line that a person can act on; an error that is not ours is told with its kind."""
    text = " ".join(str(error).split())
    ours = type(error).__module__.startswith("shelflife.")
    return (text if ours else f"{type(error).__name__}: {text}")[:FAILURE_LENGTH]


def _told(tree: Tree, environ: Mapping[str, str]) -> Mapping[str, Any]:
    if tree.hyperparameters.is_file():
        text = tree.hyperparameters.read_text()
    else:
        text = next((environ[name] for name in VARIABLES if environ.get(name)), "{}")
    told = json.loads(text)
    return told if isinstance(told, dict) else {}


def _text(value: Any) -> str:
    """SageMaker's SDK encodes each value as JSON, the API passes it as it is: both are read."""
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        decoded = json.loads(value)
    except json.JSONDecodeError:
        return value
    return decoded if isinstance(decoded, str) else value
