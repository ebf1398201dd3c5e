"""Who may know whom, beyond what import-linter says (pyproject.toml)."""

import ast
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.harness.tree import (
    FUNCTIONS,
    PACKAGE,
    ROOT,
    classes,
    contexts,
    handlers,
    imports,
    modules,
    reached,
    shown,
)

DOORS_MAY_KNOW = {"shelflife", "pydantic", "aws_lambda_powertools"} | set(sys.stdlib_module_names)
#: What knows nothing of AWS: in every context, and all of the kernel and the contracts.
PURE = ("model", "errors", "ports", "service")
AWS = {"boto3", "botocore", "aws_lambda_powertools", "aws_cdk"}
HEAVY = {"numpy", "onnxruntime", "duckdb", "sklearn", "pandas", "mlflow", "skl2onnx", "onnx"}
#: Functions whose layers hold heavy libraries; in any other an import fails at the first call.
WITH_HEAVY_LAYERS = {
    "data/profile_dataset": {"numpy", "duckdb"},
    "monitoring/scan_drift": {"numpy", "duckdb"},
    "serving/activate_deployment": {"numpy", "onnxruntime"},
    "serving/predict": {"numpy", "onnxruntime"},
    "serving/store_captures": {"numpy", "duckdb"},
    "validation/evaluate_candidate": {"numpy", "onnxruntime"},
}
CONTRACTS = [path for path in modules(PACKAGE / "contracts") if path.stem != "__init__"]


def domain() -> list[Path]:
    of_contexts = [PACKAGE / context / f"{name}.py" for context in contexts() for name in PURE]
    return [
        *(path for path in of_contexts if path.exists()),
        *modules(PACKAGE / "kernel", PACKAGE / "contracts"),
    ]


@pytest.mark.parametrize("path", handlers(), ids=shown)
def test_a_door_imports_the_package_and_nothing_else(path: Path) -> None:
    assert {name.partition(".")[0] for name in imports(path)} <= DOORS_MAY_KNOW


@pytest.mark.parametrize("path", handlers(), ids=shown)
def test_a_door_imports_only_its_own_context(path: Path) -> None:
    others = set(contexts()) - {path.parts[-3]}
    foreign = {
        name for name in imports(path) if name.startswith("shelflife.") and name.split(".")[1] in others
    }
    assert foreign == set()


@pytest.mark.parametrize("path", handlers(), ids=shown)
def test_a_function_reaches_no_library_that_its_layers_lack(path: Path) -> None:
    source = path.parent.relative_to(FUNCTIONS).as_posix()
    assert reached(path) & HEAVY <= WITH_HEAVY_LAYERS.get(source, set())


@pytest.mark.parametrize("path", domain(), ids=shown)
def test_the_domain_knows_no_aws(path: Path) -> None:
    assert {name.partition(".")[0] for name in imports(path)} & AWS == set()


@pytest.mark.parametrize("path", CONTRACTS, ids=shown)
def test_a_contract_is_between_two(path: Path) -> None:
    module = f"shelflife.contracts.{path.stem}"
    users = modules(PACKAGE, FUNCTIONS, ROOT / "infra")
    places = {place for user in users if module in imports(user) and (place := _place(user)) != "contracts"}
    assert len(places) >= 2, f"{module} is imported by {sorted(places)} alone"


@pytest.mark.parametrize("path", CONTRACTS, ids=shown)
def test_a_contract_does_nothing(path: Path) -> None:
    does = [
        f"{one.name}.{node.name}"
        for one in classes(path)
        for node in one.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    does += [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    assert does == []


def test_the_name_of_an_error_belongs_to_one_class() -> None:
    names = Counter(
        one.name for path in modules(PACKAGE) for one in classes(path) if one.name.endswith("Error")
    )
    assert [name for name, count in names.items() if count > 1] == []


def _place(user: Path) -> str:
    """The room that a file belongs to; a door's is its context's, a training job's is its container's."""
    if user.is_relative_to(PACKAGE / "training" / "job"):
        return "train_image"
    for root in (PACKAGE, FUNCTIONS):
        if user.is_relative_to(root):
            return user.relative_to(root).parts[0]
    return "infra"
