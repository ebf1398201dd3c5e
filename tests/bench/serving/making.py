"""How the bench's models are made; apart, because it imports the training job and all that this brings."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import joblib
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from infra.build.layers import ROOT
from shelflife.contracts.models import Datatype, Signature, Task, Tensor
from shelflife.training.hyperparameters import settled
from shelflife.training.job.export import signature_of, to_onnx
from shelflife.training.job.pipeline import Fitted, fit
from shelflife.training.job.rows import Rows
from shelflife.training.model import Algorithm, CheckedPlan, DatasetChoice, TrainingPlan

NUMBERS = ("season", "day", "hr", "holiday", "weekday", "workingday", "temp", "atemp", "hum", "windspeed")
TEXTS = ("mnth", "weathersit")
_DATA = ROOT / "infra/demo/data/bikeshare.csv"
_WIDTH = 64
_HIDDEN = (128, 64)
_SEED = 7


def make(name: str, file: Path) -> tuple[bytes, Signature, dict[str, Any]]:
    """The model's bytes, its signature, and rows to ask it; a fitted estimator is left beside `file`."""
    content, signature = _MAKERS[name](file)
    return content, signature, _columns(name)


def _trees(file: Path) -> tuple[bytes, Signature]:
    # Everything but the number of trees is the training job's default.
    fitted = fit(_plan(Algorithm.HIST_GRADIENT_BOOSTING, (), max_iter=200, early_stopping=False), _rows(()))
    joblib.dump(fitted.estimator, file.with_suffix(".joblib"))
    return _exported(fitted)


def _linear(file: Path) -> tuple[bytes, Signature]:
    fitted = fit(_plan(Algorithm.LINEAR, TEXTS), _rows(TEXTS))
    joblib.dump((fitted.preprocess, fitted.estimator), file.with_suffix(".joblib"))
    return _exported(fitted)


def _mlp(_: Path) -> tuple[bytes, Signature]:
    chance = np.random.default_rng(_SEED)
    names = [f"x{place:02d}" for place in range(_WIDTH)]
    widths = (_WIDTH, *_HIDDEN, 1)
    nodes = [helper.make_node("Concat", names, ["layer0"], axis=1)]
    weights = []
    for at, (rows, columns) in enumerate(pairwise(widths)):
        last = at == len(widths) - 2
        scaled = (chance.normal(size=(rows, columns)) / np.sqrt(rows)).astype(np.float32)
        weights += [
            numpy_helper.from_array(scaled, f"w{at}"),
            numpy_helper.from_array(np.zeros(columns, dtype=np.float32), f"b{at}"),
        ]
        out = "prediction" if last else f"sum{at}"
        nodes.append(helper.make_node("Gemm", [f"layer{at}", f"w{at}", f"b{at}"], [out]))
        if not last:
            nodes.append(helper.make_node("Relu", [out], [f"layer{at + 1}"]))
    inputs = tuple(Tensor(name=name, datatype=Datatype.FP32, shape=(-1, 1)) for name in names)
    outputs = (Tensor(name="prediction", datatype=Datatype.FP32, shape=(-1, 1)),)
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", 1]) for name in names],
        [helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["rows", 1])],
        weights,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString(deterministic=True)), Signature(inputs=inputs, outputs=outputs)


_MAKERS: dict[str, Callable[[Path], tuple[bytes, Signature]]] = {
    "trees": _trees,
    "linear": _linear,
    "mlp": _mlp,
}


def _columns(name: str) -> dict[str, Any]:
    if name == "mlp":
        values = np.random.default_rng(_SEED).normal(size=(1000, _WIDTH)).astype(np.float32)
        return {f"x{place:02d}": values[:, place] for place in range(_WIDTH)}
    rows = _rows(TEXTS if name == "linear" else ())
    return rows.numeric | rows.categorical


def _exported(fitted: Fitted) -> tuple[bytes, Signature]:
    return to_onnx(fitted), signature_of(fitted)


def _plan(algorithm: Algorithm, texts: tuple[str, ...], **hyperparameters: Any) -> CheckedPlan:
    plan = TrainingPlan(
        model_name="bench",
        dataset=DatasetChoice(name="bikeshare"),
        target="bikers",
        features=NUMBERS + texts,
        task=Task.REGRESSION,
        algorithm=algorithm,
        hyperparameters=hyperparameters,
        seed=_SEED,
    )
    # No dataset version is read: the rows are given.
    unread: Any = None
    return CheckedPlan.model_construct(
        plan=plan,
        manifest=unread,
        numeric=NUMBERS,
        categorical=texts,
        hyperparameters=settled(algorithm, Task.REGRESSION, hyperparameters),
    )


def _rows(texts: tuple[str, ...]) -> Rows:
    named = ", ".join(f'"{name}"::FLOAT AS "{name}"' for name in NUMBERS)
    asked = ", ".join([named, *(f'"{name}"' for name in texts), "bikers::DOUBLE AS bikers"])
    # The text of the query is this module's own.
    query: Any = duckdb.sql(f"SELECT {asked} FROM read_csv('{_DATA}', header = true)")  # noqa: S608
    found = query.fetchnumpy()
    target = np.asarray(found["bikers"])
    return Rows(
        numeric={name: np.ma.getdata(found[name]) for name in NUMBERS},
        categorical={name: np.ma.getdata(found[name]).astype(object) for name in texts},
        target=target,
        numbers=np.arange(1, len(target) + 1),
    )
