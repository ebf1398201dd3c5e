"""Datasets as `data` leaves them, made from data frames."""

import hashlib
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes

from shelflife.contracts.data import Column, ColumnKind, DatasetManifest, StoredObject
from shelflife.contracts.models import Candidate, DatasetReference, Datatype, Signature, Task, Tensor
from shelflife.contracts.training import TrainingResult
from shelflife.contracts.validation import GateResult, Verdict
from shelflife.training.model import Algorithm, DatasetChoice, Split, TrainingPlan

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BUCKET = "artifacts"
_MOST_COUNTED = 100
_KINDS = {"b": ColumnKind.BOOLEAN, "M": ColumnKind.TIMESTAMP, "O": ColumnKind.TEXT}


def parquet_of(frame: pd.DataFrame) -> bytes:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        database.register("frame", frame)
        database.execute("COPY (SELECT * FROM frame) TO ? (FORMAT PARQUET)", [f"{folder}/rows.parquet"])
        return (Path(folder) / "rows.parquet").read_bytes()


def manifest_of(frame: pd.DataFrame, rows: bytes, name: str = "rows", version: int = 3) -> DatasetManifest:
    stored = StoredObject(
        uri=f"s3://{BUCKET}/datasets/{name}/versions/{version:08d}/rows.parquet",
        sha256=hashlib.sha256(rows).hexdigest(),
        size_bytes=len(rows),
    )
    return DatasetManifest(
        name=name,
        version=version,
        source=stored,
        rows=stored,
        profile=stored,
        format="csv",
        row_count=len(frame),
        columns=tuple(_column(str(name), frame[name]) for name in frame.columns),
        created_at=NOON,
        created_by="ada",
    )


def _column(name: str, values: "pd.Series[Any]") -> Column:
    counts = {_text(value): int(count) for value, count in values.value_counts().items()}
    return Column(
        name=name,
        kind=_KINDS.get(values.dtype.kind, ColumnKind.NUMBER),
        missing=int(values.isna().sum()),
        distinct=len(counts),
        counts=counts if len(counts) <= _MOST_COUNTED else None,
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool | np.bool_) else str(value)


def diabetes() -> pd.DataFrame:
    frame: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame
    return frame


def breast_cancer() -> pd.DataFrame:
    frame: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    return frame


def mixed(rows: int = 600) -> pd.DataFrame:
    """Numbers, whole numbers, flags, texts and times, with gaps, a rare category and awkward names."""
    chance = np.random.default_rng(11)
    size, age = chance.normal(50_000, 9_000, rows), chance.integers(18, 90, rows)
    colour = chance.choice(["red", "green", "blue", "ünusual"], rows, p=[0.5, 0.3, 0.19, 0.01])
    member = chance.random(rows) < 0.4
    frame = pd.DataFrame({"size (m²)": size, "age": age, "colour": colour, "member": member})
    frame["seen_at"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(chance.permutation(rows), unit="h")
    score = size / 9_000 + (colour == "red") * 2 + member - age / 30 + chance.normal(0, 0.5, rows)
    frame["amount"] = score * 10 - 40
    frame["grade"] = np.array(["low", "mid", "high"])[np.digitize(score, [4.0, 6.0])]
    frame["churned"] = (score > np.median(score)).astype(int)
    frame.loc[chance.random(rows) < 0.1, "size (m²)"] = np.nan
    frame["colour"] = [
        None if gap else name for name, gap in zip(colour, chance.random(rows) < 0.1, strict=True)
    ]
    return frame


def plan(
    target: str, features: tuple[str, ...], task: Task, algorithm: Algorithm, **more: Any
) -> TrainingPlan:
    return TrainingPlan(
        model_name="model",
        dataset=DatasetChoice(name="rows"),
        target=target,
        features=features,
        task=task,
        algorithm=algorithm,
        **{"split": Split(holdout_fraction=0.25), "seed": 7, **more},
    )


def result_of(job_id: str, model_name: str = "model") -> TrainingResult:
    """What a job leaves behind, without having trained."""

    def stored(name: str) -> StoredObject:
        return StoredObject(uri=f"s3://{BUCKET}/training/{job_id}/{name}", sha256="0" * 64, size_bytes=1)

    candidate = Candidate(
        model_name=model_name,
        task=Task.REGRESSION,
        target="target",
        signature=Signature(
            inputs=(Tensor(name="age", datatype=Datatype.FP32, shape=(-1, 1)),),
            outputs=(Tensor(name="prediction", datatype=Datatype.FP32, shape=(-1, 1)),),
        ),
        model=stored("model.onnx"),
        baseline=stored("baseline.json"),
        holdout=stored("holdout.npz"),
        metrics={"mae": 41.5, "r2": 0.5},
        run_id="run-1",
        job_id=job_id,
        dataset=DatasetReference(name="rows", version=3),
    )
    return TrainingResult(
        candidate=candidate, rows_trained=300, rows_held_out=100, largest_parity_error=1e-7, seconds=2.5
    )


def verdict_of(*, passed: bool, model_name: str = "model") -> Verdict:
    gates = (
        GateResult(gate="min_holdout_rows", passed=True, reason="100 rows, 30 needed", evidence={}),
        GateResult(gate="mae", passed=passed, reason="mae is 41.5, at most 60", evidence={"mae": 41.5}),
    )
    return Verdict(evaluation_id="evaluation-1", model_name=model_name, passed=passed, gates=gates)
