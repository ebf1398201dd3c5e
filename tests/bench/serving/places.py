"""Where a function's interpreter finds what Lambda would give it: its own folder, its layers, the runtime."""

from pathlib import Path

from infra.build import layers
from infra.build.layers import BUILT, ROOT
from infra.local.functions.runtime_folder import link_runtime
from tests.bench.serving.runtime_api import PROGRAMS, link_client

__all__ = ["PROGRAMS", "built", "layer_path", "predict_path", "runtime_path", "with_client"]

_LAYERS = ("core", "runtime", "inference")
_BENCH = ROOT / ".build/bench"
FUNCTION = ROOT / "functions/serving/predict"


def built() -> None:
    """The layers as they are now, bytecode among them."""
    layers.build("local")


def runtime_path() -> list[Path]:
    """boto3 and what it needs, as Lambda's own."""
    return [link_runtime(_BENCH / "runtime")]


def layer_path() -> list[Path]:
    return [BUILT / "local" / layer / "python" for layer in _LAYERS]


def predict_path() -> list[Path]:
    return [FUNCTION, *layer_path(), *runtime_path()]


def with_client(*more: Path) -> list[Path]:
    """With AWS's runtime client, and the programs of this bench."""
    return [*more, PROGRAMS, link_client(_BENCH / "client")]
