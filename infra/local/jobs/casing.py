"""Member names between Step Functions and CloudFormation (``JobName``) and a service's own (``jobName``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import Shape


def to_members(value: Any, shape: Shape) -> Any:
    """Names as the service's model spells them; unknown names stay, and so do the keys of maps."""
    if shape.type_name == "structure" and isinstance(value, dict):
        return dict(_member(name, inner, shape.members) for name, inner in value.items())  # type: ignore[attr-defined]
    if shape.type_name == "list" and isinstance(value, list):
        return [to_members(inner, shape.member) for inner in value]  # type: ignore[attr-defined]
    if shape.type_name == "map" and isinstance(value, dict):
        return {name: to_members(inner, shape.value) for name, inner in value.items()}  # type: ignore[attr-defined]
    return _scalar(value, shape.type_name)


def to_pascal(value: Any, shape: Shape) -> Any:
    """Names as Step Functions answers them, times as milliseconds."""
    if shape.type_name == "structure" and isinstance(value, dict):
        known = shape.members  # type: ignore[attr-defined]
        return {
            f"{name[0].upper()}{name[1:]}": to_pascal(inner, known[name])
            for name, inner in value.items()
            if name in known
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [to_pascal(inner, shape.member) for inner in value]  # type: ignore[attr-defined]
    if shape.type_name == "timestamp" and isinstance(value, float):
        return int(value * 1000)
    return value


def _member(name: str, value: Any, members: Mapping[str, Shape]) -> tuple[str, Any]:
    lowered = f"{name[0].lower()}{name[1:]}"
    spelled = name if name in members else lowered
    return (spelled, to_members(value, members[spelled])) if spelled in members else (name, value)


def _scalar(value: Any, type_name: str) -> Any:
    """CloudFormation writes numbers and truth values as strings where it likes."""
    if isinstance(value, str) and type_name in ("integer", "long"):
        return int(value)
    if isinstance(value, str) and type_name == "boolean":
        return value.lower() == "true"
    return value
