import json
import subprocess
import sys
from pathlib import Path

import pytest

from shelflife.training.job.contract import FAILURE_LENGTH, Tree, failure_line, hyperparameters
from shelflife.training.job.errors import JobNotConfiguredError, RowsUnfitError
from tests.harness.events import golden

GOLDEN = golden("training/hyperparameters")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree.of({"SAGEMAKER_BASE_DIR": str(tmp_path / "ml")})


def mount(tree: Tree, told: object) -> None:
    tree.hyperparameters.parent.mkdir(parents=True)
    tree.hyperparameters.write_text(json.dumps(told))


def test_the_folders_are_made_where_nobody_mounts_them(tree: Tree) -> None:
    assert tree.model.is_dir()
    assert tree.failure.parent.is_dir()


def test_values_are_read_as_the_api_and_as_the_sdk_write_them(tree: Tree) -> None:
    mount(tree, GOLDEN)
    plain = hyperparameters(tree, {})
    tree.hyperparameters.write_text(json.dumps({name: json.dumps(value) for name, value in GOLDEN.items()}))
    assert hyperparameters(tree, {}) == plain
    assert plain.plan_uri == GOLDEN["plan_uri"]


def test_a_mounted_file_goes_before_the_environment(tree: Tree) -> None:
    environ = {"TRAINING_HYPERPARAMETERS": json.dumps(GOLDEN)}
    assert hyperparameters(tree, environ).plan_uri == GOLDEN["plan_uri"]
    mount(tree, {"plan_uri": "s3://artifacts/other.json"})
    told = hyperparameters(tree, environ)
    assert (told.plan_uri, told.token_parameter) == ("s3://artifacts/other.json", None)


def test_without_a_plan_there_is_no_job(tree: Tree) -> None:
    with pytest.raises(JobNotConfiguredError, match="plan_uri"):
        hyperparameters(tree, {"SM_HPS": "{}"})


def test_a_failure_is_one_line_that_sagemaker_shows_whole() -> None:
    assert failure_line(RowsUnfitError("column 'x'\nrow 3")) == "column 'x' row 3"
    assert failure_line(ZeroDivisionError("by zero")) == "ZeroDivisionError: by zero"
    assert len(failure_line(ValueError("x" * 5000))) == FAILURE_LENGTH


def test_no_zip_function_imports_what_only_the_image_has() -> None:
    """Each handler of the context in a fresh interpreter, so that nothing is there already."""
    folder = Path(__file__).resolve().parents[3] / "functions" / "training"
    names = sorted(file.parent.name for file in folder.glob("*/handler.py"))
    assert names
    imports = "; ".join(f"import functions.training.{name}.handler" for name in names)
    heavy = "{'numpy', 'pandas', 'sklearn', 'onnx', 'onnxruntime', 'skl2onnx', 'mlflow', 'duckdb'}"
    code = (
        f"import sys; {imports}; loaded = {{name.partition('.')[0] for name in sys.modules}} & {heavy};"
        "loaded |= {name for name in sys.modules if name.startswith('shelflife.training.job')};"
        "sys.exit(', '.join(sorted(loaded)) or 0)"
    )
    asked = [sys.executable, "-c", code]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=folder.parents[1])
    assert (done.returncode, done.stderr) == (0, "")
