"""What the acceptance list is run on: deployments of small models, and onnxruntime's own answers."""

import os
import re
import subprocess
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import onnxruntime

from infra.config import ROOT
from tests.clients.environment import python_of
from tests.clients.exchange import Array, Arrays, Case, Given, Outcome, outcomes_of, written
from tests.fakes import protocol_models
from tests.fakes.protocol_models import OnnxModel
from tests.harness.installation import Platform
from tests.harness.published import promote, publish, register

PAGE: Final = ROOT / "docs" / "pages" / "open-inference.md"
#: As the page calls them, and the names of their environments.
CLIENTS: Final = {"tritonclient": "triton", "kserve": "kserve"}
_ROW = re.compile(r"^\| `(?P<check>\w+)` \| (?P<client>\w+) \| (?P<proves>[^|]+) \|$", re.MULTILINE)
_LONGEST_SECONDS = 240
_VERSIONS = "oip-versions"


class Listed(NamedTuple):
    check: str
    client: str


def written_list() -> list[Listed]:
    """The acceptance list, as the page has it."""
    return [Listed(row["check"], row["client"]) for row in _ROW.finditer(PAGE.read_text())]


def prepare(platform: Platform) -> Given:
    """Register, promote and deploy every model; the deployments are named as the models are."""
    models = {
        f"oip-{made.__name__}": made()
        for made in (
            protocol_models.numbers,
            protocol_models.texts,
            protocol_models.mlp,
            protocol_models.images,
            protocol_models.features,
            protocol_models.classifier,
        )
    }
    first, second = protocol_models.features(), protocol_models.features(scale=-2.0)
    publish(platform, models | {_VERSIONS: first})
    register(platform, _VERSIONS, second)
    promote(platform, _VERSIONS, 2)
    path = f"/v1/serving/deployments/{_VERSIONS}"
    platform.until(path, lambda seen: seen["model_version"] == 2)
    cases = {
        name.removeprefix("oip-"): _case(name, model, _INPUTS[name.removeprefix("oip-")]())
        for name, model in models.items()
    }
    cases |= {
        "many": _case("oip-features", models["oip-features"], _features(10_000)),
        "before": _case(_VERSIONS, first, _features(5)),
        "after": _case(_VERSIONS, second, _features(5)),
    }
    return Given(platform.endpoints.api_url, platform.endpoints.token, cases)


def run(client: str, given: Given) -> dict[str, Outcome]:
    """How each check of the client's script ended."""
    environment = CLIENTS[client]
    ended = subprocess.run(
        [str(python_of(environment)), "-m", f"tests.clients.{environment}"],
        input=written(given),
        cwd=ROOT,
        env={"PATH": os.defpath, "HOME": os.environ["HOME"]},
        check=False,
        capture_output=True,
        text=True,
        timeout=_LONGEST_SECONDS,
    )
    assert ended.returncode == 0, ended.stderr
    return {outcome.check: outcome for outcome in outcomes_of(ended.stdout)}


def answered(model: OnnxModel, inputs: Mapping[str, Array]) -> Arrays:
    """What onnxruntime itself makes of the model's bytes and the inputs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.content, options, providers=["CPUExecutionProvider"])
    names = [tensor.name for tensor in model.signature.outputs]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def _case(deployment: str, model: OnnxModel, inputs: Arrays) -> Case:
    signature = {
        kind: {tensor.name: (tensor.datatype.value, tensor.shape) for tensor in tensors}
        for kind, tensors in (("inputs", model.signature.inputs), ("outputs", model.signature.outputs))
    }
    return Case(deployment, inputs, answered(model, inputs), signature, model.signature.classes)


def _numbers() -> Arrays:
    """The greatest and smallest of every datatype, values that round, a NaN, and zero's two signs."""
    inputs: Arrays = {"bool": np.array([[True, False, True], [False, False, True]])}
    for kind in ("uint", "int"):
        for bits in (8, 16, 32, 64):
            dtype = np.dtype(f"{kind}{bits}")
            least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
            inputs[dtype.name] = np.array([[least, most, 0], [1, most // 2, most // 3]], dtype=dtype)
    for bits in (16, 32, 64):
        dtype = np.dtype(f"float{bits}")
        least, most, tiny = np.finfo(dtype).min, np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal
        inputs[f"fp{bits}"] = np.array([[least, most, tiny], [np.nan, -0.0, 0.1]], dtype=dtype)
    return inputs


def _texts() -> Arrays:
    def column(*texts: str) -> Array:
        return np.array(texts, dtype=object).reshape(-1, 1)

    left = column("spring", "été", "", "日本語 and \U0001f6b2", 'quotes " and \\', "tab\tand\nline")
    right = column("", "summer", "x", "\x01", "é" * 300, "null")
    return {"left": left, "right": right, "wide": np.concatenate([right, left], axis=1)}


def _features(rows: int = 7) -> Arrays:
    random = np.random.default_rng(rows)
    return {
        name: random.normal(size=(rows, 1)).astype(np.float32)
        for name in ("temp", "hum", "hour", "windspeed")
    }


def _normal(name: str, *shape: int) -> Arrays:
    return {name: np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)}


_INPUTS: Final[Mapping[str, Any]] = {
    "numbers": _numbers,
    "texts": _texts,
    "mlp": lambda: _normal("x", 100, 64),
    "images": lambda: _normal("pixels", 6, 4, 3),
    "features": _features,
    "classifier": lambda: _normal("measures", 9, 4),
}
