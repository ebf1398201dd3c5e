"""Three linear models of scikit-learn's diabetes data, registered without a training: what rollouts roll out.

The first learned from a third of the rows, the second from all of them, the third from shuffled targets.
"""

import hashlib
import io
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

from shelflife.contracts.data import StoredObject
from shelflife.contracts.models import Datatype, Signature, Task, Tensor
from shelflife.kernel.profiles import reference_profile, to_json
from tests.e2e.stories import Tensors
from tests.harness.installation import Platform
from tests.harness.models import candidate, verdict
from tests.harness.trained import OPSETS

MODEL = "lines"
FIRST, BETTER, WORSE = 1, 2, 3

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LinearModel:
    weights: Rows
    offset: float

    def answers(self, rows: Rows) -> Rows:
        answers: Rows = (rows @ self.weights + np.float32(self.offset)).astype(np.float32)
        return answers

    @property
    def onnx(self) -> bytes:
        features = feature_names()
        nodes = [
            helper.make_node("Concat", features, ["rows"], axis=1),
            helper.make_node("MatMul", ["rows", "weights"], ["scaled"]),
            helper.make_node("Add", ["scaled", "offset"], ["prediction"]),
        ]
        graph = helper.make_graph(
            nodes,
            MODEL,
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in features],
            [helper.make_tensor_value_info("prediction", TensorProto.FLOAT, [None, 1])],
            [
                helper.make_tensor("weights", TensorProto.FLOAT, [len(features), 1], self.weights),
                helper.make_tensor("offset", TensorProto.FLOAT, [1], [self.offset]),
            ],
        )
        model = helper.make_model(graph, opset_imports=OPSETS, ir_version=8)
        return bytes(model.SerializeToString())


@cache
def diabetes() -> tuple[Rows, Rows]:
    """The rows as measured, and how far the disease went a year later."""
    rows, targets = load_diabetes(return_X_y=True, scaled=False)
    return rows.astype(np.float32), targets.astype(np.float32)


@cache
def feature_names() -> list[str]:
    return list(load_diabetes().feature_names)


@cache
def models() -> dict[int, LinearModel]:
    """By the version that each becomes."""
    rows, targets = diabetes()
    shuffled = np.random.default_rng(5).permutation(targets)
    learned = (
        (FIRST, rows[:150], targets[:150]),
        (BETTER, rows, targets),
        (WORSE, rows, shuffled),
    )
    return {version: _fitted(*told) for version, *told in learned}


def tensors(rows: Rows) -> Tensors:
    return [
        {"name": name, "datatype": "FP32", "shape": [len(rows), 1], "data": rows[:, at].tolist()}
        for at, name in enumerate(feature_names())
    ]


def register(platform: Platform) -> None:
    """Have all three registered, in their order; nothing is promoted."""
    machine = platform.machine("registry", "RegisterModel")
    for version, model in models().items():
        asked = {"candidate": _candidate(platform, version, model), "verdict": _passed()}
        started = platform.aws("stepfunctions").start_execution(
            stateMachineArn=machine, input=json.dumps(asked)
        )
        execution = platform.ended(started["executionArn"])
        assert execution["status"] == "SUCCEEDED", execution
        assert json.loads(execution["output"])["registered"]["version"] == version


def _fitted(rows: Rows, targets: Rows) -> LinearModel:
    fitted = LinearRegression().fit(rows.astype(np.float64), targets)
    return LinearModel(fitted.coef_.astype(np.float32), float(np.float32(fitted.intercept_)))


def _candidate(platform: Platform, version: int, model: LinearModel) -> dict[str, Any]:
    rows, targets = diabetes()
    columns = dict(zip(feature_names(), rows.T, strict=True))
    holdout = io.BytesIO()
    np.savez(holdout, target=targets, **columns)
    profile = to_json(reference_profile(columns | {"prediction": model.answers(rows)}))
    job = f"lines-{version}"
    made = candidate(
        model_name=MODEL,
        task=Task.REGRESSION,
        signature=Signature(
            inputs=tuple(
                Tensor(name=name, datatype=Datatype.FP32, shape=(-1, 1)) for name in feature_names()
            ),
            outputs=(Tensor(name="prediction", datatype=Datatype.FP32, shape=(-1, 1)),),
        ),
        model=_stored(platform, f"training/{job}/model.onnx", model.onnx),
        baseline=_stored(platform, f"training/{job}/baseline.json", profile.encode()),
        holdout=_stored(platform, f"training/{job}/holdout.npz", holdout.getvalue()),
        job_id=job,
    )
    return made.model_dump(mode="json")


def _passed() -> dict[str, Any]:
    return verdict(model_name=MODEL).model_dump(mode="json")


def _stored(platform: Platform, key: str, body: bytes) -> StoredObject:
    bucket = platform.resource("foundation", "Artifacts", "AWS::S3::Bucket")
    uri = f"s3://{bucket}/{key}"
    platform.overwrite(uri, body)
    return StoredObject(uri=uri, sha256=hashlib.sha256(body).hexdigest(), size_bytes=len(body))
