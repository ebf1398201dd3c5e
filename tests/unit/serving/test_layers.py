"""Each function imports only what its layers have, and `predict` nothing that it does not need to start."""

import subprocess
import sys

import pytest

CASES = {
    # function: (modules that its use case loads, modules that must stay out)
    "api": ("shelflife.serving.service", "numpy onnxruntime duckdb"),
    "publish_news": ("shelflife.entry.outbox", "numpy onnxruntime duckdb"),
    "activate_deployment": ("shelflife.serving.sessions", "duckdb pandas pyarrow"),
    "predict": (
        " ".join(f"shelflife.serving.{name}" for name in ("prediction", "sessions", "model_cache", "queue")),
        "aws_lambda_powertools boto3 botocore.session botocore.client s3transfer duckdb pandas pyarrow",
    ),
    "store_captures": (
        "shelflife.serving.storing shelflife.serving.files shelflife.serving.profiling",
        "onnxruntime pandas pyarrow",
    ),
}


@pytest.mark.parametrize("function", CASES)
def test_a_function_imports_only_what_its_layers_have(function: str) -> None:
    loaded, kept_out = CASES[function]
    script = (
        "import importlib, sys\n"
        f"sys.modules.update(dict.fromkeys({kept_out.split()}))\n"
        f"for name in ['functions.serving.{function}.handler', *{loaded.split()}]:\n"
        "    importlib.import_module(name)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
