"""What native routes answer: a model, its versions and what happened to them, as plain JSON."""

from typing import Any

from shelflife.registry.history import Held, Then
from shelflife.registry.model import Change, ModelVersion, RegisteredModel
from shelflife.registry.ports import Use

_OURS = {"revision", "newest", "changes", "changed_at", "latest", "aliases"}


def model_json(model: RegisteredModel) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude=_OURS)


def version_json(version: ModelVersion) -> dict[str, Any]:
    return version.model_dump(mode="json", exclude={"owner_id"})


def alias_json(
    model: RegisteredModel, alias: str, move: Change | None, version: ModelVersion
) -> dict[str, Any]:
    return {
        "model_name": model.name,
        "alias": alias,
        "version": version.version,
        "moved_at": move.model_dump(mode="json")["happened_at"] if move else None,
        "moved_by": move.made_by if move else None,
        "model_version": version_json(version),
    }


def move_json(change: Change) -> dict[str, Any]:
    told = change.model_dump(mode="json")
    kept = ("model_name", "alias", "number", "from_version", "to_version", "reason", "evaluation_id")
    moved = {"moved_at": told["happened_at"], "moved_by": told["made_by"]}
    return {name: told[name] for name in kept} | moved


def change_json(change: Change) -> dict[str, Any]:
    """What an entry says; what its kind does not have is left out."""
    told = change.model_dump(mode="json", exclude={"owner_id"}, exclude_none=True)
    return {name: value for name, value in told.items() if value != []}


def then_json(then: Then, at: str) -> dict[str, Any]:
    return {
        "name": then.name,
        "at": at,
        "aliases": {alias: _held(held) for alias, held in sorted(then.aliases.items())},
        "stages": {stage: [_held(held) for held in then.stages[stage]] for stage in sorted(then.stages)},
    }


def use_json(use: Use) -> dict[str, Any]:
    return {"deployment": use.deployment, "alias": use.alias, "versions": sorted(use.versions)}


def _held(held: Held) -> dict[str, Any]:
    return {
        "version": held.version,
        "since": held.since.isoformat().replace("+00:00", "Z"),
        "made_by": held.made_by,
        "reason": held.reason,
    }
