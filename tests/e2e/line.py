"""A model that is trained in a moment: y = 3x + 1, nearly. Tests of failures need no better one."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.e2e import steps
from tests.harness.installation import Platform

NAME = "line"


def line_file(seed: int = 1) -> bytes:
    generator = np.random.default_rng(seed)
    x = generator.uniform(-1, 1, 200)
    y = 3 * x + 1 + generator.normal(0, 0.05, 200)
    rows = "".join(f"{a:.6f},{b:.6f}\n" for a, b in zip(x, y, strict=True))
    return f"x,y\n{rows}".encode()


def line_plan(**changes: Any) -> dict[str, Any]:
    return {
        "model_name": NAME,
        "dataset": {"name": NAME, "version": 1},
        "target": "y",
        "features": ["x"],
        "task": "regression",
        "algorithm": "linear",
        "seed": 3,
    } | changes


def line_inputs(rows: int = 3) -> list[dict[str, Any]]:
    x = np.linspace(-1, 1, rows, dtype=np.float32).tolist()
    return [{"name": "x", "datatype": "FP32", "shape": [rows, 1], "data": x}]


@dataclass(frozen=True)
class Line:
    """Two versions of the model: the first is worse, the second was promoted last."""

    platform: Platform

    def model_uri(self, version: int) -> str:
        uri: str = self.platform.get(f"/v1/registry/models/{NAME}/versions/{version}")["candidate"]["model"][
            "uri"
        ]
        return uri

    def infer(self, deployment: str) -> Any:
        return steps.infer(self.platform, deployment, line_inputs())


def train_line(platform: Platform) -> Line:
    for version, alpha in enumerate((100.0, 0.01), 1):
        job = steps.trained(platform, line_plan(hyperparameters={"alpha": alpha}))
        assert job["links"]["model_version"] == version
    return Line(platform)
