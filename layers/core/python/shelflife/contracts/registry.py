"""What the registry is asked by workflows, and what it tells."""

from typing import ClassVar

from shelflife.contracts.models import Candidate, ModelVersionReference
from shelflife.contracts.tracking import LinkedModel
from shelflife.contracts.validation import Verdict
from shelflife.kernel.ids import Name
from shelflife.kernel.model import Model
from shelflife.kernel.news import News

CHAMPION = "champion"


class FindAlias(Model):
    model_name: Name
    alias: Name = CHAMPION


class AliasFound(Model):
    """`found` is nothing while no version has the alias."""

    found: ModelVersionReference | None


class RegisterVersion(Model):
    """Asked after a passed validation; the same job's candidate gets the same version again."""

    candidate: Candidate
    verdict: Verdict


class MoveAlias(Model):
    """`evaluation_id` is the evidence; `reason` is for people."""

    model_name: Name
    alias: Name = CHAMPION
    version: int
    reason: str
    moved_by: str
    evaluation_id: str | None = None


class InspectVersion(Model):
    """Asked of a version that a client registered; `model_id` is the registered model's own.

    `linked` is what tracking knows of the logged model that it came from.
    """

    model_id: str
    version: int
    linked: LinkedModel = LinkedModel()


class VersionInspected(Model):
    """`reason` says why it cannot be served."""

    servable: bool
    reason: str | None = None


class ModelVersionSubmitted(News):
    """A client registered a version; on this word it is found out whether it can be served."""

    detail_type: ClassVar[str] = "model_version.submitted"

    model_id: str
    model_name: str
    version: int
    logged_model_id: str


class ModelVersionRegistered(News):
    """A version that can be served exists; said in the same transaction as its registration."""

    detail_type: ClassVar[str] = "model_version.registered"

    registered: ModelVersionReference


class ModelVersionPromoted(News):
    """An alias points to another version now; said in the same transaction as the move."""

    detail_type: ClassVar[str] = "model_version.promoted"

    alias: Name
    promoted: ModelVersionReference
    previous_version: int | None
    moved_by: str


class RegisteredModelDeleted(News):
    """Nobody finds the model any more; what is left of it is cleared away on this word."""

    detail_type: ClassVar[str] = "registered_model.deleted"

    model_id: str
    model_name: str


class NamedVersion(Model):
    """A version by the name that its model had; it may be called otherwise by now."""

    name: str
    version: int


class LoggedModelVersions(Model):
    """The versions that a logged model became."""

    model_id: str
    versions: tuple[NamedVersion, ...]


class FindRegistered(Model):
    runs: tuple[str, ...]
    logged_models: tuple[LoggedModelVersions, ...]


class Registered(Model):
    """Those runs and logged models that versions came from; the rest no version needs."""

    runs: tuple[str, ...] = ()
    logged_models: tuple[str, ...] = ()
