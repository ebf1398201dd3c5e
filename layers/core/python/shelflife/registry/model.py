"""Registered models, their versions, and the aliases that point to one of them."""

import re
from typing import Annotated

from pydantic import Field, StringConstraints

from shelflife.contracts.models import Candidate, ModelVersionReference
from shelflife.kernel.ids import Moment
from shelflife.kernel.model import Model

#: MLflow's rule, wider than the platform's `Name`: its clients register models under such names.
ModelName = Annotated[str, StringConstraints(pattern=r"^[^/:%#?\x00-\x1f]{1,256}$")]
#: A `Name`, but `latest` and `v1` mean versions to MLflow's clients.
ALIAS = re.compile(r"^(?!(?i:latest|v\d+)$)[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")

#: What the platform itself registers and promotes under.
TRAINING = "train_model"


class RegisteredModel(Model):
    name: ModelName
    description: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    created_at: Moment
    created_by: str
    updated_at: Moment


class NewVersion(Model):
    """What is known of a version before it has its number.

    Only one with a candidate was trained and judged by the platform, and can be served; `evaluation_id` names
    the evidence on which it was accepted.
    """

    source_uri: str
    run_id: str | None = None
    job_id: str | None = None
    candidate: Candidate | None = None
    evaluation_id: str | None = None
    #: MLflow's logged model and link, told back to its clients as they came.
    model_id: str | None = None
    run_link: str | None = None
    description: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)


class ModelVersion(NewVersion):
    model_name: ModelName
    version: int
    created_at: Moment
    created_by: str
    updated_at: Moment

    def reference(self) -> ModelVersionReference | None:
        """What other contexts may know of it; nothing, if it cannot be served."""
        if self.candidate is None:
            return None
        return ModelVersionReference(
            model_name=self.model_name, version=self.version, candidate=self.candidate
        )


class Move(Model):
    """Asked of an alias: contracts.registry.MoveAlias, for any name that MLflow's clients may use."""

    model_name: ModelName
    alias: str
    version: int
    reason: str
    moved_by: str
    evaluation_id: str | None = None


class Alias(Model):
    """Where an alias points; no version means that it was removed. `moves` counts its changes."""

    model_name: ModelName
    alias: str
    version: int | None = None
    moves: int
    moved_at: Moment
    moved_by: str


class AliasMove(Model):
    """One change of an alias, kept for ever: what was in production, since when, by whom, and why."""

    model_name: ModelName
    alias: str
    number: int
    from_version: int | None = None
    to_version: int | None = None
    moved_at: Moment
    moved_by: str
    reason: str
    evaluation_id: str | None = None


def after(move: AliasMove) -> Alias:
    """The alias as the move leaves it."""
    return Alias(
        model_name=move.model_name,
        alias=move.alias,
        version=move.to_version,
        moves=move.number,
        moved_at=move.moved_at,
        moved_by=move.moved_by,
    )
