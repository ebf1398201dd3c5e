"""HTTP: deployments."""

from http import HTTPStatus
from typing import Any

from shelflife.contracts.registry import CHAMPION
from shelflife.entry.http import Answer, Call, HttpDoor
from shelflife.kernel.ids import Name
from shelflife.kernel.model import Model
from shelflife.kernel.names import Context
from shelflife.serving.model import CapturePolicy, Deployment, Revision
from shelflife.serving.wiring import serving

door = HttpDoor(Context.SERVING)
handler = door.handle

#: How many revisions a deployment's own answer shows; the rest is a list of its own.
SHOWN_REVISIONS = 20


class DeploymentRequest(Model):
    name: Name
    model_name: Name
    alias: Name = CHAMPION
    capture: CapturePolicy = CapturePolicy()


@door.post("/v1/serving/deployments", body=DeploymentRequest)
def create_deployment(call: Call[DeploymentRequest]) -> Answer:
    asked = call.body
    made = serving().create(
        asked.name,
        model_name=asked.model_name,
        alias=asked.alias,
        capture=asked.capture,
        created_by=call.principal.name,
    )
    return Answer(_shown(made), HTTPStatus.CREATED)


@door.get("/v1/serving/deployments")
def list_deployments(call: Call[None]) -> dict[str, Any]:
    page = serving().page(*call.page())
    return {"deployments": [_shown(one) for one in page.items], "next_cursor": page.next_cursor}


@door.get("/v1/serving/deployments/<name>")
def get_deployment(call: Call[None], name: str) -> dict[str, Any]:  # noqa: ARG001 - every route takes its call
    found = serving().find(name)
    revisions = serving().revisions(name, SHOWN_REVISIONS, None)
    return _shown(found) | {"revisions": [_revision(one) for one in revisions.items]}


@door.get("/v1/serving/deployments/<name>/revisions")
def list_revisions(call: Call[None], name: str) -> dict[str, Any]:
    page = serving().revisions(name, *call.page())
    return {"revisions": [_revision(one) for one in page.items], "next_cursor": page.next_cursor}


@door.delete("/v1/serving/deployments/<name>")
def delete_deployment(call: Call[None], name: str) -> Answer:  # noqa: ARG001 - every route takes its call
    serving().remove(name)
    return Answer(status=HTTPStatus.NO_CONTENT)


def _shown(deployment: Deployment) -> dict[str, Any]:
    variant = deployment.variant
    return deployment.model_dump(mode="json", exclude={"serving", "followed", "change"}) | {
        "variant": variant.model_dump(mode="json") if variant else None
    }


def _revision(revision: Revision) -> dict[str, Any]:
    return {
        "revision": revision.revision,
        "model_name": revision.serving.model_name,
        "model_version": revision.serving.version,
        "activated_at": revision.activated_at.isoformat(),
    }
