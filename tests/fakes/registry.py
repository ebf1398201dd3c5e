from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from shelflife.contracts.registry import ModelVersionPromoted, ModelVersionRegistered
from shelflife.kernel.ids import Moment
from shelflife.kernel.paging import Page, decode_cursor, encode_cursor
from shelflife.registry.errors import (
    AliasMovedError,
    ModelVersionExistsError,
    ModelVersionNotFoundError,
    RegisteredModelChangedError,
    RegisteredModelExistsError,
    RegisteredModelNotFoundError,
)
from shelflife.registry.model import Alias, AliasMove, ModelVersion, RegisteredModel, after

T = TypeVar("T")


@dataclass
class MemoryRegistry:
    """What the three keepers below share, as they share a table."""

    models: dict[str, RegisteredModel] = field(default_factory=dict)
    versions: dict[tuple[str, int], ModelVersion] = field(default_factory=dict)
    aliases: dict[tuple[str, str], Alias] = field(default_factory=dict)
    moves: dict[tuple[str, str, int], AliasMove] = field(default_factory=dict)
    news: list[ModelVersionPromoted] = field(default_factory=list)
    registered: list[ModelVersionRegistered] = field(default_factory=list)

    def newest(self, model_name: str) -> int:
        return max((number for name, number in self.versions if name == model_name), default=0)


@dataclass
class MemoryRegisteredModels:
    kept: MemoryRegistry

    def add(self, model: RegisteredModel) -> None:
        if model.name in self.kept.models:
            raise RegisteredModelExistsError(model.name)
        self.kept.models[model.name] = model

    def find(self, name: str) -> RegisteredModel | None:
        return self.kept.models.get(name)

    def page(self, limit: int, cursor: str | None) -> Page[RegisteredModel]:
        return _page([self.kept.models[name] for name in sorted(self.kept.models)], limit, cursor)

    def describe(self, name: str, description: str, at: Moment) -> RegisteredModel:
        return self._change(name, {"description": description, "updated_at": at})

    def tag(self, name: str, key: str, value: str | None, at: Moment) -> RegisteredModel:
        tags = self.kept.models[name].tags if name in self.kept.models else {}
        return self._change(name, {"tags": _tagged(tags, key, value), "updated_at": at})

    def remove(self, name: str, newest_version: int) -> None:
        if name not in self.kept.models or self.kept.newest(name) != newest_version:
            raise RegisteredModelChangedError(name)
        del self.kept.models[name]
        self.kept.versions = {key: one for key, one in self.kept.versions.items() if key[0] != name}
        self.kept.aliases = {key: one for key, one in self.kept.aliases.items() if key[0] != name}
        self.kept.moves = {key: one for key, one in self.kept.moves.items() if key[0] != name}

    def _change(self, name: str, changes: dict[str, object]) -> RegisteredModel:
        if name not in self.kept.models:
            raise RegisteredModelNotFoundError(name)
        self.kept.models[name] = self.kept.models[name].model_copy(update=changes)
        return self.kept.models[name]


@dataclass
class MemoryModelVersions:
    kept: MemoryRegistry

    def newest(self, model_name: str) -> int:
        return self.kept.newest(model_name)

    def add(self, version: ModelVersion, news: ModelVersionRegistered | None = None) -> None:
        name, number = version.model_name, version.version
        if name not in self.kept.models:
            raise RegisteredModelNotFoundError(name)
        led_to_another = version.job_id is not None and self.of_job(name, version.job_id) is not None
        if (name, number) in self.kept.versions or led_to_another:
            raise ModelVersionExistsError(name, number)
        self.kept.versions[name, number] = version
        if news is not None:
            self.kept.registered.append(news)

    def find(self, model_name: str, version: int) -> ModelVersion | None:
        return self.kept.versions.get((model_name, version))

    def of_job(self, model_name: str, job_id: str) -> ModelVersion | None:
        of_it = (v for v in self.kept.versions.values() if (v.model_name, v.job_id) == (model_name, job_id))
        return next(of_it, None)

    def page(self, model_name: str, limit: int, cursor: str | None) -> Page[ModelVersion]:
        found = [v for v in self.kept.versions.values() if v.model_name == model_name]
        return _page(sorted(found, key=lambda v: -v.version), limit, cursor)

    def page_of_all(self, limit: int, cursor: str | None) -> Page[ModelVersion]:
        def age(version: ModelVersion) -> tuple[Moment, str, int]:
            return version.created_at, version.model_name, version.version

        return _page(sorted(self.kept.versions.values(), key=age, reverse=True), limit, cursor)

    def describe(self, model_name: str, version: int, description: str, at: Moment) -> ModelVersion:
        return self._change(model_name, version, {"description": description, "updated_at": at})

    def tag(self, model_name: str, version: int, tag: tuple[str, str | None], at: Moment) -> ModelVersion:
        found = self.find(model_name, version)
        tags = _tagged(found.tags if found else {}, *tag)
        return self._change(model_name, version, {"tags": tags, "updated_at": at})

    def _change(self, model_name: str, version: int, changes: dict[str, object]) -> ModelVersion:
        found = self.find(model_name, version)
        if found is None:
            raise ModelVersionNotFoundError(model_name, version)
        self.kept.versions[model_name, version] = found.model_copy(update=changes)
        return self.kept.versions[model_name, version]


@dataclass
class MemoryAliases:
    kept: MemoryRegistry

    def find(self, model_name: str, alias: str) -> Alias | None:
        return self.kept.aliases.get((model_name, alias))

    def of_model(self, model_name: str) -> tuple[Alias, ...]:
        found = [self.kept.aliases[key] for key in sorted(self.kept.aliases) if key[0] == model_name]
        return tuple(alias for alias in found if alias.version is not None)

    def move(self, move: AliasMove, news: ModelVersionPromoted | None) -> None:
        seen = self.find(move.model_name, move.alias)
        if (seen.moves if seen else 0) != move.number - 1:
            raise AliasMovedError(move.model_name, move.alias)
        self.kept.aliases[move.model_name, move.alias] = after(move)
        self.kept.moves[move.model_name, move.alias, move.number] = move
        if news is not None:
            self.kept.news.append(news)

    def history(self, model_name: str, alias: str, limit: int, cursor: str | None) -> Page[AliasMove]:
        found = [move for key, move in self.kept.moves.items() if key[:2] == (model_name, alias)]
        return _page(sorted(found, key=lambda move: -move.number), limit, cursor)


def _tagged(tags: dict[str, str], key: str, value: str | None) -> dict[str, str]:
    return {k: v for k, v in tags.items() if k != key} | ({} if value is None else {key: value})


def _page(found: Sequence[T], limit: int, cursor: str | None) -> Page[T]:
    after_ = (decode_cursor(cursor) or {}).get("after", 0)
    more = encode_cursor({"after": after_ + limit}) if len(found) > after_ + limit else None
    return Page(items=tuple(found[after_ : after_ + limit]), next_cursor=more)
