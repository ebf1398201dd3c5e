"""What every function unpacks to on Lambda."""

import json

from infra.build import layers
from infra.config import BUILD
from infra.constructs.shared_layers import Layer
from infra.installation import synthesized
from tests.bench.measure import Figure
from tests.harness.templates import functions

_MB = 1024 * 1024
_LIMIT = 250.0
_PREDICT = 170.0


def run() -> list[Figure]:
    layers.build("aws")
    folder = synthesized("prod", lambda _: None)
    sizes = {
        kind: sum(path.stat().st_size for path in (BUILD / "layers/aws" / kind).rglob("*") if path.is_file())
        for kind in Layer
    }
    figures = [Figure(f"layer {kind}", size / _MB, "MB") for kind, size in sizes.items()]
    for name in json.loads((folder / "order.json").read_text()):
        template = json.loads((folder / f"{name}.template.json").read_text())
        for function, resource in sorted(functions(template).items()):
            used = [layer["Ref"] for layer in resource["Properties"]["Layers"]]
            total = sum(
                size
                for kind, size in sizes.items()
                if any(f"Layers{kind.capitalize()}" in one for one in used)
            )
            budget = _PREDICT if function == "serving/predict" else _LIMIT
            if total > 50 * _MB:
                figures.append(Figure(f"function {function}", total / _MB, "MB", budget))
    return figures
