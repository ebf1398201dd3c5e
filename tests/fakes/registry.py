from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from shelflife.kernel.ids import Moment
from shelflife.kernel.news import News
from shelflife.kernel.paging import Page, decode_cursor, encode_cursor
from shelflife.registry.errors import (
    ModelVersionExistsError,
    ModelVersionNotFoundError,
    RegisteredModelChangedError,
    RegisteredModelExistsError,
)
from shelflife.registry.model import (
    Change,
    ChangeKind,
    ModelVersion,
    RegisteredModel,
    Stage,
    Tenure,
)
from shelflife.registry.ports import Commit, Use, VersionOrder

T = TypeVar("T")


@dataclass
class MemoryRegistry:
    """What the keepers below share, as they share a table; versions are kept by model id and number."""

    models: dict[str, RegisteredModel] = field(default_factory=dict)
    versions: dict[tuple[str, int], ModelVersion] = field(default_factory=dict)
    changes: dict[str, list[Change]] = field(default_factory=dict)
    tenures: list[Tenure] = field(default_factory=list)
    uses: dict[str, list[Use]] = field(default_factory=dict)
    news: list[News] = field(default_factory=list)

    def told(self, change: Change) -> None:
        self.changes.setdefault(change.owner_id, []).append(change)

    def end(self, model: RegisteredModel, at: Moment) -> None:
        mine = Tenure(name=model.name, owner_id=model.model_id, since=model.named_at)
        self.tenures = [one.model_copy(update={"until": at}) if one == mine else one for one in self.tenures]

    def of(self, model: RegisteredModel) -> list[ModelVersion]:
        found = [one for key, one in sorted(self.versions.items()) if key[0] == model.model_id]
        return [one.model_copy(update={"model_name": model.name}) for one in found]


@dataclass
class MemoryRegisteredModels:
    kept: MemoryRegistry

    def add(self, model: RegisteredModel, change: Change) -> None:
        if model.name in self.kept.models:
            raise RegisteredModelExistsError(model.name)
        self.kept.models[model.name] = model
        self.kept.told(change)
        self.kept.tenures.append(Tenure(name=model.name, owner_id=model.model_id, since=change.happened_at))

    def find(self, name: str) -> RegisteredModel | None:
        return self.kept.models.get(name)

    def named(self, model_ids: Sequence[str]) -> dict[str, RegisteredModel]:
        return {one.model_id: one for one in self.kept.models.values() if one.model_id in model_ids}

    def commit(self, commit: Commit) -> None:
        model, versions = commit.model, self.kept.versions
        self._check(model.model_copy(update={"revision": model.revision - 1}))
        if self._is_late(commit):
            raise RegisteredModelChangedError(model.name)
        if commit.added is not None:
            self._add(commit.added)
        for before, stage in commit.moved:
            key = before.owner_id, before.version
            versions[key] = versions[key].model_copy(update={"stage": stage, "updated_at": model.updated_at})
        if commit.settled is not None:
            self._settle(commit.settled)
        if commit.removed is not None:
            del versions[commit.removed.owner_id, commit.removed.version]
        self.kept.models[model.name] = model
        if commit.change is not None:
            self.kept.told(commit.change)
        self.kept.news += commit.news

    def rename(self, before: RegisteredModel, after: RegisteredModel, change: Change) -> None:
        if after.name in self.kept.models:
            raise RegisteredModelExistsError(after.name)
        self._check(before)
        del self.kept.models[before.name]
        self.kept.models[after.name] = after
        self.kept.told(change)
        self.kept.end(before, change.happened_at)
        self.kept.tenures.append(Tenure(name=after.name, owner_id=after.model_id, since=change.happened_at))

    def remove(self, model: RegisteredModel, change: Change, news: News) -> None:
        self._check(model)
        del self.kept.models[model.name]
        self.kept.told(change)
        self.kept.end(model, change.happened_at)
        self.kept.news.append(news)

    def page(
        self,
        *,
        prompts: bool,
        by_age: bool,
        backwards: bool,
        prefix: str,
        limit: int,
        cursor: str | None,
    ) -> Page[RegisteredModel]:
        models = [one for one in self.kept.models.values() if one.is_prompt is prompts]
        found = [one for one in models if one.name.startswith(prefix)]
        return _listed(found, _age if by_age else _name, limit, cursor, backwards=backwards)

    def after(self, model: RegisteredModel, *, by_age: bool) -> str:
        return encode_cursor({"after": (_age if by_age else _name)(model)}) or ""

    def _check(self, seen: RegisteredModel) -> None:
        found = self.kept.models.get(seen.name)
        if found is None or (found.model_id, found.revision) != (seen.model_id, seen.revision):
            raise RegisteredModelChangedError(seen.name)

    def _is_late(self, commit: Commit) -> bool:
        told = {one.number for one in self.kept.changes.get(commit.model.model_id, [])}
        return (
            any(self._stage(before) is not before.stage for before, _ in commit.moved)
            or (commit.removed is not None and self._stage(commit.removed) is None)
            or (commit.added is not None and self._stage(commit.added) is not None)
            or (commit.change is not None and commit.change.number in told)
        )

    def _stage(self, version: ModelVersion) -> Stage | None:
        found = self.kept.versions.get((version.owner_id, version.version))
        return found.stage if found else None

    def _settle(self, version: ModelVersion) -> None:
        key = version.owner_id, version.version
        known = self.kept.versions.get(key)
        if known is None or known.candidate is not None or known.status_message is not None:
            raise RegisteredModelChangedError(version.model_name)
        told = ("candidate", "status_message", "location", "run_id")
        self.kept.versions[key] = known.model_copy(update={name: getattr(version, name) for name in told})

    def _add(self, version: ModelVersion) -> None:
        jobs = {one.job_id for key, one in self.kept.versions.items() if key[0] == version.owner_id}
        if version.job_id is not None and version.job_id in jobs:
            raise ModelVersionExistsError(version.model_name, version.version)
        self.kept.versions[version.owner_id, version.version] = version


@dataclass
class MemoryModelVersions:
    kept: MemoryRegistry

    def find(self, model: RegisteredModel, version: int) -> ModelVersion | None:
        return next((one for one in self.kept.of(model) if one.version == version), None)

    def find_many(self, model: RegisteredModel, numbers: Sequence[int]) -> list[ModelVersion]:
        return [one for one in self.kept.of(model) if one.version in numbers]

    def find_all(self, wanted: Sequence[tuple[RegisteredModel, int]]) -> list[ModelVersion]:
        found = (self.find(model, number) for model, number in wanted)
        return [one for one in found if one is not None]

    def of_job(self, model: RegisteredModel, job_id: str) -> ModelVersion | None:
        return next((one for one in self.kept.of(model) if one.job_id == job_id), None)

    def of_run(self, run_id: str, limit: int, cursor: str | None) -> Page[tuple[str, int]]:
        found = [key for key, one in sorted(self.kept.versions.items()) if one.run_id == run_id]
        return _listed(found, lambda key: f"{key[0]}#{key[1]:08d}", limit, cursor)

    def page(
        self, model: RegisteredModel, limit: int, cursor: str | None, *, backwards: bool = True
    ) -> Page[ModelVersion]:
        order = _ORDERS[VersionOrder.NUMBER]
        return _listed(self.kept.of(model), order, limit, cursor, backwards=backwards)

    def page_by_age(
        self, model: RegisteredModel, limit: int, cursor: str | None, *, backwards: bool = True
    ) -> Page[ModelVersion]:
        return _listed(self.kept.of(model), _ORDERS[VersionOrder.AGE], limit, cursor, backwards=backwards)

    def page_of_all(self, limit: int, cursor: str | None, *, prompts: bool = False) -> Page[ModelVersion]:
        found = [one for one in self.kept.versions.values() if one.is_prompt is prompts]
        return _listed(found, _ORDERS[VersionOrder.AGE_OF_ALL], limit, cursor, backwards=True)

    def after(self, version: ModelVersion, order: VersionOrder) -> str:
        return encode_cursor({"after": _ORDERS[order](version)}) or ""

    def staged(self, model: RegisteredModel, stage: Stage, limit: int) -> list[int]:
        found = [one.version for one in self.kept.of(model) if one.stage is stage]
        return sorted(found, reverse=True)[:limit]

    def describe(self, version: ModelVersion, description: str, at: Moment) -> ModelVersion:
        return self._change(version, {"description": description, "updated_at": at})

    def tag(self, version: ModelVersion, key: str, value: str | None) -> ModelVersion:
        found = self.kept.versions.get((version.owner_id, version.version), version)
        rest = {known: text for known, text in found.tags.items() if known != key}
        return self._change(version, {"tags": rest if value is None else rest | {key: value}})

    def _change(self, version: ModelVersion, changes: dict[str, object]) -> ModelVersion:
        key = version.owner_id, version.version
        if key not in self.kept.versions:
            raise ModelVersionNotFoundError(version.model_name, version.version)
        self.kept.versions[key] = self.kept.versions[key].model_copy(update=changes)
        return self.kept.versions[key].model_copy(update={"model_name": version.model_name})


@dataclass
class MemoryHistories:
    kept: MemoryRegistry

    def page(self, model_id: str, limit: int, cursor: str | None, *, backwards: bool = True) -> Page[Change]:
        return _listed(self.kept.changes.get(model_id, []), _number, limit, cursor, backwards=backwards)

    def of_alias(self, model_id: str, alias: str, limit: int, cursor: str | None) -> Page[Change]:
        changes = self.kept.changes.get(model_id, [])
        moves = [one for one in changes if (one.kind, one.alias) == (ChangeKind.ALIAS_MOVED, alias)]
        return _listed(moves, _number, limit, cursor, backwards=True)

    def tenures(self, name: str, limit: int, cursor: str | None) -> Page[Tenure]:
        found = [one for one in self.kept.tenures if one.name == name]
        return _listed(found, lambda one: f"{one.since.timestamp():020.6f}", limit, cursor, backwards=True)

    def tenure_at(self, name: str, at: Moment) -> Tenure | None:
        begun = [one for one in self.kept.tenures if one.name == name and one.since <= at]
        last = max(begun, key=lambda one: one.since, default=None)
        return last if last and (last.until is None or at < last.until) else None


def _name(model: RegisteredModel) -> str:
    return model.name


def _age(model: RegisteredModel) -> str:
    return f"{model.updated_at.timestamp():020.6f}#{model.name}"


def _number(change: Change) -> str:
    return f"{change.number:010d}"


_ORDERS: dict[VersionOrder, Callable[[ModelVersion], str]] = {
    VersionOrder.NUMBER: lambda one: f"{one.version:08d}",
    VersionOrder.AGE: lambda one: f"{one.updated_at.timestamp():020.6f}#{one.version:08d}",
    VersionOrder.AGE_OF_ALL: lambda one: (
        f"{one.updated_at.timestamp():020.6f}#{one.owner_id}#{one.version:08d}"
    ),
}


def _listed(
    things: Sequence[T],
    order: Callable[[T], str],
    limit: int,
    cursor: str | None,
    *,
    backwards: bool = False,
) -> Page[T]:
    after: Any = (decode_cursor(cursor) or {}).get("after")
    ordered = sorted(things, key=order, reverse=backwards)
    left = [
        one for one in ordered if after is None or (order(one) < after if backwards else order(one) > after)
    ]
    shown = left[:limit]
    more = encode_cursor({"after": order(shown[-1])}) if len(left) > limit else None
    return Page(items=tuple(shown), next_cursor=more)
