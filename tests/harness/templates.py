"""Questions that tests ask of CloudFormation templates."""

import json
from collections.abc import Iterator
from typing import Any

Template = dict[str, Any]
Resource = dict[str, Any]


def resources(template: Template, kind: str) -> dict[str, Resource]:
    """The resources of a type, by logical id."""
    return {name: found for name, found in template["Resources"].items() if found["Type"] == kind}


def functions(template: Template) -> dict[str, Resource]:
    """Functions by `<context>/<use case>`; each says so in its description."""
    return {
        found["Properties"]["Description"].rpartition(": ")[2]: found
        for found in resources(template, "AWS::Lambda::Function").values()
    }


def role_of(function: Resource) -> str:
    role: str = function["Properties"]["Role"]["Fn::GetAtt"][0]
    return role


def statements(template: Template, role: str | None = None) -> Iterator[dict[str, Any]]:
    """Every allow statement of the template's policies, or of those of one role."""
    for policy in resources(template, "AWS::IAM::Policy").values():
        roles = [attached.get("Ref") for attached in policy["Properties"].get("Roles", [])]
        if role is None or role in roles:
            yield from policy["Properties"]["PolicyDocument"]["Statement"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def actions(template: Template, function: str) -> set[str]:
    """All that a function may do, as `service:Action`."""
    role = role_of(functions(template)[function])
    return {action for statement in statements(template, role) for action in listed(statement["Action"])}


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
