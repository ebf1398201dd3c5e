"""Retries wait as the state machine says.

Stock ignores ``MaxDelaySeconds`` and ``JitterStrategy``.
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from ministack.services import stepfunctions

if TYPE_CHECKING:
    from infra.local.patches import Cloud


def apply(_cloud: Cloud) -> None:
    stock = stepfunctions._find_matching_retrier

    def find(retriers: Any, error: str, counts: dict[int, int]) -> Any:
        retrier, index = stock(retriers, error, counts)
        if retrier is None:
            return retrier, index
        # Stock multiplies by BackoffRate to the power of the count: the delay is already that here.
        return {
            **retrier,
            "IntervalSeconds": delay_seconds(retrier, counts.get(index, 0)),
            "BackoffRate": 1.0,
        }, index

    stepfunctions._find_matching_retrier = find


def delay_seconds(retrier: dict[str, Any], count: int) -> float:
    """How long to wait before the retry after ``count`` earlier ones."""
    delay = float(retrier.get("IntervalSeconds", 1)) * float(retrier.get("BackoffRate", 2.0)) ** count
    delay = min(delay, float(retrier.get("MaxDelaySeconds", delay)))
    if retrier.get("JitterStrategy") == "FULL":
        return random.uniform(0, delay)  # noqa: S311 - it spreads load
    return delay
