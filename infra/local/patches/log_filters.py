"""``FilterLogEvents`` keeps to the streams that ``logStreamNamePrefix`` names.

Stock ignores the prefix and answers from every stream of the group.
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.services import cloudwatch_logs

if TYPE_CHECKING:
    from infra.local.patches import Cloud

# No stream can have this name: it stands for "none" where a list must not be empty.
_NO_STREAM = "*"


def apply(_cloud: Cloud) -> None:
    stock = cloudwatch_logs._filter_log_events

    def filter_log_events(request: dict[str, Any]) -> Any:
        prefix = request.get("logStreamNamePrefix")
        group = cloudwatch_logs._log_groups.get(request.get("logGroupName") or "")
        if prefix and group:
            names = [name for name in group["streams"] if name.startswith(prefix)]
            request = {**request, "logStreamNames": names or [_NO_STREAM]}
        return stock(request)

    cloudwatch_logs._filter_log_events = filter_log_events
