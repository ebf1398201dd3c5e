"""Registered models, their versions, and what happened to them."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from shelflife.contracts.models import Candidate, ModelVersionReference
from shelflife.kernel.ids import Moment, is_name
from shelflife.kernel.model import Model

#: MLflow's rule, wider than the platform's `Name`: its clients register models under such names.
ModelName = Annotated[str, StringConstraints(pattern=r"^[^/:\x00-\x1f]{1,256}$")]
_PATHS = re.compile(r"\s*|\.|\.\..*")
#: MLflow's rule, and the platform's: `latest` and `v1` mean versions to its clients.
ALIAS = re.compile(r"^(?!(?i:latest|v\d+)$)(?!\.)[\w.-]{1,255}$")
#: An item ends at 400 KB, and a model's holds its aliases.
MOST_ALIASES = 1000

#: What the platform itself registers and promotes under.
TRAINING = "train_model"
PROMPT_TAG = "mlflow.prompt.is_prompt"
#: Which version has the highest number, to MLflow's clients, whatever its stage.
LATEST = "latest"


class Stage(StrEnum):
    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


#: Stages that a version can take over from others.
ACTIVE = (Stage.STAGING, Stage.PRODUCTION)


class Status(StrEnum):
    PENDING = "PENDING_REGISTRATION"
    READY = "READY"


class ChangeKind(StrEnum):
    MODEL_CREATED = "model_created"
    MODEL_RENAMED = "model_renamed"
    MODEL_DELETED = "model_deleted"
    ALIAS_MOVED = "alias_moved"
    STAGE_MOVED = "stage_moved"
    VERSION_DELETED = "version_deleted"


def is_model_name(name: str) -> bool:
    """Whether a model may be called so: names that are paths to somewhere else are not."""
    return _PATHS.fullmatch(name) is None and re.fullmatch(r"[^/:\x00-\x1f]{1,256}", name) is not None


class RegisteredModel(Model):
    """`model_id` stays when the name changes: all that is a model's is kept under it.

    `revision` counts every write, `newest` is the highest number that a version ever got, `changes` counts
    the entries of the history. `latest` holds the highest version of each stage, `aliases` where each points.
    """

    model_id: str
    name: ModelName
    description: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    created_at: Moment
    created_by: str
    updated_at: Moment
    #: Since when it has its name, and when the newest entry of its history happened.
    named_at: Moment
    changed_at: Moment
    revision: int = 1
    newest: int = 0
    changes: int = 1
    latest: dict[Stage, int] = Field(default_factory=dict)
    aliases: dict[str, int] = Field(default_factory=dict)

    @property
    def is_prompt(self) -> bool:
        return self.tags.get(PROMPT_TAG, "").lower() == "true"

    def aliases_of(self, version: int) -> tuple[str, ...]:
        return tuple(sorted(alias for alias, to in self.aliases.items() if to == version))

    def after(self, **changes: object) -> "RegisteredModel":
        """The model as the next write leaves it."""
        return self.model_copy(update={"revision": self.revision + 1, **changes})

    def moment(self, now: datetime) -> datetime:
        """The time of the next entry of the history, which never runs backwards."""
        return max(now, self.changed_at)

    def change(self, kind: ChangeKind, now: datetime, made_by: str, **told: Any) -> "Change":
        """The next entry of the history."""
        return Change(
            owner_id=self.model_id,
            model_name=self.name,
            number=self.changes + 1,
            kind=kind,
            happened_at=self.moment(now),
            made_by=made_by,
            **told,
        )

    def changed(self, change: "Change", **changes: object) -> "RegisteredModel":
        """The model after an entry of its history."""
        return self.after(changes=change.number, changed_at=change.happened_at, **changes)


class NewVersion(Model):
    """What is known of a version before it has its number.

    Only one with a candidate can be served; `evaluation_id` names the evidence on which a candidate that the
    platform trained was accepted. `location` is where the files are, if `source_uri` names another version.
    """

    source_uri: str
    location: str | None = None
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
    """`owner_id` is the `model_id` of the registered model; `model_name` is what that is called now."""

    owner_id: str
    model_name: ModelName
    version: int
    stage: Stage = Stage.NONE
    status: Status = Status.READY
    status_message: str | None = None
    created_at: Moment
    created_by: str
    updated_at: Moment

    @property
    def is_prompt(self) -> bool:
        return self.tags.get(PROMPT_TAG, "").lower() == "true"

    def reference(self) -> ModelVersionReference | None:
        """What other contexts may know of it; nothing, if it cannot be served, or not under such a name."""
        if self.candidate is None or not is_name(self.model_name):
            return None
        named = self.candidate.model_copy(update={"model_name": self.model_name})
        return ModelVersionReference(model_name=self.model_name, version=self.version, candidate=named)


class Move(Model):
    """Asked of an alias: contracts.registry.MoveAlias, for any name that MLflow's clients may use."""

    model_name: ModelName
    alias: str
    version: int
    reason: str
    moved_by: str
    evaluation_id: str | None = None


class Change(Model):
    """One entry of a model's history, kept for ever; `number` counts from 1, `model_name` is of its time.

    A stage's move names the `version`, and those that were archived with it; an alias's move names where it
    pointed before and points now (nothing, when it was removed); the deletion of a version takes along all
    aliases that pointed to it.
    """

    owner_id: str
    model_name: ModelName
    number: int
    kind: ChangeKind
    happened_at: Moment
    made_by: str
    reason: str | None = None
    alias: str | None = None
    from_version: int | None = None
    to_version: int | None = None
    version: int | None = None
    from_stage: Stage | None = None
    to_stage: Stage | None = None
    archived: tuple[int, ...] = ()
    to_name: ModelName | None = None
    evaluation_id: str | None = None


class Tenure(Model):
    """Whose name it was, since when, and until when; without an end it still is."""

    name: ModelName
    owner_id: str
    since: Moment
    until: Moment | None = None
