"""HTTP: models and versions of another registry come in with the numbers that they had; for administrators.

Names stand in the body: another registry's may hold what a path cannot.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field

from shelflife.contracts.access import Role
from shelflife.entry.http import Call, HttpDoor
from shelflife.kernel.model import Model
from shelflife.kernel.names import Context
from shelflife.registry import wire
from shelflife.registry.adoption import AdoptedVersion
from shelflife.registry.model import Stage
from shelflife.registry.wiring import adoption

door = HttpDoor(Context.REGISTRY)
handler = door.handle

#: To the end of the year 9999.
Milliseconds = Annotated[int, Field(ge=0, le=253_402_300_799_999)]


class AdoptModel(Model):
    name: str
    description: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    creation_time: Milliseconds


class AdoptVersion(Model):
    name: str
    version: int = Field(ge=1)
    source: str
    stage: Stage = Stage.NONE
    run_id: str | None = None
    model_id: str | None = None
    run_link: str | None = None
    description: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    creation_time: Milliseconds
    last_update_time: Milliseconds

    def adopted(self) -> AdoptedVersion:
        return AdoptedVersion(
            source_uri=self.source,
            run_id=self.run_id or None,
            model_id=self.model_id or None,
            run_link=self.run_link or None,
            description=self.description,
            tags=self.tags,
            version=self.version,
            stage=self.stage,
            created_at=_at(self.creation_time),
            updated_at=_at(self.last_update_time),
        )


@door.put("/v1/registry/adopted/models", role=Role.ADMIN, body=AdoptModel)
def adopt_model(call: Call[AdoptModel]) -> dict[str, Any]:
    body = call.body
    made = adoption().model(
        body.name,
        description=body.description,
        tags=body.tags,
        created_at=_at(body.creation_time),
        made_by=call.principal.name,
    )
    return {"registered_model": wire.model_json(made)}


@door.put("/v1/registry/adopted/versions", role=Role.ADMIN, body=AdoptVersion)
def adopt_version(call: Call[AdoptVersion]) -> dict[str, Any]:
    made = adoption().version(call.body.name, call.body.adopted(), made_by=call.principal.name)
    return {"model_version": wire.version_json(made)}


def _at(milliseconds: int) -> datetime:
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)
