"""Three models, made of the demo's data and of a seed, and kept below `.build/bench/models`.

`trees`: 200 trees of histogram gradient boosting; `linear`: a scaled ridge regression over numbers and
one-hot text; `mlp`: 64 inputs, two hidden layers. The first two come out of the training job's own code.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from infra.build.layers import ROOT
from shelflife.contracts.models import Datatype, Signature

FOLDER = ROOT / ".build/bench/models"


@dataclass(frozen=True, slots=True)
class BenchModel:
    """A model's file with its signature, and rows to ask it, one array per feature."""

    name: str
    content: bytes
    signature: Signature
    columns: dict[str, Any]

    def rows(self, count: int) -> dict[str, Any]:
        """The first rows, from the beginning again where there are not enough."""
        return {name: np.resize(values, count) for name, values in self.columns.items()}

    @property
    def is_numeric(self) -> bool:
        return all(tensor.datatype is Datatype.FP32 for tensor in self.signature.inputs)


def model(name: str) -> BenchModel:
    """One of `trees`, `linear` and `mlp`; made when it is first asked for."""
    file = FOLDER / f"{name}-{_fingerprint()}.onnx"
    signature = file.with_suffix(".json")
    if not signature.exists():
        # Importing it takes longer than everything else here.
        from tests.bench.serving.making import make  # noqa: PLC0415

        FOLDER.mkdir(parents=True, exist_ok=True)
        content, its, columns = make(name, file)
        file.write_bytes(content)
        np.savez(file.with_suffix(".npz"), **{key: _plain(values) for key, values in columns.items()})
        signature.write_text(its.model_dump_json())
    with np.load(file.with_suffix(".npz")) as kept:
        columns = {key: _given(kept[key]) for key in kept.files}
    return BenchModel(
        name, file.read_bytes(), Signature.model_validate(json.loads(signature.read_text())), columns
    )


def pickled(name: str) -> Path:
    """The fitted scikit-learn estimator of `trees`, as the seed's pattern and the peers load it."""
    model(name)
    return FOLDER / f"{name}-{_fingerprint()}.joblib"


def onnx_file(name: str) -> Path:
    model(name)
    return FOLDER / f"{name}-{_fingerprint()}.onnx"


def _plain(values: Any) -> Any:
    """Text as numpy's own, which needs no pickle."""
    return values.astype(np.str_) if values.dtype == object else values


def _given(values: Any) -> Any:
    """Text as Python's own, which onnxruntime takes."""
    return values.astype(object) if values.dtype.kind == "U" else values


def _fingerprint() -> str:
    return hashlib.sha256(Path(__file__).with_name("making.py").read_bytes()).hexdigest()[:12]
