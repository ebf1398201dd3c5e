"""CloudFormation types of Batch and SageMaker.

Stock refuses them. What is made through a template is the same record as through the API: jobs run on it.
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import batch
from ministack.services.cloudformation import provisioners

from infra.local.jobs.casing import to_members
from infra.local.jobs.requests import input_shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.patches import Cloud


def apply(_cloud: Cloud) -> None:
    provisioners._RESOURCE_HANDLERS |= {
        "AWS::Batch::ComputeEnvironment": _named(
            "CreateComputeEnvironment",
            "computeEnvironmentName",
            "computeEnvironmentArn",
            "/v1/deletecomputeenvironment",
        ),
        "AWS::Batch::JobQueue": _named("CreateJobQueue", "jobQueueName", "jobQueueArn", "/v1/deletejobqueue"),
        "AWS::Batch::JobDefinition": {"create": _create_definition, "delete": _delete_definition},
        "AWS::Batch::SchedulingPolicy": _label("batch", "scheduling-policy", "Name", "Arn"),
        "AWS::SageMaker::Model": _label("sagemaker", "model", "ModelName", "ModelArn"),
        "AWS::SageMaker::ModelPackageGroup": _label(
            "sagemaker", "model-package-group", "ModelPackageGroupName", "ModelPackageGroupArn"
        ),
    }


def _pascal(name: str) -> str:
    return f"{name[0].upper()}{name[1:]}"


def _generated(logical_id: str, stack_name: str) -> str:
    return f"{stack_name}-{logical_id}-{uuid.uuid4().hex[:12]}"[-128:].lstrip("-")


def _call(operation: str, path: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The service's own operation with a template's properties.

    Raises:
        ValueError: it refuses them; the stack then says so.
    """
    status, _, body = batch._DISPATCH[path](to_members(properties, input_shape("batch", operation)))
    answer: dict[str, Any] = json.loads(body)
    if status >= 400:  # noqa: PLR2004 - HTTP
        raise ValueError(answer.get("message", answer))
    return answer


def _named(operation: str, name_member: str, arn_member: str, delete_path: str) -> dict[str, Any]:
    """A resource whose physical id is its ARN and whose name CloudFormation may choose."""
    path = f"/v1/{operation.lower()}"
    store = batch._compute_envs if "Compute" in operation else batch._job_queues

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        named = {_pascal(name_member): _generated(logical_id, stack_name)} | properties
        arn = str(_call(operation, path, named)[arn_member])
        return arn, {_pascal(arn_member): arn}

    def update(
        physical_id: str, _old: dict[str, Any], new: dict[str, Any], _stack: str
    ) -> tuple[str, dict[str, Any]]:
        record = store[physical_id.rpartition("/")[2]]
        changed = to_members(new, input_shape("batch", operation))
        record |= {name: value for name, value in changed.items() if name != name_member}
        return physical_id, {_pascal(arn_member): physical_id}

    def delete(physical_id: str, _properties: dict[str, Any]) -> None:
        member = "jobQueue" if "Queue" in operation else "computeEnvironment"
        batch._DISPATCH[delete_path]({member: physical_id})

    return {"create": create, "update": update, "delete": delete}


def _create_definition(
    logical_id: str, properties: dict[str, Any], stack_name: str
) -> tuple[str, dict[str, Any]]:
    """A change makes a new revision, as on AWS; a name of CloudFormation's choice stays the resource's."""
    named = {"JobDefinitionName": f"{stack_name}-{logical_id}"[-128:].lstrip("-")} | properties
    arn = str(_call("RegisterJobDefinition", "/v1/registerjobdefinition", named)["jobDefinitionArn"])
    return arn, {"JobDefinitionArn": arn}


def _delete_definition(physical_id: str, _properties: dict[str, Any]) -> None:
    batch._DISPATCH["/v1/deregisterjobdefinition"]({"jobDefinition": physical_id})


def _label(service: str, kind: str, name_property: str, arn_attribute: str) -> dict[str, Callable[..., Any]]:
    """A resource that nothing here acts upon: it has a name and an ARN."""

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        name = properties.get(name_property) or _generated(logical_id, stack_name)
        arn = f"arn:aws:{service}:{get_region()}:{get_account_id()}:{kind}/{name}"
        return arn, {name_property: name, arn_attribute: arn}

    def update(
        physical_id: str, _old: dict[str, Any], _new: dict[str, Any], _stack: str
    ) -> tuple[str, dict[str, Any]]:
        return physical_id, {name_property: physical_id.rpartition("/")[2], arn_attribute: physical_id}

    return {"create": create, "update": update, "delete": lambda _physical_id, _properties: None}
