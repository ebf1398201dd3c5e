"""Alarms on metric math and composite alarms are accepted; they never change their state here.

Stock refuses both, and with them the stack. Metrics of AWS's own services do not arrive in the local cloud,
so such an alarm has nothing to watch.
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from infra.local.patches import Cloud

_ALARM = "AWS::CloudWatch::Alarm"


def apply(_cloud: Cloud) -> None:
    handlers = provisioners._RESOURCE_HANDLERS
    stock = dict(handlers[_ALARM])

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        if "Metrics" in properties:
            return _inert(logical_id, properties, stack_name)
        return stock["create"](logical_id, properties, stack_name)

    def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        if "Metrics" in new:
            return physical_id, {"Arn": _arn(physical_id)}
        return stock["update"](physical_id, old, new, *rest)

    handlers[_ALARM] = stock | {"create": create} | ({"update": update} if "update" in stock else {})
    handlers["AWS::CloudWatch::CompositeAlarm"] = {
        "create": _inert,
        "update": lambda physical_id, *_: (physical_id, {"Arn": _arn(physical_id)}),
        "delete": lambda *_: None,
    }


def _arn(name: str) -> str:
    return f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}"


def _inert(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
    name = properties.get("AlarmName") or f"{stack_name}-{logical_id}-{uuid.uuid4().hex[:12]}"
    return name, {"Arn": _arn(name)}
