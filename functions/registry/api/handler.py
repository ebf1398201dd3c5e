"""HTTP: registered models, native and in MLflow's protocol."""

from typing import Any

from pydantic import Field

from shelflife.contracts.access import Role
from shelflife.entry.http import Call, HttpDoor, InvalidParameterError
from shelflife.kernel.model import Model
from shelflife.kernel.names import Context
from shelflife.registry import requests as asked
from shelflife.registry import wire
from shelflife.registry.errors import AliasNotFoundError, AliasUnknownError
from shelflife.registry.mlflow_search import (
    model_clauses,
    model_name_in,
    models_found,
    version_clauses,
    versions_found,
)
from shelflife.registry.model import ModelVersion, Move, RegisteredModel
from shelflife.registry.wiring import promotion, registry

door = HttpDoor(Context.REGISTRY)
handler = door.handle

MODELS = "/v1/registry/models"
MLFLOW_MODELS = "/api/2.0/mlflow/registered-models"
MLFLOW_VERSIONS = "/api/2.0/mlflow/model-versions"
Json = dict[str, Any]


class MoveRequest(Model):
    version: int = Field(ge=1)
    reason: str = Field(min_length=1, max_length=1000)
    evaluation_id: str | None = None


@door.get(MODELS)
def list_models(call: Call[None]) -> Json:
    page = registry().models.page(*call.page())
    return {"models": [_plain(model) for model in page.items], "next_cursor": page.next_cursor}


@door.get(f"{MODELS}/<name>")
def get_model(call: Call[None], name: str) -> Json:  # noqa: ARG001 - every route takes its call
    model, latest = registry().model(name), registry().latest(name)
    return _plain(model) | {
        "latest_version": latest.version if latest else None,
        "aliases": [_plain(alias) for alias in promotion().of_model(name)],
    }


@door.get(f"{MODELS}/<name>/versions")
def list_versions(call: Call[None], name: str) -> Json:
    page = registry().page_of_versions(name, *call.page())
    return {"versions": [_plain(version) for version in page.items], "next_cursor": page.next_cursor}


@door.get(f"{MODELS}/<name>/versions/<version>")
def get_version(call: Call[None], name: str, version: str) -> ModelVersion:  # noqa: ARG001 - see above
    if not version.isdecimal():
        raise InvalidParameterError("version", version, "a number")
    return registry().version(name, int(version))


@door.get(f"{MODELS}/<name>/aliases/<alias>")
def get_alias(call: Call[None], name: str, alias: str) -> Json:  # noqa: ARG001 - see above
    found, version = promotion().find(name, alias)
    return _plain(found) | {"model_version": _plain(version)}


@door.put(f"{MODELS}/<name>/aliases/<alias>", role=Role.APPROVER, body=MoveRequest)
def move_alias(call: Call[MoveRequest], name: str, alias: str) -> Json:
    move = Move(**dict(call.body), model_name=name, alias=alias, moved_by=call.principal.name)
    promotion().move(move)
    found, version = promotion().find(name, alias)
    return _plain(found) | {"model_version": _plain(version)}


@door.get(f"{MODELS}/<name>/aliases/<alias>/history")
def list_moves(call: Call[None], name: str, alias: str) -> Json:
    page = promotion().history(name, alias, *call.page())
    return {"moves": [_plain(move) for move in page.items], "next_cursor": page.next_cursor}


@door.post(f"{MLFLOW_MODELS}/create", body=asked.CreateModel)
def mlflow_create_model(call: Call[asked.CreateModel]) -> Json:
    tags = asked.plain(call.body.tags)
    made = registry().create_model(
        call.body.name, description=call.body.description, tags=tags, created_by=call.principal.name
    )
    return {"registered_model": wire.model_json(made)}


@door.get(f"{MLFLOW_MODELS}/get")
def mlflow_get_model(call: Call[None]) -> Json:
    return {"registered_model": _shown(registry().model(call.parameters(asked.NamedModel).name))}


@door.get(f"{MLFLOW_MODELS}/search")
def mlflow_search_models(call: Call[None]) -> Json:
    search = call.parameters(asked.Search)
    page = models_found(registry().all_models(), model_clauses(search), search)
    return wire.page_json("registered_models", [_shown(model) for model in page.items], page.next_cursor)


@door.route("PATCH", f"{MLFLOW_MODELS}/update", role=Role.CONTRIBUTOR, body=asked.DescribeModel)
def mlflow_describe_model(call: Call[asked.DescribeModel]) -> Json:
    return {"registered_model": _shown(registry().describe_model(call.body.name, call.body.description))}


@door.delete(f"{MLFLOW_MODELS}/delete", body=asked.NamedModel)
def mlflow_delete_model(call: Call[asked.NamedModel]) -> Json:
    registry().delete_model(call.body.name)
    return {}


@door.post(f"{MLFLOW_MODELS}/set-tag", body=asked.TagModel)
def mlflow_tag_model(call: Call[asked.TagModel]) -> Json:
    registry().tag_model(call.body.name, call.body.key, call.body.value)
    return {}


@door.delete(f"{MLFLOW_MODELS}/delete-tag", body=asked.UntagModel)
def mlflow_untag_model(call: Call[asked.UntagModel]) -> Json:
    registry().tag_model(call.body.name, call.body.key, None)
    return {}


@door.route("POST", f"{MLFLOW_MODELS}/get-latest-versions", role=Role.VIEWER, body=asked.NamedModel)
def mlflow_latest_versions(call: Call[asked.NamedModel]) -> Json:
    name = registry().model(call.body.name).name
    latest = registry().latest(name)
    shown = [wire.version_json(latest, promotion().of_model(name))] if latest else []
    return wire.page_json("model_versions", shown, None)


@door.get(f"{MLFLOW_MODELS}/alias")
def mlflow_get_alias(call: Call[None]) -> Json:
    named = call.parameters(asked.NamedAlias)
    try:
        _, version = promotion().find(named.name, named.alias)
    except AliasNotFoundError as error:
        raise AliasUnknownError(named.name, named.alias) from error
    return {"model_version": _shown_version(version)}


@door.post(f"{MLFLOW_MODELS}/alias", role=Role.APPROVER, body=asked.SetAlias)
def mlflow_set_alias(call: Call[asked.SetAlias]) -> Json:
    promotion().move(
        Move(
            model_name=call.body.name,
            alias=call.body.alias,
            version=call.body.version,
            reason="set by an MLflow client",
            moved_by=call.principal.name,
        )
    )
    return {}


@door.delete(f"{MLFLOW_MODELS}/alias", role=Role.APPROVER, body=asked.NamedAlias)
def mlflow_delete_alias(call: Call[asked.NamedAlias]) -> Json:
    promotion().remove(call.body.name, call.body.alias, removed_by=call.principal.name)
    return {}


@door.post(f"{MLFLOW_VERSIONS}/create", body=asked.CreateVersion)
def mlflow_create_version(call: Call[asked.CreateVersion]) -> Json:
    made = registry().create_version(call.body.name, call.body.new(), created_by=call.principal.name)
    return {"model_version": wire.version_json(made)}


@door.get(f"{MLFLOW_VERSIONS}/get")
def mlflow_get_version(call: Call[None]) -> Json:
    return {"model_version": _shown_version(_numbered(call))}


@door.get(f"{MLFLOW_VERSIONS}/get-download-uri")
def mlflow_get_download_uri(call: Call[None]) -> Json:
    return {"artifact_uri": _numbered(call).source_uri}


@door.get(f"{MLFLOW_VERSIONS}/search")
def mlflow_search_versions(call: Call[None]) -> Json:
    search = call.parameters(asked.Search)
    clauses = version_clauses(search)
    page = versions_found(registry().all_versions(model_name_in(clauses)), clauses, search)
    aliases = {model: promotion().of_model(model) for model in {version.model_name for version in page.items}}
    shown = [wire.version_json(version, aliases[version.model_name]) for version in page.items]
    return wire.page_json("model_versions", shown, page.next_cursor)


@door.route("PATCH", f"{MLFLOW_VERSIONS}/update", role=Role.CONTRIBUTOR, body=asked.DescribeVersion)
def mlflow_describe_version(call: Call[asked.DescribeVersion]) -> Json:
    body = call.body
    changed = registry().describe_version(body.name, body.version, body.description)
    return {"model_version": _shown_version(changed)}


@door.post(f"{MLFLOW_VERSIONS}/set-tag", body=asked.TagVersion)
def mlflow_tag_version(call: Call[asked.TagVersion]) -> Json:
    registry().tag_version(call.body.name, call.body.version, call.body.key, call.body.value)
    return {}


@door.delete(f"{MLFLOW_VERSIONS}/delete-tag", body=asked.UntagVersion)
def mlflow_untag_version(call: Call[asked.UntagVersion]) -> Json:
    registry().tag_version(call.body.name, call.body.version, call.body.key, None)
    return {}


def _numbered(call: Call[None]) -> ModelVersion:
    named = call.parameters(asked.NumberedVersion)
    return registry().version(named.name, named.version)


def _shown(model: RegisteredModel) -> Json:
    return wire.model_json(model, promotion().of_model(model.name), registry().latest(model.name))


def _shown_version(version: ModelVersion) -> Json:
    return wire.version_json(version, promotion().of_model(version.model_name))


def _plain(model: Model) -> Json:
    return model.model_dump(mode="json")
