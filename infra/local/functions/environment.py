"""The environment variables that a function sees: its own, and those that Lambda sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_SECONDS = 3
MEMORY_MB = 128


def function_environment(  # noqa: PLR0913 - all of them by name
    config: Mapping[str, Any],
    *,
    task_root: str,
    endpoint_url: str,
    credentials: Mapping[str, str],
    log_stream: str,
    temporary: str,
) -> dict[str, str]:
    """Everything a worker process is started with; a name that Lambda reserves wins over the function's own.

    ``TMPDIR`` and ``AWS_ENDPOINT_URL`` are the two that AWS does not set.
    """
    own = dict((config.get("Environment") or {}).get("Variables") or {})
    region = str(config["FunctionArn"]).split(":")[3]
    reserved = {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime', '')}",
        "AWS_LAMBDA_FUNCTION_NAME": str(config["FunctionName"]),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize") or MEMORY_MB),
        "AWS_LAMBDA_FUNCTION_VERSION": str(config.get("Version") or "$LATEST"),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group(config),
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_ENDPOINT_URL": endpoint_url,
        "LAMBDA_TASK_ROOT": task_root,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": str(config.get("Handler", "")),
        **credentials,
    }
    defaults = {
        "TZ": ":UTC",
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TMPDIR": temporary,
    }
    return defaults | {name: str(value) for name, value in own.items()} | reserved


def log_group(config: Mapping[str, Any]) -> str:
    chosen = (config.get("LoggingConfig") or {}).get("LogGroup")
    return str(chosen or f"/aws/lambda/{config.get('FunctionName', 'unknown')}")
