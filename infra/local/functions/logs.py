"""A function's log in CloudWatch Logs: one stream per execution environment, as on AWS."""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ministack.services import cloudwatch_logs

from infra.local.functions.environment import MEMORY_MB, log_group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.functions.environments import Outcome

# The outcome of the invocation that this thread is about to log.
latest: ContextVar[Outcome | None] = ContextVar("latest", default=None)


def emit(  # noqa: PLR0913 - stock's signature
    func: Mapping[str, Any],
    request_id: str,
    log_text: str,
    error: bool,  # noqa: ARG001, FBT001 - stock's signature
    duration_ms: int,
    *,
    log_source: str | None = None,  # noqa: ARG001 - stock's signature
) -> None:
    """Write START, what the function said, END and REPORT."""
    outcome = latest.get()
    config = func.get("config") or func
    group_name = log_group(config)
    stream_name = outcome.log_stream if outcome else "unknown"
    ended_ms = int(time.time() * 1000)
    started_ms = ended_ms - duration_ms
    lines = [
        (started_ms, f"START RequestId: {request_id} Version: {config.get('Version', '$LATEST')}"),
        *((ended_ms, line) for line in log_text.splitlines()),
        (ended_ms, f"END RequestId: {request_id}"),
        (ended_ms, _report(config, request_id, duration_ms, outcome)),
    ]
    events = [{"timestamp": at, "message": text, "ingestionTime": ended_ms} for at, text in lines]
    cloudwatch_logs._append_log_events(_stream(group_name, stream_name, started_ms), events)
    cloudwatch_logs._fanout_to_subscription_filters(
        group_name, stream_name, [{"timestamp": at, "message": text} for at, text in lines]
    )


def _report(config: Mapping[str, Any], request_id: str, duration_ms: int, outcome: Outcome | None) -> str:
    memory = config.get("MemorySize", MEMORY_MB)
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {duration_ms} ms",
        f"Memory Size: {memory} MB",
        f"Max Memory Used: {outcome.peak_memory_mb if outcome else 0} MB",
    ]
    if outcome and outcome.init_ms is not None:
        parts.append(f"Init Duration: {outcome.init_ms:.2f} ms")
    return "\t".join(parts)


def _stream(group_name: str, stream_name: str, now_ms: int) -> Any:
    groups = cloudwatch_logs._log_groups
    if group_name not in groups:
        groups[group_name] = {
            "arn": cloudwatch_logs._make_group_arn(group_name),
            "creationTime": now_ms,
            "retentionInDays": None,
            "tags": {},
            "subscriptionFilters": {},
            "streams": {},
        }
    fresh = {
        "events": [],
        "uploadSequenceToken": "1",
        "creationTime": now_ms,
        "firstEventTimestamp": None,
        "lastEventTimestamp": None,
        "lastIngestionTime": None,
    }
    return groups[group_name]["streams"].setdefault(stream_name, fresh)
