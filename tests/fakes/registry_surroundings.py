"""What surrounds the registry, in memory: deployments, files of models, and what deletions leave behind."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shelflife.contracts.data import StoredObject
from shelflife.kernel.ids import Moment
from shelflife.registry.ports import Use
from tests.fakes.registry import MemoryRegistry


@dataclass
class MemoryUses:
    kept: MemoryRegistry
    times: dict[tuple[str, str, str], Moment] = field(default_factory=dict)

    def of_model(self, model_name: str) -> list[Use]:
        return [use for use in self.kept.uses.get(model_name, []) if use.alias or use.versions]

    def follow(self, model_name: str, deployment: str, alias: str, at: Moment) -> None:
        if self._is_new((model_name, deployment, "alias"), at):
            self._change(model_name, deployment, alias=alias)

    def serve(self, model_name: str, deployment: str, versions: Sequence[int], at: Moment) -> None:
        if self._is_new((model_name, deployment, "versions"), at):
            self._change(model_name, deployment, versions=frozenset(versions))

    def end(self, model_name: str, deployment: str, at: Moment) -> None:
        parts = [(model_name, deployment, part) for part in ("alias", "versions")]
        if all(self.times.get(part, at) <= at for part in parts):
            self.times |= dict.fromkeys(parts, at)
            self._change(model_name, deployment, alias=None, versions=frozenset())

    def _is_new(self, part: tuple[str, str, str], at: Moment) -> bool:
        if part in self.times and at <= self.times[part]:
            return False
        self.times[part] = at
        return True

    def _change(self, model_name: str, deployment: str, **changes: Any) -> None:
        known = self.kept.uses.get(model_name, [])
        mine = next((use for use in known if use.deployment == deployment), Use(deployment))
        rest = [use for use in known if use.deployment != deployment]
        self.kept.uses[model_name] = [*rest, replace(mine, **changes)]


@dataclass
class MemoryModelFiles:
    """Artifacts by their path; `kept` are models by their URI."""

    artifacts: dict[str, bytes] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)

    def folder_of(self, location: str) -> str | None:
        path = location.removeprefix("mlflow-artifacts:/")
        return f"{path}/" if path != location else None

    def sizes(self, folder: str, most: int) -> dict[str, int]:
        found = {path: len(body) for path, body in self.artifacts.items() if path.startswith(folder)}
        return {path.removeprefix(folder): found[path] for path in sorted(found)[:most]}

    def read(self, folder: str, name: str) -> bytes | None:
        return self.artifacts.get(f"{folder}{name}")

    def keep(self, model: bytes | memoryview) -> StoredObject:
        sha256 = hashlib.sha256(model).hexdigest()
        self.kept[f"s3://bucket/models/{sha256}.onnx"] = bytes(model)
        return StoredObject(uri=f"s3://bucket/models/{sha256}.onnx", sha256=sha256, size_bytes=len(model))


@dataclass
class MemoryLeftovers:
    kept: MemoryRegistry

    def clear(self, model_id: str) -> None:
        if all(model.model_id != model_id for model in self.kept.models.values()):
            self.kept.versions = {key: one for key, one in self.kept.versions.items() if key[0] != model_id}
