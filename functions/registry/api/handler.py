"""HTTP: registered models, native and in MLflow's protocol."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from pydantic import Field

from shelflife.contracts.access import Role
from shelflife.entry.http import Answer, Call, HttpDoor, InvalidParameterError
from shelflife.kernel.model import Model
from shelflife.kernel.names import Context
from shelflife.registry import native, sources, wire
from shelflife.registry import requests as asked
from shelflife.registry.errors import AliasNotFoundError, AliasUnknownError
from shelflife.registry.found import Found
from shelflife.registry.model import ModelVersion, Move, RegisteredModel
from shelflife.registry.stages import Transition, canonical
from shelflife.registry.submission import Sent
from shelflife.registry.wiring import (
    history,
    lifecycle,
    promotion,
    registry,
    searching,
    stages,
    submission,
    uses,
)

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
    limit, cursor = call.page()
    page = registry().models.page(
        prompts=False, by_age=False, backwards=False, prefix="", limit=limit, cursor=cursor
    )
    return {"models": [native.model_json(model) for model in page.items], "next_cursor": page.next_cursor}


@door.get(f"{MODELS}/<name>")
def get_model(call: Call[None], name: str) -> Json:  # noqa: ARG001 - every route takes its call
    model = registry().model(name)
    return native.model_json(model) | {
        "latest_version": max(model.latest.values(), default=None),
        "aliases": [{"alias": alias, "version": version} for alias, version in sorted(model.aliases.items())],
        "used_by": [native.use_json(use) for use in uses().of_model(name)],
    }


@door.get(f"{MODELS}/<name>/versions")
def list_versions(call: Call[None], name: str) -> Json:
    page = registry().page_of_versions(name, *call.page())
    shown = [native.version_json(version) for version in page.items]
    return {"versions": shown, "next_cursor": page.next_cursor}


@door.get(f"{MODELS}/<name>/versions/<version>")
def get_version(call: Call[None], name: str, version: str) -> Json:  # noqa: ARG001 - see above
    if not version.isdecimal():
        raise InvalidParameterError("version", version, "a number")
    return native.version_json(registry().version(name, int(version)))


@door.get(f"{MODELS}/<name>/aliases/<alias>")
def get_alias(call: Call[None], name: str, alias: str) -> Json:  # noqa: ARG001 - see above
    model, version = promotion().find(name, alias)
    return native.alias_json(model, alias, history().last_move(model, alias), version)


@door.put(f"{MODELS}/<name>/aliases/<alias>", role=Role.APPROVER, body=MoveRequest)
def move_alias(call: Call[MoveRequest], name: str, alias: str) -> Json:
    promotion().move(Move(**dict(call.body), model_name=name, alias=alias, moved_by=call.principal.name))
    model, version = promotion().find(name, alias)
    return native.alias_json(model, alias, history().last_move(model, alias), version)


@door.get(f"{MODELS}/<name>/aliases/<alias>/history")
def list_moves(call: Call[None], name: str, alias: str) -> Json:
    page = history().of_alias(name, alias, *call.page())
    return {"moves": [native.move_json(move) for move in page.items], "next_cursor": page.next_cursor}


@door.post(f"{MLFLOW_MODELS}/create", body=asked.CreateModel)
def mlflow_create_model(call: Call[asked.CreateModel]) -> Json:
    tags = asked.plain(call.body.tags)
    made = lifecycle().create(
        call.body.name, description=call.body.description, tags=tags, created_by=call.principal.name
    )
    return {"registered_model": wire.model_json(made)}


@door.get(f"{MLFLOW_MODELS}/get")
def mlflow_get_model(call: Call[None]) -> Json:
    return _shown(registry().model(call.parameters(asked.NamedModel).name))


@door.get(f"{MLFLOW_MODELS}/search")
def mlflow_search_models(call: Call[None]) -> Json:
    found = searching().find_models(call.parameters(asked.SearchModels).search())
    return wire.page_json("registered_models", found, _told_with_latest(found))


@door.route("PATCH", f"{MLFLOW_MODELS}/update", role=Role.CONTRIBUTOR, body=asked.DescribeModel)
def mlflow_describe_model(call: Call[asked.DescribeModel]) -> Json:
    return _shown(registry().describe_model(call.body.name, call.body.description))


@door.post(f"{MLFLOW_MODELS}/rename", body=asked.RenameModel)
def mlflow_rename_model(call: Call[asked.RenameModel]) -> Json:
    by = call.principal.name
    return _shown(lifecycle().rename(call.body.name, call.body.new_name, renamed_by=by))


@door.delete(f"{MLFLOW_MODELS}/delete", body=asked.NamedModel)
def mlflow_delete_model(call: Call[asked.NamedModel]) -> Json:
    lifecycle().delete(call.body.name, deleted_by=call.principal.name)
    return {}


@door.post(f"{MLFLOW_MODELS}/set-tag", body=asked.TagModel)
def mlflow_tag_model(call: Call[asked.TagModel]) -> Json:
    registry().tag_model(call.body.name, call.body.key, call.body.value)
    return {}


@door.delete(f"{MLFLOW_MODELS}/delete-tag", body=asked.UntagModel)
def mlflow_untag_model(call: Call[asked.UntagModel]) -> Json:
    registry().tag_model(call.body.name, call.body.key, None)
    return {}


@door.route("POST", f"{MLFLOW_MODELS}/get-latest-versions", role=Role.VIEWER, body=asked.LatestVersions)
def mlflow_latest_versions(call: Call[asked.LatestVersions]) -> Json:
    return _latest(call.body)


@door.get(f"{MLFLOW_MODELS}/get-latest-versions")
def mlflow_get_latest_versions(call: Call[None]) -> Json:
    return _latest(call.parameters(asked.LatestVersions))


@door.get(f"{MLFLOW_MODELS}/alias")
def mlflow_get_alias(call: Call[None]) -> Json:
    named = call.parameters(asked.NamedAlias)
    try:
        model, version = promotion().find(named.name, named.alias)
    except AliasNotFoundError as error:
        raise AliasUnknownError(named.name, named.alias) from error
    return {"model_version": wire.version_json(version, model)}


@door.post(f"{MLFLOW_MODELS}/alias", role=Role.APPROVER, body=asked.SetAlias)
def mlflow_set_alias(call: Call[asked.SetAlias]) -> Json:
    body, by = call.body, call.principal.name
    reason = "set by an MLflow client"
    promotion().move(
        Move(model_name=body.name, alias=body.alias, version=body.version, reason=reason, moved_by=by)
    )
    return {}


@door.delete(f"{MLFLOW_MODELS}/alias", role=Role.APPROVER, body=asked.NamedAlias)
def mlflow_delete_alias(call: Call[asked.NamedAlias]) -> Json:
    promotion().remove(call.body.name, call.body.alias, removed_by=call.principal.name)
    return {}


@door.post(f"{MLFLOW_VERSIONS}/create", body=asked.CreateVersion)
def mlflow_create_version(call: Call[asked.CreateVersion]) -> Json:
    sent = Sent(call.body.new(), frozenset(call.body.model_fields_set), call.body.is_prompt)
    model, made = submission().submit(call.body.name, sent, created_by=call.principal.name)
    return {"model_version": wire.version_json(made, model)}


@door.get(f"{MLFLOW_VERSIONS}/get")
def mlflow_get_version(call: Call[None]) -> Json:
    return _shown_version(*_numbered(call))


@door.get(f"{MLFLOW_VERSIONS}/get-download-uri")
def mlflow_get_download_uri(call: Call[None]) -> Json:
    _, version = _numbered(call)
    return {"artifact_uri": version.location or version.source_uri}


@door.get(f"{MLFLOW_VERSIONS}/search")
def mlflow_search_versions(call: Call[None]) -> Json:
    found = searching().find_versions(call.parameters(asked.SearchVersions).search())
    return wire.page_json("model_versions", found, lambda owned: wire.version_json(owned[1], owned[0]))


@door.route("PATCH", f"{MLFLOW_VERSIONS}/update", role=Role.CONTRIBUTOR, body=asked.DescribeVersion)
def mlflow_describe_version(call: Call[asked.DescribeVersion]) -> Json:
    body = call.body
    return _shown_version(
        registry().model(body.name), registry().describe_version(body.name, body.version, body.description)
    )


@door.post(f"{MLFLOW_VERSIONS}/transition-stage", role=Role.APPROVER, body=asked.MoveStage)
def mlflow_move_stage(call: Call[asked.MoveStage]) -> Json:
    body, stage = call.body, canonical(call.body.stage)
    move = Transition(body.name, body.version, stage, body.archive_existing_versions, call.principal.name)
    moved = stages().move(move)
    return _shown_version(registry().model(body.name), moved)


@door.delete(f"{MLFLOW_VERSIONS}/delete", body=asked.NumberedVersion)
def mlflow_delete_version(call: Call[asked.NumberedVersion]) -> Json:
    stages().delete(call.body.name, call.body.version, deleted_by=call.principal.name)
    return {}


@door.post(f"{MLFLOW_VERSIONS}/set-tag", body=asked.TagVersion)
def mlflow_tag_version(call: Call[asked.TagVersion]) -> Json:
    registry().tag_version(call.body.name, call.body.version, call.body.key, call.body.value)
    return {}


@door.delete(f"{MLFLOW_VERSIONS}/delete-tag", body=asked.UntagVersion)
def mlflow_untag_version(call: Call[asked.UntagVersion]) -> Json:
    registry().tag_version(call.body.name, call.body.version, call.body.key, None)
    return {}


@door.get("/model-versions/get-artifact")
def mlflow_get_version_file(call: Call[None]) -> Answer:
    """The way to a file of a version, for MLflow's pages; artifact storage has it."""
    named = call.parameters(asked.FileOfVersion)
    version = registry().version(named.name, named.version)
    path = sources.file_below(version.location or version.source_uri, named.path)
    # Relative, because the API may be below a stage's path.
    location = f"../ajax-api/2.0/mlflow-artifacts/artifacts/{quote(path)}"
    return Answer(status=HTTPStatus.FOUND, headers={"Location": location})


def _numbered(call: Call[None]) -> tuple[RegisteredModel, ModelVersion]:
    named = call.parameters(asked.NumberedVersion)
    model = registry().model(named.name)
    return model, registry().version_of(model, named.version)


def _latest(named: asked.LatestVersions) -> Json:
    wanted, model = named.canonical(), registry().model(named.name)
    shown = [wire.version_json(version, model) for version in stages().latest(model, wanted)]
    return wire.list_json("model_versions", shown)


def _told_with_latest(found: Found[RegisteredModel]) -> Callable[[RegisteredModel], Json]:
    latest = registry().latest_of([model for model, _ in found.things])
    return lambda model: wire.model_json(model, latest[model.model_id])


def _shown(model: RegisteredModel) -> Json:
    return {"registered_model": wire.model_json(model, registry().latest(model))}


def _shown_version(model: RegisteredModel, version: ModelVersion) -> Json:
    return {"model_version": wire.version_json(version, model)}
