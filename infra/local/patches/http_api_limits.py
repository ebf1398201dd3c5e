"""An HTTP API refuses bodies over 10 MB and answers 503 when an integration takes longer than 30 seconds.

Stock does neither, and so hides real failures.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ministack.services import apigateway

from infra.local.patches.http_api import message

if TYPE_CHECKING:
    from infra.local.patches import Cloud

MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_SECONDS = 30.0


def apply(_cloud: Cloud) -> None:
    stock_handle = apigateway._handle_execute_in_scope
    stock_invoke = apigateway._invoke_lambda_proxy
    unanswered: set[asyncio.Task[Any]] = set()

    async def handle(  # noqa: PLR0913, PLR0917 - stock's signature
        api_id: str, stage: str, path: str, method: str, headers: dict[str, str], body: bytes, *rest: Any
    ) -> Any:
        if len(body or b"") > MAX_BODY_BYTES:
            return message(413, "Request Entity Too Large")
        return await stock_handle(api_id, stage, path, method, headers, body, *rest)

    async def invoke(integration: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        seconds = min(MAX_SECONDS, float(integration.get("timeoutInMillis") or MAX_SECONDS * 1000) / 1000)
        task = asyncio.create_task(stock_invoke(integration, *arguments, **options))
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if done:
            return task.result()
        # The function runs on to its own time-out, as on AWS; nobody waits for its answer.
        unanswered.add(task)
        task.add_done_callback(unanswered.discard)
        return message(503, "Service Unavailable")

    apigateway._handle_execute_in_scope = handle
    apigateway._invoke_lambda_proxy = invoke
