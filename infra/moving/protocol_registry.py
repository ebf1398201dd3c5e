"""Registered models and their versions, made over MLflow's protocol.

A registry counts versions by itself, and never gives a number twice, so a number that is missing at the
source is made and deleted again. Every version carries the number that it was made for: what was made and not
deleted, because the move was cut off in between, is known by it.
"""

from collections.abc import Callable

from infra.moving import things
from infra.moving.reader import Reader, is_prompt
from infra.moving.server import API, Json, RefusedError, Server
from infra.moving.target import TakenError
from infra.moving.things import Names

Create = Callable[[Server, Json], Json]


def put_model(server: Server, told: Json) -> None:
    """Make the registered model, or see to it that it is as told."""
    name = told["name"]
    found = server.find(f"{API}/registered-models/get", {"name": name})
    if found is None:
        body = {"name": name, "description": told["description"], "tags": things.listed(told["tags"])}
        try:
            server.post(f"{API}/registered-models/create", body)
        except RefusedError as error:
            if not error.exists:
                raise
        return
    known = things.registered_model(found["registered_model"])
    if known["description"] != told["description"]:
        server.patch(f"{API}/registered-models/update", {"name": name, "description": told["description"]})
    for key, value in told["tags"].items():
        if known["tags"].get(key) != value:
            server.post(f"{API}/registered-models/set-tag", {"name": name, "key": key, "value": value})


def put_versions(server: Server, told: list[Json], names: Names, create: Create) -> None:
    """Make the versions of one model, sorted by number, under the numbers that they have.

    Raises:
        TakenError: another version has, or had, the number.
    """
    if not told:
        return
    name = told[0]["name"]
    known = {
        version["version"]: version
        for version in Reader(server).versions(name, prompt=is_prompt_version(told[0]))
    }
    for number, raw in list(known.items()):
        made_for = things.pairs(raw.get("tags")).get(things.VERSION_TAG)
        if made_for not in {None, number}:
            _delete(server, name, number)
            del known[number]
    for version in told:
        wanted = at_target(version, names)
        number = version["version"]
        there = known.get(number) or create(server, wanted)
        if things.version(there)["source"] != wanted["source"]:
            raise TakenError(f"version {number} of model {name!r} at the target is another one")
        _change(server, wanted, things.version(there))


def at_target(version: Json, names: Names) -> Json:
    """The version as the target is to have it: what it names is called otherwise there."""
    mapped = {field: names.mapped(version[field]) for field in ("source", "run_id", "model_id")}
    return version | mapped


def is_prompt_version(version: Json) -> bool:
    return is_prompt({"tags": things.listed(version["tags"])})


def create_version(server: Server, wanted: Json) -> Json:
    """Make the version under its number; the answer is what the server tells of it.

    Raises:
        TakenError: the number was given away before.
    """
    fields = ("name", "source", "run_id", "run_link", "description", "model_id")
    tags = wanted["tags"] | {things.VERSION_TAG: wanted["version"]}
    body = {field: wanted[field] for field in fields if wanted[field]} | {"tags": things.listed(tags)}
    while True:
        made: Json = server.post(f"{API}/model-versions/create", body, once=True)["model_version"]
        number = str(made["version"])
        if number == wanted["version"]:
            return made
        _delete(server, wanted["name"], number)
        if int(number) > int(wanted["version"]):
            raise TakenError(f"number {wanted['version']} of model {wanted['name']!r} was given away already")


def _change(server: Server, wanted: Json, known: Json) -> None:
    named = {"name": wanted["name"], "version": wanted["version"]}
    if known["description"] != wanted["description"]:
        server.patch(f"{API}/model-versions/update", named | {"description": wanted["description"]})
    for key, value in wanted["tags"].items():
        if known["tags"].get(key) != value:
            server.post(f"{API}/model-versions/set-tag", named | {"key": key, "value": value})
    if known["stage"] != wanted["stage"] and not is_prompt_version(wanted):
        body = named | {"stage": wanted["stage"], "archive_existing_versions": False}
        server.post(f"{API}/model-versions/transition-stage", body)


def _delete(server: Server, name: str, number: str) -> None:
    server.delete(f"{API}/model-versions/delete", {"name": name, "version": number})
