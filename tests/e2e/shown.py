"""What MLflow's pages are to show: one of everything, logged as clients log it."""

import json
import struct
import time
import zlib
from dataclasses import dataclass
from typing import Any, Final

from tests.harness.installation import Platform

V2: Final = "/api/2.0/mlflow"
V3: Final = "/api/3.0/mlflow"
FILES: Final = "/api/2.0/mlflow-artifacts/artifacts"
EXPERIMENT: Final = "bike demand by weather"
MODEL: Final = "bike-demand"
PROMPT: Final = "explain-forecast"
NOTES: Final = "Fahrräder und Größen"
STEPS: Final = 40
BEGAN: Final = 1_795_161_600_000
_SIGNATURE: Final = {
    "inputs": json.dumps(
        [{"type": "double", "name": "temp", "required": True}, {"type": "double", "name": "hum"}]
    ),
    "outputs": json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]),
}
_MLMODEL: Final = """\
artifact_path: model
flavors:
  onnx:
    data: model.onnx
signature:
  inputs: '{inputs}'
  outputs: '{outputs}'
"""


@dataclass(frozen=True, slots=True)
class Shown:
    experiment_id: str
    runs: tuple[str, ...]
    model_id: str
    trace_id: str


def fill(platform: Platform) -> Shown:
    made = platform.post(f"{V2}/experiments/create", {"name": EXPERIMENT})
    experiment_id: str = made["experiment_id"]
    runs = tuple(_run(platform, experiment_id, number) for number in range(3))
    model_id = _logged_model(platform, experiment_id, runs[0])
    _register(platform, model_id, runs[0])
    _prompt(platform)
    return Shown(experiment_id, runs, model_id, _trace(platform, experiment_id))


def _run(platform: Platform, experiment_id: str, number: int) -> str:
    asked = {
        "experiment_id": experiment_id,
        "run_name": f"forest {number}",
        "start_time": BEGAN + number * 60_000,
        "tags": [{"key": "team", "value": "risk"}],
    }
    run_id: str = platform.post(f"{V2}/runs/create", asked)["run"]["info"]["run_id"]
    metrics = [
        {"key": key, "value": start / (1 + step + number), "timestamp": BEGAN + step, "step": step}
        for key, start in (("mae", 90.0), ("rmse", 120.0))
        for step in range(STEPS)
    ]
    params = [{"key": "depth", "value": str(4 + number)}, {"key": "trees", "value": "200"}]
    platform.post(f"{V2}/runs/log-batch", {"run_id": run_id, "metrics": metrics, "params": params})
    dataset = {"name": "bikes-2026", "digest": "257fa32d", "source_type": "s3", "source": "{}"}
    tags = [{"key": "mlflow.data.context", "value": "training"}]
    platform.post(
        f"{V2}/runs/log-inputs", {"run_id": run_id, "datasets": [{"dataset": dataset, "tags": tags}]}
    )
    root = f"{experiment_id}/{run_id}/artifacts"
    _put(platform, f"{root}/notes/größe.txt", f"{NOTES}\n".encode())
    _put(platform, f"{root}/plots/error.png", _picture())
    ended = {"run_id": run_id, "status": "FINISHED", "end_time": BEGAN + 3_600_000}
    platform.post(f"{V2}/runs/update", ended)
    return run_id


def _put(platform: Platform, path: str, content: bytes) -> None:
    headers = {"Authorization": f"Bearer {platform.endpoints.token}"}
    answer = platform.http.put(f"{FILES}/{path}", content=content, headers=headers)
    assert answer.status_code == 200, answer.text


def _picture() -> bytes:
    """A PNG of 64 by 64 points, blue to white."""
    lines = b"".join(b"\0" + b"".join(bytes((4 * x, 4 * x, 255)) for x in range(64)) for _ in range(64))

    def part(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + part(b"IHDR", header)
        + part(b"IDAT", zlib.compress(lines))
        + part(b"IEND", b"")
    )


def _logged_model(platform: Platform, experiment_id: str, run_id: str) -> str:
    asked = {"experiment_id": experiment_id, "name": "forest", "source_run_id": run_id}
    model: Any = platform.post(f"{V2}/logged-models", asked)["model"]["info"]
    root = model["artifact_uri"].removeprefix("mlflow-artifacts:/")
    _put(platform, f"{root}/MLmodel", _MLMODEL.format(**_SIGNATURE).encode())
    platform.ask("PATCH", f"{V2}/logged-models/{model['model_id']}", {"status": "LOGGED_MODEL_READY"})
    outputs = {"run_id": run_id, "models": [{"model_id": model["model_id"], "step": 0}]}
    platform.post(f"{V2}/runs/outputs", outputs)
    return str(model["model_id"])


def _register(platform: Platform, model_id: str, run_id: str) -> None:
    platform.post(f"{V2}/registered-models/create", {"name": MODEL, "description": "hourly demand"})
    for _ in range(2):
        platform.post(
            f"{V2}/model-versions/create",
            {"name": MODEL, "source": f"models:/{model_id}", "model_id": model_id, "run_id": run_id},
        )
    platform.post(f"{V2}/registered-models/alias", {"name": MODEL, "alias": "champion", "version": "2"})


def _prompt(platform: Platform) -> None:
    is_prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    platform.post(f"{V2}/registered-models/create", {"name": PROMPT, "tags": [is_prompt]})
    for text in ("Explain {{forecast}}.", "Explain {{forecast}} to a child."):
        tags = [
            is_prompt,
            {"key": "mlflow.prompt.text", "value": text},
            {"key": "_mlflow_prompt_type", "value": "text"},
        ]
        asked = {"name": PROMPT, "source": "dummy-source", "description": "a first try", "tags": tags}
        platform.post(f"{V2}/model-versions/create", asked)


def _trace(platform: Platform, experiment_id: str) -> str:
    otel_id = "0af7651916cd43dd8448eb211c80319c"
    # Now, because the pages show the last week by themselves.
    began = time.time_ns()
    spans = [
        _span((otel_id, "b7ad6b7169203331"), None, "answer question", began),
        _span((otel_id, "b7ad6b7169203332"), "b7ad6b7169203331", "call model", began),
    ]
    sent = {"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": spans}]}]}
    headers = {
        "Authorization": f"Bearer {platform.endpoints.token}",
        "x-mlflow-experiment-id": experiment_id,
        "Content-Type": "application/json",
    }
    answer = platform.http.post("/v1/traces", content=json.dumps(sent), headers=headers)
    assert answer.status_code == 200, answer.text
    trace_id = f"tr-{otel_id}"
    said = {
        "assessment_name": "helpful",
        "feedback": {"value": True},
        "source": {"source_type": "HUMAN", "source_id": "reviewer"},
    }
    platform.post(f"{V3}/traces/{trace_id}/assessments", {"assessment": said})
    return trace_id


def _span(ids: tuple[str, str], parent: str | None, name: str, began: int) -> dict[str, Any]:
    said = {
        "mlflow.spanInputs": json.dumps({"question": "How many bikes on Sunday?"}),
        "mlflow.spanOutputs": json.dumps({"answer": "about 3000"}),
        "mlflow.spanType": json.dumps("CHAIN"),
    }
    return {
        "traceId": ids[0],
        "spanId": ids[1],
        "name": name,
        "startTimeUnixNano": str(began),
        "endTimeUnixNano": str(began + 250_000_000),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in said.items()],
        "status": {"code": 1},
        **({"parentSpanId": parent} if parent else {}),
    }
