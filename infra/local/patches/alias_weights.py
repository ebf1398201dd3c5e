"""A weighted alias sends its share of invocations to the other version.

Stock keeps ``RoutingConfig`` and always runs the alias's own version.
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from ministack.services import lambda_svc

if TYPE_CHECKING:
    from infra.local.patches import Cloud


def apply(_cloud: Cloud) -> None:
    stock_record = lambda_svc._effective_func_record_for_qualifier
    stock_invoke = lambda_svc._invoke

    def record(func: dict[str, Any] | None, qualifier: str | None) -> Any:
        return stock_record(func, choose_version(func, qualifier) or qualifier)

    async def invoke(
        name: str, event: Any, headers: dict[str, str], path_qualifier: str | None = None, query: Any = None
    ) -> Any:
        qualifier = path_qualifier or lambda_svc._qp_first(query or {}, "Qualifier")
        chosen = choose_version(lambda_svc._functions.get(name), qualifier)
        if chosen:
            return await stock_invoke(name, event, headers, chosen, {})
        return await stock_invoke(name, event, headers, path_qualifier, query)

    lambda_svc._effective_func_record_for_qualifier = record
    lambda_svc._invoke = invoke


def choose_version(func: dict[str, Any] | None, qualifier: str | None) -> str | None:
    """The additional version that this one invocation falls to, or None for the alias's own."""
    alias = ((func or {}).get("aliases") or {}).get(qualifier) or {}
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    drawn = random.random()  # noqa: S311 - traffic is split, nothing is kept secret
    for version, weight in weights.items():
        if drawn < weight:
            return str(version)
        drawn -= weight
    return None
