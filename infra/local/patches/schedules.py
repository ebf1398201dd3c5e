"""Schedules fire within a second of their time.

Stock looks every ten seconds, both for rules of EventBridge and for EventBridge Scheduler.
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

from typing import TYPE_CHECKING

from ministack.services import eventbridge, scheduler

if TYPE_CHECKING:
    from infra.local.patches import Cloud

TICK_SECONDS = 1


def apply(_cloud: Cloud) -> None:
    eventbridge._SCHEDULER_TICK_INTERVAL = TICK_SECONDS
    scheduler._SCHEDULE_TICK_INTERVAL = TICK_SECONDS
