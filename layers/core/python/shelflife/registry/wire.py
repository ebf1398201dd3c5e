"""What MLflow's clients are answered: int64 as numbers, versions as text, what is unset or empty left out.

An answer of Lambda ends at 6 MB, so a page ends there too, whatever was asked for; clients go on by its
token.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from shelflife.registry.found import Found
from shelflife.registry.model import ModelVersion, RegisteredModel

T = TypeVar("T")
#: Bytes of JSON; quotes are escaped once more on the way out of Lambda.
PAGE_BYTES = 4_500_000


def model_json(model: RegisteredModel, latest: Sequence[ModelVersion] = ()) -> dict[str, Any]:
    return _set(
        {
            "name": model.name,
            "creation_timestamp": milliseconds(model.created_at),
            "last_updated_timestamp": milliseconds(model.updated_at),
            "user_id": model.created_by,
            "description": model.description or None,
            "latest_versions": [version_json(version) for version in latest],
            "tags": _tags(model.tags),
            "aliases": [
                {"alias": alias, "version": str(model.aliases[alias])} for alias in sorted(model.aliases)
            ],
        }
    )


def version_json(version: ModelVersion, model: RegisteredModel | None = None) -> dict[str, Any]:
    return _set(
        {
            "name": version.model_name,
            "version": str(version.version),
            "creation_timestamp": milliseconds(version.created_at),
            "last_updated_timestamp": milliseconds(version.updated_at),
            "user_id": version.created_by,
            "current_stage": version.stage.value,
            "description": version.description,
            "source": version.source_uri,
            "run_id": version.run_id,
            "run_link": version.run_link,
            "model_id": version.model_id or None,
            "status": version.status.value,
            "status_message": version.status_message,
            "tags": _tags(version.tags),
            "aliases": list(model.aliases_of(version.version)) if model else [],
        }
    )


def list_json(name: str, shown: Iterable[Any]) -> dict[str, Any]:
    return _set({name: list(shown)})


def page_json(name: str, found: Found[T], show: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    """As much of what was found as fits, and where the next page begins."""
    shown: list[dict[str, Any]] = []
    size, token = 0, None
    for thing, after in found.things:
        told = show(thing)
        text = json.dumps(told, separators=(",", ":"))
        size += len(text) + text.count('"')
        if shown and size > PAGE_BYTES:
            return _set({name: shown, "next_page_token": token})
        shown.append(told)
        token = after
    return _set({name: shown, "next_page_token": token if found.more else None})


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _set(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value != []}
