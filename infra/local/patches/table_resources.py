"""A table's time-to-live and point-in-time recovery of the template are set.

Stock accepts both properties and sets neither.
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from infra.local.patches import Cloud

_TYPES = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")


def apply(_cloud: Cloud) -> None:
    for name in _TYPES:
        _patch(provisioners._RESOURCE_HANDLERS[name])


def _patch(handlers: dict[str, Any]) -> None:
    stock_create, stock_update = handlers["create"], handlers["update"]

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        created = stock_create(logical_id, properties, stack_name)
        _set(created[0], properties)
        return created

    def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        updated = stock_update(physical_id, old, new, *rest)
        _set(updated[0], new)
        return updated

    handlers |= {"create": create, "update": update}


def _set(table: str, properties: dict[str, Any]) -> None:
    lifetime = properties.get("TimeToLiveSpecification")
    if lifetime and lifetime.get("AttributeName"):
        enabled = str(lifetime.get("Enabled", True)).lower() == "true"
        asked = {"AttributeName": lifetime["AttributeName"], "Enabled": enabled}
        dynamodb._update_ttl({"TableName": table, "TimeToLiveSpecification": asked})
    holders = [properties, *properties.get("Replicas", ())]
    recovery = next(
        (found for holder in holders if (found := holder.get("PointInTimeRecoverySpecification"))), None
    )
    if recovery:
        dynamodb._update_continuous_backups(
            {"TableName": table, "PointInTimeRecoverySpecification": dict(recovery)}
        )
