"""Tokens of a trace and costs of a span, as numbers, however they were sent."""

import json
import math
from collections.abc import Mapping
from typing import Any

from shelflife.tracing.model import Digest, Metadata, Trace


def usage_in(trace: Trace) -> dict[str, float]:
    try:
        told = json.loads(trace.metadata.get(Metadata.USAGE, "{}"))
    except ValueError:
        return {}
    return _numbers(told)


def cost_in(span: Digest | None) -> dict[str, float]:
    return _numbers(span.cost) if span else {}


def _numbers(told: Any) -> dict[str, float]:
    if not isinstance(told, Mapping):
        return {}
    return {
        name: value
        for name, value in told.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }
