"""The peers, each with the command that its documentation gives and a request of one row or of many.

All serve the same 200 trees: scikit-learn's pickle, or onnxruntime where it is said.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from infra.build.layers import ROOT
from tests.bench.serving.asking import matrix_of
from tests.bench.serving.models import FOLDER, model, onnx_file, pickled
from tests.bench.serving.servers import PEERS, Peer, python_of

_BENTO = "bentoml_service:Trees"


def all_peers(rows: int = 1) -> list[Peer]:
    """Those that are installed or can be."""
    makers = (seed, mlserver, kserve, kserve_onnx, bentoml, mlflow)
    names = ("seed", "mlserver", "kserve", "kserve", "bentoml", "mlflow")
    return [make(rows) for make, name in zip(makers, names, strict=True) if python_of(name) is not None]


def seed(rows: int = 1) -> Peer:
    """One row at a time is all that it takes."""
    row = matrix_of(model("trees"), rows)[0].tolist()
    return Peer(
        name="FastAPI and joblib",
        peer="seed",
        command=(_python("seed"), str(PEERS / "seed.py"), str(pickled("trees")), "{port}"),
        path="/predict",
        body=_json({"features": row}),
    )


def mlserver(rows: int = 1) -> Peer:
    folder = FOLDER.parent / "mlserver"
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "name": "trees",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": str(pickled("trees"))},
    }
    (folder / "model-settings.json").write_text(json.dumps(settings))
    # Without workers of its own, which is its fastest for small models.
    plain = {"host": "127.0.0.1", "parallel_workers": 0, "debug": False, "metrics_endpoint": None}
    (folder / "settings.json").write_text(json.dumps(plain))
    return Peer(
        name="MLServer",
        peer="mlserver",
        command=(str(Path(_python("mlserver")).with_name("mlserver")), "start", str(folder)),
        path="/v2/models/trees/infer",
        body=_tensor(rows),
        environ={"MLSERVER_HTTP_PORT": "{port}", "MLSERVER_GRPC_PORT": "0"},
    )


def kserve(rows: int = 1) -> Peer:
    return _kserve("KServe and joblib", pickled("trees"), rows)


def kserve_onnx(rows: int = 1) -> Peer:
    return _kserve("KServe and onnxruntime", onnx_file("trees"), rows)


def _kserve(name: str, file: Path, rows: int) -> Peer:
    return Peer(
        name=name,
        peer="kserve",
        command=(_python("kserve"), str(PEERS / "kserve_server.py"), str(file), "{port}"),
        path="/v2/models/trees/infer",
        body=_tensor(rows),
    )


def bentoml(rows: int = 1) -> Peer:
    command = (str(Path(_python("bentoml")).with_name("bentoml")), "serve", _BENTO)
    return Peer(
        name="BentoML",
        peer="bentoml",
        command=(*command, "--working-dir", str(PEERS), "--host", "127.0.0.1", "--port", "{port}"),
        path="/predict",
        body=_json({"rows": matrix_of(model("trees"), rows).tolist()}),
        environ={"BENCH_MODEL": str(pickled("trees")), "BENTOML_DO_NOT_TRACK": "True"},
    )


def mlflow(rows: int = 1) -> Peer:
    folder = FOLDER / f"{pickled('trees').stem}-mlflow"
    if not folder.exists():
        save = [_python("mlflow"), str(PEERS / "mlflow_save.py"), str(pickled("trees")), str(folder)]
        subprocess.run(save, check=True, capture_output=True)
    command = (str(Path(_python("mlflow")).with_name("mlflow")), "models", "serve", "-m", str(folder))
    return Peer(
        name="mlflow models serve",
        peer="mlflow",
        command=(*command, "--env-manager", "local", "--host", "127.0.0.1", "--port", "{port}"),
        path="/invocations",
        body=_json({"inputs": matrix_of(model("trees"), rows).tolist()}),
        # It starts `uvicorn` by name.
        environ={"PATH": f"{Path(_python('mlflow')).parent}:/usr/bin:/bin"},
    )


def _python(peer: str) -> str:
    return str(ROOT / ".build/bench/peers" / peer / "bin/python")


def _tensor(rows: int) -> bytes:
    matrix = matrix_of(model("trees"), rows).astype(np.float64)
    tensor = {
        "name": "rows",
        "shape": list(matrix.shape),
        "datatype": "FP32",
        "data": matrix.ravel().tolist(),
    }
    return _json({"inputs": [tensor]})


def _json(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
