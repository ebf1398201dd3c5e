"""What MLflow's clients are answered: int64 as numbers, versions as text, what is unset or empty left out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from shelflife.registry.model import Alias, ModelVersion, RegisteredModel


def model_json(
    model: RegisteredModel, aliases: Sequence[Alias] = (), latest: ModelVersion | None = None
) -> dict[str, Any]:
    return _set(
        {
            "name": model.name,
            "creation_timestamp": milliseconds(model.created_at),
            "last_updated_timestamp": milliseconds(model.updated_at),
            "user_id": model.created_by,
            "description": model.description,
            "latest_versions": [version_json(latest, aliases)] if latest else [],
            "tags": _tags(model.tags),
            "aliases": [{"alias": alias.alias, "version": str(alias.version)} for alias in aliases],
        }
    )


def version_json(version: ModelVersion, aliases: Iterable[Alias] = ()) -> dict[str, Any]:
    return _set(
        {
            "name": version.model_name,
            "version": str(version.version),
            "creation_timestamp": milliseconds(version.created_at),
            "last_updated_timestamp": milliseconds(version.updated_at),
            "user_id": version.created_by,
            "current_stage": "None",
            "description": version.description,
            "source": version.source_uri,
            "run_id": version.run_id,
            "run_link": version.run_link,
            "model_id": version.model_id,
            "status": "READY",
            "tags": _tags(version.tags),
            "aliases": [alias.alias for alias in aliases if alias.version == version.version],
        }
    )


def page_json(name: str, shown: Sequence[Any], next_page_token: str | None) -> dict[str, Any]:
    return _set({name: list(shown), "next_page_token": next_page_token})


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _set(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value != []}
