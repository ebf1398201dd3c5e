"""Functions run in workers that see only what Lambda would give them.

Stock runs them in its own interpreter with the host's environment, unpacks zips and layers per worker,
answers every exception as ``Runtime.HandlerError`` and drops the worker, and waits 50 ms for a log that does
not come. On AWS a missing layer entry or variable fails, ``errorType`` is the exception's class, and the
environment survives it.
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from infra.local.functions import failures, logs
from infra.local.functions.environments import FunctionWorker, Sandbox

if TYPE_CHECKING:
    from infra.local.patches import Cloud


def apply(cloud: Cloud) -> None:
    FunctionWorker.sandbox = Sandbox(cloud.settings)
    cloud.content = FunctionWorker.sandbox.content
    stock_class_for = lambda_runtime._worker_class_for
    stock_execute = lambda_svc._execute_function_warm
    stock_emit = lambda_svc._emit_lambda_logs
    stock_handle = lambda_svc.handle_request

    def worker_class_for(config: dict[str, Any]) -> Any:
        return FunctionWorker if _is_python(config) else stock_class_for(config)

    def execute(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        config = func.get("config") or func
        if not _is_python(config) or not func.get("code_zip"):
            stock: dict[str, Any] = stock_execute(func, event, request_id)
            return stock
        return _execute(func, config, event, request_id)

    def emit(func: dict[str, Any], *arguments: Any, **options: Any) -> None:
        chosen = logs.emit if logs.latest.get() else stock_emit
        chosen(func, *arguments, **options)
        logs.latest.set(None)

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        if path.endswith("/invocations") and (refused := _refused(headers, body)):
            return refused
        return await stock_handle(method, path, headers, body, query)

    lambda_runtime._worker_class_for = worker_class_for
    lambda_svc._execute_function_warm = execute
    lambda_svc._emit_lambda_logs = emit
    lambda_svc.handle_request = handle
    cloud.at_stop.append(lambda_runtime.reset)


def _is_python(config: dict[str, Any]) -> bool:
    return str(config.get("Runtime", "")).startswith("python")


def _execute(func: dict[str, Any], config: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
    name = config.get("FunctionName", "unknown")
    lambda_svc._ensure_reaper_thread()
    worker, _ = lambda_runtime.acquire_worker(
        name, config, func["code_zip"], qualifier=config.get("Version", "$LATEST")
    )
    try:
        outcome = worker.invoke(
            event,
            request_id,
            trace_id=lambda_svc._xray_trace_id_for_invocation(config),
            depth=lambda_svc._invoke_depth.get(),
            durable=lambda_svc._durable_env_overlay(),
            invoked_function_arn=config.get("FunctionArn", ""),
        )
    finally:
        lambda_runtime.release_worker(worker)
    logs.latest.set(outcome)
    result = {"body": outcome.body, "log": outcome.log}
    return result | {"error": True, "function_error": "Unhandled"} if outcome.failed else result


def _refused(headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes] | None:
    asynchronous = headers.get("x-amz-invocation-type", "") == "Event"
    limit = failures.MAX_ASYNC_REQUEST_BYTES if asynchronous else failures.MAX_REQUEST_BYTES
    if len(body) <= limit:
        return None
    said = failures.request_too_large(limit)
    answer = {"Type": "User", "message": said["errorMessage"]}
    answer_headers = {"Content-Type": "application/json", "x-amzn-errortype": said["errorType"]}
    return 413, answer_headers, json.dumps(answer).encode()
