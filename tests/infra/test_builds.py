"""What is shipped: layers within Lambda's limit, with bytecode, from locks that agree and name no host."""

import re
from pathlib import Path

import pytest

from infra.build import layers
from infra.config import BUILD, ROOT
from infra.constructs.shared_layers import Layer
from infra.names import RUNTIME
from tests.harness.templates import Template, functions

LAMBDA_LIMIT = 250 * 1024 * 1024
PREDICT_BUDGET = 170 * 1024 * 1024
LOCKS = [
    ROOT / "layers/runtime/requirements.txt",
    ROOT / "layers/inference/requirements.txt",
    ROOT / "layers/analytics/requirements.txt",
    ROOT / "layers/graphql/requirements.txt",
    ROOT / "functions/training/train_image/requirements.txt",
    ROOT / "docs/requirements.txt",
]
WHOLE = ROOT / "tests/requirements.txt"
#: Others than ours, which need not agree with anything.
CLIENTS = sorted((ROOT / "tests" / "clients").glob("*/requirements.txt"))


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def pins(lock: Path) -> set[str]:
    return set(re.findall(r"^([A-Za-z0-9_.-]+(?:\[[^\]]*\])?==[^ ;\\]+)", lock.read_text(), re.MULTILINE))


def unpacked(template: Template, function: dict[str, object]) -> int:
    """Bytes of all layers of a function, as they are unpacked."""
    properties = function["Properties"]
    assert isinstance(properties, dict)
    names = [layer["Ref"] for layer in properties["Layers"]]
    return sum(
        size(BUILD / "layers/aws" / kind)
        for kind in Layer
        if any(f"Layers{kind.capitalize()}" in name for name in names)
    )


def test_every_function_fits_into_lambda(prod: dict[str, Template]) -> None:
    sizes = {
        name: unpacked(template, function)
        for template in prod.values()
        for name, function in functions(template).items()
    }
    assert sizes
    assert {name: total for name, total in sizes.items() if total > LAMBDA_LIMIT} == {}
    assert 50 * 1024 * 1024 < sizes["serving/predict"] < PREDICT_BUDGET


@pytest.mark.parametrize("layer", sorted({*layers.THIRD_PARTY, layers.CORE} - {layers.PAGES}))
def test_layers_carry_bytecode_of_lambdas_python(layer: str) -> None:
    if layers.target("aws").python is None:
        pytest.skip(
            f"python{layers.LAMBDA_PYTHON} is not on this machine, so there is nothing to compile with"
        )
    folder = BUILD / "layers/aws" / layer / "python"
    compiled = list(folder.rglob("*.cpython-313.pyc"))
    assert len(compiled) >= 0.9 * len(list(folder.rglob("*.py")))
    # The second word of the header says that no time or hash of the source is looked at.
    assert {path.read_bytes()[4:8] for path in compiled} == {b"\x01\x00\x00\x00"}


def test_layers_are_built_for_the_runtime_that_functions_ask_for() -> None:
    assert RUNTIME.name == f"python{layers.LAMBDA_PYTHON}"


def test_an_unchanged_layer_is_left_alone() -> None:
    assert layers.build("local") == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_a_part_is_locked_to_what_the_whole_is_locked_to(lock: Path) -> None:
    assert pins(lock)
    assert pins(lock) <= pins(WHOLE)


@pytest.mark.parametrize("lock", [WHOLE, *LOCKS, *CLIENTS], ids=lambda lock: lock.parent.name)
def test_a_lock_has_hashes_and_names_no_host(lock: Path) -> None:
    text = lock.read_text()
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)
    assert text.count("--hash=sha256:") >= len(pins(lock))
