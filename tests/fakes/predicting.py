"""Predictions of one deployment, `bikes`, in this process: nothing of them is faked but the cloud."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

import numpy as np
import onnxruntime

from shelflife.contracts.models import Datatype, Signature
from shelflife.serving.binary import written
from shelflife.serving.model import DeployableVersion
from shelflife.serving.prediction import Predictions
from shelflife.serving.protocol import Protocol
from shelflife.serving.repository import Repository
from shelflife.serving.scoring import Scoring
from shelflife.serving.served import ServedModels
from shelflife.serving.sessions import OnnxModel
from shelflife.serving.statistics import Statistics
from shelflife.serving.traffic import only
from tests.fakes.captures import MemoryCaptures
from tests.fakes.deployments import deployment, revision
from tests.fakes.onnx_models import reference_of
from tests.fakes.serving import MemoryDeployments, MemoryModels, MemoryVersions

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class ServedWorld:
    """What serves, where it can be looked at; `add` lets one more deployment serve a model."""

    def __init__(self, made: tuple[bytes, Signature], *, sampling_rate: float = 1.0) -> None:
        self.deployments = MemoryDeployments()
        self.models = MemoryModels()
        self.captures = MemoryCaptures()
        ids = count(1)
        self.versions = MemoryVersions()
        self.predictions = Predictions(
            served=ServedModels(self.deployments, self.versions, lambda: 0.0, lambda: 0.5),
            models=self.models,
            captures=self.captures,
            now=lambda: NOON,
            seconds=lambda: 0.0,
            new_id=lambda: f"made-{next(ids)}",
        )
        self.protocol = Protocol(self.predictions, Statistics())
        self.repository = Repository(self.deployments, self.predictions.served, self.models)
        self.scoring = Scoring(self.predictions, self.deployments)
        self.add("bikes", made, sampling_rate=sampling_rate)

    def add(self, name: str, made: tuple[bytes, Signature], *, sampling_rate: float = 1.0) -> None:
        content, signature = made
        reference = reference_of(content, signature, model_name=name)
        session = onnxruntime.InferenceSession(content)
        self.models.models[reference.candidate.model.sha256] = OnnxModel(session, signature)
        self.versions.keep(DeployableVersion(reference=reference))
        served = deployment(reference, rate=sampling_rate, revision=1).model_copy(update={"name": name})
        self.deployments.deployments[name] = served
        self.deployments.kept_revisions[name, 1] = revision(1, only(1))


Tensors = Mapping[str, tuple[str, Any]]


def binary_request(tensors: Tensors, **changes: Any) -> tuple[bytes, dict[str, str]]:
    """A request whose tensors are all bytes, by name and datatype, and its headers."""
    inputs: list[dict[str, Any]] = []
    follow = b""
    for name, (datatype, values) in tensors.items():
        array = np.asarray(values)
        content = written(array, Datatype(datatype))
        follow += content
        shape = list(array.shape)
        parameters = {"binary_data_size": len(content)}
        inputs.append({"name": name, "datatype": datatype, "shape": shape, "parameters": parameters})
    head = json.dumps({"inputs": inputs} | changes).encode()
    return head + follow, {"inference-header-content-length": str(len(head))}
