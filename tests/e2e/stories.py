"""Two of scikit-learn's datasets, each on its way from a file to a deployment that answers.

One is a CSV file for a classification on SageMaker, the other a Parquet file for a regression on Batch.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes

from tests.e2e import steps
from tests.e2e.captures import profiled_rows
from tests.harness.installation import Platform, eventually

TARGET = "target"
ROWS_PER_REQUEST = 100

Array = npt.NDArray[Any]
Tensors = list[dict[str, Any]]


@dataclass(frozen=True)
class Story:
    name: str
    form: str
    task: str
    backend: str
    algorithm: str
    thresholds: tuple[Mapping[str, Any], ...]
    frame: pd.DataFrame

    @property
    def features(self) -> list[str]:
        return [name for name in self.frame.columns if name != TARGET]

    @property
    def plan(self) -> dict[str, Any]:
        return {
            "model_name": self.name,
            "dataset": {"name": self.name, "version": 1},
            "target": TARGET,
            "features": self.features,
            "task": self.task,
            "algorithm": self.algorithm,
            "split": {"kind": "random", "holdout_fraction": 0.25},
            "seed": 11,
            "backend": self.backend,
            "tags": {"team": "e2e"},
        }

    def file(self, frame: pd.DataFrame | None = None) -> bytes:
        """The rows as who owns them would export them; the same rows give the same bytes."""
        rows = self.frame if frame is None else frame
        return rows.to_csv(index=False).encode() if self.form == "csv" else parquet(rows)

    def requests(self, frame: pd.DataFrame | None = None) -> list[pd.DataFrame]:
        rows = self.frame if frame is None else frame
        return [rows[first : first + ROWS_PER_REQUEST] for first in range(0, len(rows), ROWS_PER_REQUEST)]

    def tensors(self, rows: pd.DataFrame) -> Tensors:
        """One FP32 tensor per feature."""
        return [
            {"name": name, "datatype": "FP32", "shape": [len(rows), 1], "data": values.tolist()}
            for name, values in self.feed(rows).items()
        ]

    def feed(self, rows: pd.DataFrame) -> dict[str, Array]:
        return {name: rows[name].to_numpy(np.float32) for name in self.features}


def parquet(rows: pd.DataFrame) -> bytes:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as duck:
        file = Path(folder) / "rows.parquet"
        duck.register("rows", rows)
        duck.execute(f"COPY rows TO '{file}' (FORMAT parquet)")
        return file.read_bytes()


def _frame(load: Any) -> pd.DataFrame:
    loaded = load(as_frame=True)
    frame: pd.DataFrame = loaded.frame
    return frame


CANCER = Story(
    # The tutorial, whose commands are run in the same cloud, calls its model `cancer`.
    name="tumours",
    form="csv",
    task="classification",
    backend="sagemaker",
    algorithm="hist_gradient_boosting",
    thresholds=({"metric": "accuracy", "at_least": 0.9}, {"metric": "roc_auc", "at_least": 0.95}),
    frame=_frame(load_breast_cancer),
)
DIABETES = Story(
    name="diabetes",
    form="parquet",
    task="regression",
    backend="batch",
    algorithm="gradient_boosting",
    thresholds=({"metric": "mae", "at_most": 60.0},),
    frame=_frame(load_diabetes),
)
STORIES = (CANCER, DIABETES)


@dataclass
class Told:
    """What a story has come to: the data, the job, the model's bytes, and what was predicted."""

    story: Story
    platform: Platform
    job: Any
    model: bytes = b""
    answers: dict[str, tuple[pd.DataFrame, Any]] = field(default_factory=dict)

    def predict(self, frame: pd.DataFrame | None = None) -> list[str]:
        """Ask for all rows; the ids of the answers."""
        asked = [
            (rows, steps.infer(self.platform, self.story.name, self.story.tensors(rows)))
            for rows in self.story.requests(frame)
        ]
        self.answers |= {answer["id"]: (rows, answer) for rows, answer in asked}
        return [answer["id"] for _, answer in asked]

    def captured(self) -> None:
        """Wait until a scan can see all that was asked so far."""
        wanted = sum(len(rows) for rows, _ in self.answers.values())
        eventually(lambda: profiled_rows(self.platform, self.story.name) >= wanted, "captured rows")

    def label(self, capture_ids: list[str]) -> None:
        labels = [
            {"capture_id": capture_id, "values": self.answers[capture_id][0][TARGET].tolist()}
            for capture_id in capture_ids
        ]
        path = f"/v1/monitoring/deployments/{self.story.name}/labels"
        assert self.platform.post(path, {"labels": labels})["accepted"] == len(labels)

    def expected(self, rows: pd.DataFrame) -> dict[str, Array]:
        """What onnxruntime answers with the model object."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(self.model, options, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        feed = {name: values[:, None] for name, values in self.story.feed(rows).items()}
        return dict(zip(names, session.run(names, feed), strict=True))


class Stories:
    """Tells each story once, however many tests want to know how it goes."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._jobs: dict[str, str] = {}
        self._told: dict[str, Told] = {}

    def tell(self, story: Story) -> Told:
        """Train, deploy and ask for every row once."""
        if story.name not in self._told:
            self._begin()
            job = steps.succeeded(self._platform, self._jobs[story.name])
            steps.serving(self._platform, story.name, 1)
            version = self._platform.get(f"/v1/registry/models/{story.name}/versions/1")
            model = self._platform.object(version["candidate"]["model"]["uri"])
            told = self._told[story.name] = Told(story, self._platform, job, model)
            told.predict()
        return self._told[story.name]

    def _begin(self) -> None:
        """Both jobs run side by side."""
        for story in STORIES:
            if story.name not in self._jobs:
                assert steps.version_of(self._platform, story.name, story.file(), story.form) == 1
                policy = {"thresholds": [dict(threshold) for threshold in story.thresholds]}
                self._platform.put(f"/v1/validation/policies/{story.name}", policy)
                steps.deploy(self._platform, story.name, story.name)
                self._jobs[story.name] = steps.start(self._platform, story.plan)
